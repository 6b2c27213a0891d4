import {
  DisterError,
  ENTRY_KIND,
  type EntryKind,
  encodeMembership,
  LIMITS,
  type LogPosition,
  type Membership,
  type NodeId,
} from "@dister/types";
import { membershipObjection } from "./configurations.ts";
import { addProgress, campaign } from "./election.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { majorityOf } from "./quorum.ts";
import { dropLeaving, handOver, rememberMembership } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import type { CoreState } from "./state.ts";
import { isHeldBackByTerm } from "./suspicion.ts";

/** For so many election time-outs a leader waits for its own disk: a slow one is no reason to change the leader. */
const DISK_SILENT_TIMEOUTS = 4;

/** Appends a proposal to the leader's log; surely not done when this throws. */
export function propose(s: CoreState, payload: Uint8Array): LogPosition {
  requireLeader(s);
  const bytes = payload.length;
  if (bytes > LIMITS.entryPayloadBytesMax) {
    throw new DisterError("DISTER_ERR_TOO_LARGE", { field: "payload", bytes, allowed: LIMITS.entryPayloadBytesMax });
  }
  if (s.uncommitted.total + bytes > s.options.uncommittedBytesMax && s.uncommitted.total > 0) {
    throw new DisterError("DISTER_ERR_BUSY", { what: "uncommitted bytes", limit: s.options.uncommittedBytesMax });
  }
  return appendOwn(s, ENTRY_KIND.command, payload);
}

function requireLeader(s: CoreState): void {
  if (s.role !== "leader") {
    if (s.leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    throw new DisterError("DISTER_ERR_NOT_LEADER", { leader: s.leader });
  }
  if (s.transfer !== null) throw new DisterError("DISTER_ERR_TRANSFERRING");
}

function appendOwn(s: CoreState, kind: EntryKind, payload: Uint8Array): LogPosition {
  const entry = { index: s.log.lastIndex + 1, term: s.term, r: s.drawR(), kind, payload };
  s.log.append([entry]);
  s.uncommitted.add(entry.index, payload.length);
  rememberMembership(s, entry);
  s.replicate = true;
  return { index: entry.index, term: entry.term };
}

/**
 * Changes the membership, one voter at a time (dissertation §4.1). Refused until an entry of this term is committed:
 * otherwise two leaders could each change the same membership (scenario M2).
 */
export function changeMembership(s: CoreState, to: Membership): LogPosition {
  requireLeader(s);
  if (s.commit < s.termStart || s.configurations.index > s.commit) {
    throw new DisterError("DISTER_ERR_MEMBERSHIP_PENDING");
  }
  const reason = membershipObjection(s.configurations.current, to);
  if (reason !== undefined) throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason });
  const position = appendOwn(s, ENTRY_KIND.membership, encodeMembership(to));
  const ids = new Set(to.members.map((member) => member.id));
  for (const [id, progress] of s.progress) progress.leaving = id !== s.id && !ids.has(id);
  for (const id of ids) if (!s.progress.has(id)) addProgress(s, id);
  return position;
}

/**
 * Begins to hand leadership to `to`, or to the voter that has the most (dissertation §3.10). Proposals are refused until
 * it ended, one election time-out at the most.
 */
export function transferLeadership(s: CoreState, to: NodeId | undefined): NodeId {
  requireLeader(s);
  const target = to ?? bestSuccessor(s);
  const refuse = (reason: string): never => {
    throw new DisterError("DISTER_ERR_INVALID", { field: "to", got: target ?? "nobody", allowed: reason });
  };
  if (target === undefined || !s.configurations.isVoter(target)) return refuse("a voter other than the leader");
  if (target === s.id) return refuse("a voter other than the leader");
  s.transfer = { to: target, deadlineMs: s.nowMs + s.options.electionTimeoutMs };
  s.replicate = true;
  handOver(s);
  return target;
}

function bestSuccessor(s: CoreState): NodeId | undefined {
  let best: NodeId | undefined;
  for (const voter of s.otherVoters) {
    const progress = s.progress.get(voter)!;
    const known = best === undefined ? undefined : s.progress.get(best)!;
    if (known === undefined || progress.match > known.match) best = voter;
    else if (progress.match === known.match && progress.activeMs > known.activeMs) best = voter;
  }
  return best;
}

/** What a leader does as time goes by. */
export function leaderTick(s: CoreState): void {
  if (s.transfer !== null && s.nowMs >= s.transfer.deadlineMs) s.transfer = null; // It failed; lead on.
  // Its heartbeats would keep everybody from choosing a leader that can do something.
  const diskSilentMs = s.nowMs - s.diskSilentSinceMs;
  if (s.otherVoters.length > 0 && diskSilentMs > DISK_SILENT_TIMEOUTS * s.options.electionTimeoutMs) {
    return becomeFollower(s, s.term, null, "own disk does not answer");
  }
  if (s.nowMs >= s.quorumDeadlineMs) {
    s.quorumDeadlineMs = s.nowMs + s.options.electionTimeoutMs;
    if (!hasQuorum(s)) return becomeFollower(s, s.term, null, "lost touch with a majority");
    if (isHeldBackByTerm(s)) beginNewerTerm(s);
    if (s.role !== "leader") return;
  }
  if (s.nowMs < s.heartbeatDeadlineMs) return;
  s.heartbeatDeadlineMs = s.nowMs + s.options.heartbeatMs;
  dropLeaving(s);
  sendHeartbeats(s);
}

/**
 * A suspect needs an entry of a later term. A hand-over makes one, and nobody waits for it longer than for any other; the
 * only voter, whose learner it is, stands again. What is not committed yet would get no answer, so that comes first.
 */
function beginNewerTerm(s: CoreState): void {
  const isBusy = s.transfer !== null || s.configurations.index > s.commit || s.commit < s.termStart;
  if (isBusy) return;
  if (s.otherVoters.length > 0) {
    transferLeadership(s, undefined);
    return;
  }
  if (s.commit < s.log.lastIndex) return;
  becomeFollower(s, s.term, null, "only voter");
  campaign(s, "only voter");
}

/** Check-quorum (dissertation §6.2): has a majority been heard within one election time-out? */
function hasQuorum(s: CoreState): boolean {
  const since = s.nowMs - s.options.electionTimeoutMs;
  const active = s.voters.filter((voter) => voter === s.id || (s.progress.get(voter)?.activeMs ?? 0) >= since);
  return active.length >= majorityOf(s.voters.length);
}
