import type { NodeId } from "@dister/types";
import type { ChangeReason, CoreState } from "./state.ts";

/** Draws a new election time-out, so that nodes seldom stand at the same time (Raft §5.2). */
export function resetElectionDeadline(s: CoreState): void {
  const { electionTimeoutMs } = s.options;
  s.electionDeadlineMs = s.nowMs + electionTimeoutMs + s.rng.next() * electionTimeoutMs;
}

/** Follows `leader`, or nobody yet, in `term`; a higher term is adopted and the vote of the old one forgotten. */
export function becomeFollower(s: CoreState, term: number, leader: NodeId | null, reason: ChangeReason): void {
  const wasLeader = s.role === "leader";
  if (term > s.term) {
    s.term = term;
    s.vote = null;
    s.leaderHeardMs = Number.NEGATIVE_INFINITY;
    s.hardStateChanged = true;
    s.stateChanged = true;
  }
  if (s.role !== "follower" || s.leader !== leader) {
    s.stateChanged = true;
    s.roleSinceMs = s.nowMs;
    s.reason = reason;
    failReads(s);
  }
  s.role = "follower";
  s.leader = leader;
  s.leaderDoubted = false;
  s.votes.clear();
  if (wasLeader) leaveLeadership(s);
  resetElectionDeadline(s);
}

function leaveLeadership(s: CoreState): void {
  s.progress.clear();
  s.transfer = null;
  s.uncommitted.clear();
  s.heartbeatDeadlineMs = Number.POSITIVE_INFINITY;
  s.quorumDeadlineMs = Number.POSITIVE_INFINITY;
  s.snapshotsWanted = [];
  s.replicate = false;
}

/** Ends every read that waits for the leader this node knew: none of them was confirmed. */
export function failReads(s: CoreState): void {
  for (const id of s.readsAsked) s.readsDone.push({ id, index: -1 });
  s.readsAsked.clear();
  for (const { from, id } of [...s.readsWaiting, ...(s.readRoundUnderWay?.reads ?? [])]) {
    if (from === s.id) s.readsDone.push({ id, index: -1 });
    else s.send(from, { type: "readIndexReply", term: s.term, id, index: -1 });
  }
  s.readsWaiting = [];
  s.readRoundUnderWay = null;
}

/**
 * May this node stand? A learner, a removed node, one that receives a snapshot and one whose log is suspect may not
 * (scenarios E13, E14, M5, R13). But who was removed or demoted by an entry that is not committed may: it may be the only
 * one that has the entry, and then nobody else can win (dissertation §4.2.2). It does not count its own vote.
 */
export function mayStand(s: CoreState): boolean {
  if (s.installing || s.suspicion !== null || s.role === "leader") return false;
  return s.configurations.isVoterUnlessCommitted(s.id, s.commit);
}

/** True while this node has no reason to doubt its leader: it then helps nobody to replace it (dissertation §4.2.3). */
export function isLeaderAlive(s: CoreState): boolean {
  return s.role === "leader" || s.nowMs - s.leaderHeardMs < s.options.electionTimeoutMs;
}

/** The leader gave a sign of life. */
export function heardLeader(s: CoreState, leader: NodeId): void {
  if (s.role !== "follower" || s.leader !== leader) becomeFollower(s, s.term, leader, "leader announced itself");
  s.leaderHeardMs = s.nowMs;
  s.leaderDoubted = false;
  s.compareFailed = false;
  if (s.comparison?.decides) s.comparison = null;
  resetElectionDeadline(s);
}
