import {
  type AppendReply,
  type AppendRequest,
  decodeMembership,
  ENTRY_KIND,
  type Heartbeat,
  type HeartbeatReply,
  invariant,
  LOG_START,
  type LogEntry,
  type NodeId,
} from "@dister/types";
import type { Progress } from "./progress.ts";
import { committedIndex } from "./quorum.ts";
import { finishReadRound, onReadAck, startReadRound } from "./reads.ts";
import { becomeFollower, heardLeader } from "./role.ts";
import type { CoreState } from "./state.ts";
import { answerSuspect, comparedIndex, noteMatched } from "./suspicion.ts";

/** How many heartbeats without progress make the leader doubt that what it sent has arrived. */
const SILENT_HEARTBEATS = 4;

// ---- the follower's side -------------------------------------------------------------------------------------------

/** AppendEntries of the leader of the own term (Raft §5.3). */
export function onAppend(s: CoreState, from: NodeId, request: AppendRequest): void {
  heardLeader(s, from);
  if (s.installing) return; // The log is about to be replaced; the leader sends again.
  const { prev, entries } = request;
  if (prev.index < s.log.base.index) {
    // What lies before the base is committed, so it matches; the leader is told how far.
    return answerAppend(s, from, Math.max(s.commit, s.log.base.index), request.commit);
  }
  if (!s.log.matches(prev)) {
    const hint = s.log.lastIndexOfTermAtMost(prev.index, prev.term);
    if (s.suspicion !== null) return answerSuspect(s, from, hint);
    s.sendAfterWrite(from, { type: "appendReply", term: s.term, ok: false, index: prev.index, hint });
    return;
  }
  const last = prev.index + entries.length;
  const fresh = entries.findIndex((entry) => s.log.termAt(entry.index) !== entry.term);
  // Only a real difference shortens the log: an old or doubled request whose entries are all here changes nothing.
  if (fresh >= 0) takeEntries(s, entries.slice(fresh));
  advanceCommit(s, Math.min(request.commit, last));
  answerAppend(s, from, last, request.commit);
}

function takeEntries(s: CoreState, entries: readonly LogEntry[]): void {
  const from = entries[0]!.index;
  invariant(from > s.commit, `the leader would replace committed entry ${from}, commit is ${s.commit}`);
  s.configurations.truncateFrom(from);
  s.log.append(entries);
  for (const entry of entries) rememberMembership(s, entry);
}

function answerAppend(s: CoreState, to: NodeId, index: number, leaderCommit: number): void {
  if (s.suspicion !== null) {
    noteMatched(s, index, leaderCommit);
    return answerSuspect(s, to, LOG_START);
  }
  s.sendAfterWrite(to, { type: "appendReply", term: s.term, ok: true, index, hint: LOG_START });
}

/** A membership rules from the moment its entry is in the log. */
export function rememberMembership(s: CoreState, entry: LogEntry): void {
  if (entry.kind !== ENTRY_KIND.membership) return;
  s.configurations.append(entry.index, decodeMembership(entry.payload));
  s.stateChanged = true;
}

export function onHeartbeat(s: CoreState, from: NodeId, heartbeat: Heartbeat): void {
  heardLeader(s, from);
  if (!s.installing) {
    // A leader that has not heard of the damage yet names what this node has lost.
    const isPossible = s.suspicion !== null || heartbeat.commit <= s.log.lastIndex;
    invariant(isPossible, `commit ${heartbeat.commit} behind the log's ${s.log.lastIndex}`);
    advanceCommit(s, Math.min(heartbeat.commit, comparedIndex(s)));
  }
  if (s.suspicion !== null) return answerSuspect(s, from, s.log.last);
  s.sendAfterVote(from, { type: "heartbeatReply", term: s.term, round: heartbeat.round });
}

function advanceCommit(s: CoreState, commit: number): void {
  if (commit > s.commit) s.commit = commit;
}

// ---- the leader's side ---------------------------------------------------------------------------------------------

/** Sends every peer what it lacks, as far as its window allows. Called once for each Ready, so that a tick is a batch. */
export function replicate(s: CoreState): void {
  for (const [id, progress] of s.progress) if (id !== s.id) sendAppends(s, id, progress);
}

function sendAppends(s: CoreState, to: NodeId, progress: Progress): void {
  // A probe goes out with nothing in it as well: a peer may lack everything and there may be nothing new to send.
  const lacks = (): boolean =>
    progress.next <= s.log.lastIndex || (progress.state === "probe" && progress.match < s.log.lastIndex);
  const { probed } = progress;
  if (progress.resting && (s.log.lastIndex > probed.lastIndex || s.commit > probed.commit)) progress.wake();
  while (progress.canSend(s.options.inflightAppendsMax) && lacks()) {
    if (!sendAppend(s, to, progress)) return;
    if (progress.state === "probe") return;
  }
  // Nothing to carry it along: the commit index goes alone, so that a follower's reader does not wait for a heartbeat.
  const tellCommit = Math.min(s.commit, progress.match);
  if (progress.state === "replicate" && tellCommit > progress.toldCommit && progress.next > s.log.lastIndex) {
    sendAppend(s, to, progress);
  }
}

function sendAppend(s: CoreState, to: NodeId, progress: Progress): boolean {
  const prevIndex = progress.next - 1;
  const prevTerm = s.log.termAt(prevIndex);
  if (prevTerm === undefined || prevIndex < s.log.base.index) {
    progress.becomeSnapshot();
    s.snapshotsWanted.push(to);
    return false;
  }
  const entries = s.log.slice(progress.next, s.log.lastIndex, s.options.appendBytesMax);
  s.send(to, {
    type: "append",
    term: s.term,
    prev: { index: prevIndex, term: prevTerm },
    entries,
    commit: s.commit,
  });
  progress.toldCommit = Math.min(s.commit, prevIndex + entries.length);
  if (entries.length > 0 || progress.state === "probe") {
    if (progress.inflight.length === 0) progress.progressMs = s.nowMs;
    if (progress.state === "probe") progress.probed = { ms: s.nowMs, lastIndex: s.log.lastIndex, commit: s.commit };
    progress.sent(prevIndex + entries.length);
  }
  return true;
}

export function onAppendReply(s: CoreState, from: NodeId, reply: AppendReply): void {
  const progress = s.progress.get(from);
  if (s.role !== "leader" || progress === undefined) return;
  progress.activeMs = s.nowMs;
  if (reply.ok) onAcknowledged(s, from, progress, reply.index);
  else onRefused(s, progress, reply);
}

function onAcknowledged(s: CoreState, from: NodeId, progress: Progress, index: number): void {
  invariant(index <= s.log.lastIndex, `peer ${from} acknowledged ${index}, the log ends at ${s.log.lastIndex}`);
  const news = progress.acknowledged(index, s.nowMs);
  if (progress.state === "probe" && progress.match >= progress.next - 1) progress.becomeReplicate(s.nowMs);
  // A follower that the log can serve again needs no snapshot, however it got there (scenario S4).
  if (progress.state === "snapshot" && progress.match >= s.log.base.index) progress.becomeReplicate(s.nowMs);
  if (news) maybeCommit(s);
  s.replicate = true;
  if (s.transfer?.to === from) handOver(s);
}

function onRefused(s: CoreState, progress: Progress, reply: AppendReply): void {
  // A peer that refuses what it once acknowledged has lost it. Probing goes on at the pace of the heartbeats only.
  const stale = reply.index <= progress.match || (progress.state === "probe" && reply.index !== progress.next - 1);
  const isAnswer = progress.state === "probe" && progress.paused && !progress.refused;
  if (stale && isAnswer && reply.index === progress.match && reply.index > 0) {
    progress.refused = true;
    progress.refusals++;
    if (progress.lostData) s.stateChanged = true;
  }
  if (stale || progress.state === "snapshot") return;
  // Both sides skip whole terms: the follower to its last entry of at most the refused term, the leader likewise
  // from there, so that a wrong suffix costs one round trip for each term and not for each entry (Raft §5.3).
  const agreed = s.log.lastIndexOfTermAtMost(reply.hint.index, reply.hint.term);
  progress.becomeProbe(s.nowMs);
  // The base itself may conflict: then nothing that is kept can agree, and from below it only a snapshot goes on.
  const conflicts = agreed.term > reply.hint.term;
  progress.next = Math.max(progress.match + 1, conflicts ? agreed.index : agreed.index + 1);
  s.replicate = true;
}

/** Commits what a majority of the voters has durably, if it is of this term (Raft §5.4.2). */
export function maybeCommit(s: CoreState): void {
  const index = committedIndex(s.voters, (voter) => s.progress.get(voter)?.counted ?? 0);
  if (index <= s.commit || s.log.termAt(index) !== s.term) return;
  const from = s.commit;
  s.commit = index;
  s.uncommitted.release(index);
  s.replicate = true;
  startReadRound(s);
  if (s.configurations.index > from && s.configurations.index <= index) onMembershipCommitted(s);
}

function onMembershipCommitted(s: CoreState): void {
  s.stateChanged = true;
  finishReadRound(s);
  if (s.configurations.isVoter(s.id)) return;
  // Dissertation §4.2.2: a leader that removed itself leads until its removal is committed. The others are told now,
  // because nobody will tell them afterwards.
  replicate(s);
  becomeFollower(s, s.term, null, "removed from the membership");
}

export function onHeartbeatReply(s: CoreState, from: NodeId, reply: HeartbeatReply): void {
  const progress = s.progress.get(from);
  if (s.role !== "leader" || progress === undefined) return;
  progress.activeMs = s.nowMs;
  if (progress.state === "probe") progress.paused = false;
  const silentMs = s.nowMs - progress.progressMs;
  if (progress.inflight.length > 0 && silentMs > SILENT_HEARTBEATS * s.options.heartbeatMs) {
    progress.becomeProbe(s.nowMs);
  }
  s.replicate = true;
  onReadAck(s, from, reply);
}

/** The peer's connection broke: what was under way may be lost. */
export function onPeerLost(s: CoreState, peer: NodeId): void {
  const progress = s.progress.get(peer);
  if (progress?.state === "replicate" && progress.match < s.log.lastIndex) progress.becomeProbe(s.nowMs);
}

/** Lets go of members that have left, once they were told or cannot be told. */
export function dropLeaving(s: CoreState): void {
  for (const [id, progress] of s.progress) {
    if (!progress.leaving || s.commit < s.configurations.index) continue;
    const told = progress.toldCommit >= s.configurations.index;
    const gone = s.nowMs - progress.activeMs > s.options.electionTimeoutMs;
    if (told || gone) s.progress.delete(id);
  }
}

/** The chosen successor has everything: it may stand at once (dissertation §3.10). */
export function handOver(s: CoreState): void {
  const to = s.transfer!.to;
  if (s.progress.get(to)?.match !== s.log.lastIndex) return;
  s.send(to, { type: "timeoutNow", term: s.term });
}
