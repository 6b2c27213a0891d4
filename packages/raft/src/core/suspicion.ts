import { LOG_START, type LogPosition, type NodeId, type SuspectReply } from "@dister/types";
import type { CoreState } from "./state.ts";

/*
 * A log that lost acknowledged entries to damage is suspect. Its node must not help anybody to become leader: with what it
 * has lost, a majority may be missing an entry that was acknowledged. It neither stands nor votes, and its answers count
 * for nothing, until a leader has sent it everything that it may ever have acknowledged. Term and vote are not in doubt:
 * the log store keeps them twice, or refuses to open.
 */

/** So many election time-outs a leader leaves to writes that may reach a suspect's mark. */
const LEVEL_CHECKS = 10;

/** Ends of the doubt: what is known to be whole again, in which term, and whether the log store was asked to note it. */
export interface Suspicion {
  /** `index`: the highest that may have been acknowledged; `term`: of the hard state when the damage was found. */
  readonly lost: LogPosition;
  /** Everything up to here is as the leader of `wholeTerm` has it, and that is all that may have been acknowledged. */
  wholeIndex: number;
  wholeTerm: number;
  /** In this term the log is known to equal the leader's up to here. */
  matched: number;
  matchedTerm: number;
  noted: boolean;
}

export function suspicionOf(lost: LogPosition): Suspicion | null {
  if (lost.index === 0) return null;
  return { lost, wholeIndex: 0, wholeTerm: 0, matched: 0, matchedTerm: 0, noted: false };
}

/**
 * The log equals the leader's up to `index`, where `term` is. That is everything when it reaches as far as anything that
 * was acknowledged, or when an entry is there that is newer than all of that: its leader was elected by voters that had
 * all that was committed before (Raft §5.4.3). `commit` is the leader's: nothing below it may be missing in any case.
 */
export function noteMatched(s: CoreState, index: number, commit: number): void {
  const { suspicion } = s;
  if (suspicion === null) return;
  if (suspicion.matchedTerm !== s.term) suspicion.matched = 0;
  suspicion.matchedTerm = s.term;
  suspicion.matched = Math.max(suspicion.matched, index);
  const isNewer = (s.log.termAt(index) ?? 0) > suspicion.lost.term;
  if ((index < suspicion.lost.index && !isNewer) || index < commit) return;
  suspicion.wholeIndex = index;
  suspicion.wholeTerm = s.term;
  askToTrust(s);
}

/** Once what was missing is durable, the store is asked to note that the doubt is over; once is enough. */
export function askToTrust(s: CoreState): void {
  const { suspicion } = s;
  if (suspicion === null || suspicion.noted || suspicion.wholeIndex === 0) return;
  if (suspicion.wholeTerm !== s.term || s.log.durableIndex < suspicion.wholeIndex) return;
  suspicion.noted = true;
  s.trustWanted = true;
}

/**
 * Up to here the log is known to equal that of this term's leader, so that its commit can be believed. What is left of a
 * damaged log may end with what had been overwritten.
 */
export function comparedIndex({ suspicion, log, term }: CoreState): number {
  if (suspicion === null) return log.lastIndex;
  return suspicion.matchedTerm === term ? suspicion.matched : 0;
}

/** The suspect's answer to a leader, in the place of any that would count. */
export function answerSuspect(s: CoreState, to: NodeId, hint: LogPosition): void {
  const known = comparedIndex(s);
  const reply: SuspectReply = {
    type: "suspectReply",
    term: s.term,
    matched: known,
    hint: known > 0 ? LOG_START : hint,
  };
  s.sendAfterWrite(to, reply);
}

/**
 * Has a suspect had everything for so long that the mark must lie behind the end of this leader's log? In a term that the
 * mark names as well nothing then makes it whole but as many writes as are missing, and there may be none. The mark counts
 * whatever may have been an entry, and an older leader's that nobody else had, so it may be too high; and it may be right,
 * as far as this node can tell. An entry of a later term ends the doubt in either case.
 */
export function isHeldBackByTerm(s: CoreState): boolean {
  let isHeldBack = false;
  for (const { suspect, leaving, level } of s.progress.values()) {
    if (!suspect || leaving) continue;
    level.check(s.log.lastIndex);
    if (level.checks < LEVEL_CHECKS) continue;
    level.checks = 0;
    isHeldBack = true;
  }
  return isHeldBack;
}

/** A peer says that it has lost what it acknowledged: nothing of it counts, and it is sent everything again. */
export function onSuspectReply(s: CoreState, from: NodeId, { matched, hint }: SuspectReply): void {
  const progress = s.progress.get(from);
  if (s.role !== "leader" || progress === undefined) return;
  if (!progress.suspect) s.stateChanged = true;
  progress.becomeSuspect();
  progress.level.matched(matched);
  if (progress.state === "snapshot") return;
  progress.becomeProbe(s.nowMs);
  // Where nothing is lacking an answer to a heartbeat is followed by a question, and the answer to that by none.
  const isLevel = matched >= s.log.lastIndex;
  if (isLevel && s.nowMs - progress.probed.ms < s.options.heartbeatMs / 2) progress.rest();
  if (matched > 0) progress.next = Math.min(matched, s.log.lastIndex) + 1;
  else {
    const agreed = s.log.lastIndexOfTermAtMost(hint.index, hint.term);
    progress.next = Math.max(1, agreed.term > hint.term ? agreed.index : agreed.index + 1);
  }
  s.replicate = true;
}
