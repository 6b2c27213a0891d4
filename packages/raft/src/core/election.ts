import { ENTRY_KIND, invariant, type NodeId, type VoteReply, type VoteRequest } from "@dister/types";
import { sendHeartbeats } from "./heartbeat.ts";
import { Progress } from "./progress.ts";
import { voteResult } from "./quorum.ts";
import { maybeCommit } from "./replication.ts";
import { becomeFollower, failReads, isLeaderAlive, mayStand, resetElectionDeadline } from "./role.ts";
import type { ChangeReason, CoreState } from "./state.ts";

/** Asks whether an election would be won, without touching any term (dissertation §9.6). */
export function campaign(s: CoreState, reason: ChangeReason): void {
  if (!mayStand(s) || s.role === "preCandidate" || s.role === "candidate") return;
  s.comparison = null;
  failReads(s);
  changeRole(s, "preCandidate", reason);
  s.votes = new Map([[s.id, true]]);
  // A pre-vote disturbs nobody, so one that stays without an answer is soon repeated.
  s.electionDeadlineMs = s.nowMs + s.options.compareMs * (2 + 2 * s.rng.next());
  if (voteResult(s.voters, s.votes) === "won") return becomeCandidate(s, reason, false);
  for (const voter of s.otherVoters) {
    s.send(voter, { type: "vote", pre: true, term: s.term + 1, last: s.log.last, transfer: false });
  }
}

/** Stands for election in a new term (Raft §5.2). Nothing leaves before the term and the own vote are durable. */
export function becomeCandidate(s: CoreState, reason: ChangeReason, transfer: boolean): void {
  if (!mayStand(s)) return;
  failReads(s);
  s.comparison = null;
  s.term++;
  s.vote = s.id;
  s.hardStateChanged = true;
  changeRole(s, "candidate", reason);
  s.votes = new Map();
  resetElectionDeadline(s);
  s.sendAfterWrite(s.id, { type: "voteReply", pre: false, term: s.term, granted: true, asked: s.term });
  for (const voter of s.otherVoters) {
    s.sendAfterWrite(voter, { type: "vote", pre: false, term: s.term, last: s.log.last, transfer });
  }
}

function changeRole(s: CoreState, role: CoreState["role"], reason: ChangeReason): void {
  s.role = role;
  s.leader = null;
  s.reason = reason;
  s.roleSinceMs = s.nowMs;
  s.stateChanged = true;
}

/** Handles a request for a vote of the own or, for a pre-vote, of any term. */
export function onVoteRequest(s: CoreState, from: NodeId, request: VoteRequest): void {
  if (request.pre) return onPreVoteRequest(s, from, request);
  const granted =
    s.suspicion === null &&
    request.term === s.term &&
    (s.vote === from || (s.vote === null && s.leader === null)) &&
    s.log.isUpToDate(request.last);
  if (granted && s.vote === null) {
    s.vote = from;
    s.hardStateChanged = true;
  }
  if (granted) resetElectionDeadline(s);
  const reply: VoteReply = { type: "voteReply", pre: false, term: s.term, granted, asked: request.term };
  if (granted) s.sendAfterWrite(from, reply);
  else s.sendAfterVote(from, reply);
}

/** A pre-vote changes neither the term nor the vote of the voter (scenario E6). */
function onPreVoteRequest(s: CoreState, from: NodeId, request: VoteRequest): void {
  const granted = s.suspicion === null && request.term > s.term && !isLeaderAlive(s) && s.log.isUpToDate(request.last);
  s.send(from, { type: "voteReply", pre: true, term: s.term, granted, asked: request.term });
}

/** Is a vote of a higher term to be passed over, because this node's leader is well? Never for a hand-over. */
export function isVoteIgnored(s: CoreState, request: VoteRequest): boolean {
  return !request.pre && !request.transfer && request.term > s.term && isLeaderAlive(s);
}

/** Counts a vote; a reply to an older round, or to the other kind of round, counts for nothing. */
export function onVoteReply(s: CoreState, from: NodeId, reply: VoteReply): void {
  const asked = reply.pre ? s.term + 1 : s.term;
  if (s.role !== (reply.pre ? "preCandidate" : "candidate") || reply.asked !== asked) return;
  if (!s.votes.has(from)) s.votes.set(from, reply.granted);
  const result = voteResult(s.voters, s.votes);
  if (result === "lost") becomeFollower(s, s.term, null, s.reason);
  if (result !== "won") {
    // Refused in its own term: that voter chose another, and a split vote need not cost a whole time-out. The moment is
    // drawn, so that two do not split again, and a pre-vote comes first, so that nobody is disturbed.
    const soonMs = s.nowMs + s.options.compareMs * (1 + 3 * s.rng.next());
    if (!reply.pre && !reply.granted) s.electionDeadlineMs = Math.min(s.electionDeadlineMs, soonMs);
    return;
  }
  if (reply.pre) becomeCandidate(s, s.reason, false);
  else becomeLeader(s);
}

function becomeLeader(s: CoreState): void {
  invariant(s.role === "candidate", `a ${s.role} cannot become leader`);
  const { heartbeatMs, electionTimeoutMs } = s.options;
  changeRole(s, "leader", s.reason);
  s.leader = s.id;
  s.compareFailed = false;
  s.comparison = null;
  s.progress.clear();
  for (const member of s.configurations.current.members) addProgress(s, member.id);
  const own = s.progress.get(s.id);
  if (own !== undefined) own.match = s.log.durableIndex;
  s.electionDeadlineMs = Number.POSITIVE_INFINITY;
  s.quorumDeadlineMs = s.nowMs + electionTimeoutMs;
  s.heartbeatDeadlineMs = s.nowMs + heartbeatMs;
  s.transfer = null;
  // Entries of older terms are committed only together with one of this term (Raft §5.4.2), so there must be one.
  s.termStart = s.log.lastIndex + 1;
  s.log.append([
    { index: s.termStart, term: s.term, r: s.drawR(), kind: ENTRY_KIND.empty, payload: new Uint8Array(0) },
  ]);
  s.replicate = true;
  sendHeartbeats(s);
  maybeCommit(s);
}

/** Begins to replicate to a member, from the end of the log backwards. */
export function addProgress(s: CoreState, id: NodeId): void {
  s.progress.set(id, new Progress(s.log.lastIndex + 1, s.nowMs));
}
