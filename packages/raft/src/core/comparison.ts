import { type CompareReply, LOG_START, type LogPosition, type NodeId } from "@dister/types";
import type { PeerScore } from "./comparison-result.ts";
import { campaign } from "./election.ts";
import { becomeFollower, isLeaderAlive, mayStand, resetElectionDeadline } from "./role.ts";
import type { ChangeReason, CoreState } from "./state.ts";

/*
 * A comparison round asks every peer for its log position and score. It decides only who stands first, so that an
 * election seldom splits; who may vote, for whom, and who leads is decided by the election alone (scenario E15).
 */

/** The leader is suspected: find out who should stand. */
export function suspectLeader(s: CoreState, reason: ChangeReason): void {
  // An only voter that stands already waits for nobody but its own disk.
  const stands = s.otherVoters.length === 0 && s.role !== "follower";
  if (!mayStand(s)) return loseLeader(s, reason);
  if (stands) return resetElectionDeadline(s);
  if (s.otherVoters.length === 0) return campaign(s, "only voter");
  if (s.compareFailed || s.role !== "follower") {
    // The last round asked somebody who did not win, or this node stood and lost: no second wait for a good match.
    s.compareFailed = false;
    s.role = "follower";
    return campaign(s, reason);
  }
  s.reason = reason;
  startRound(s, true);
}

/**
 * Who may not stand waits for whoever does. It follows nobody meanwhile: a learner or a monitor whose leader is gone must not
 * say that it has one. A node that receives a snapshot hears of its leader by that.
 */
function loseLeader(s: CoreState, reason: ChangeReason): void {
  if (s.role === "follower" && s.leader !== null && !s.installing) becomeFollower(s, s.term, null, reason);
  else resetElectionDeadline(s);
}

/** Refreshes the score while nothing is wrong. */
export function measureScore(s: CoreState): void {
  s.measureDeadlineMs = s.nowMs + s.options.measureMs * (0.5 + s.rng.next());
  if (s.comparison === null && s.otherVoters.length > 0) startRound(s, false);
}

function startRound(s: CoreState, decides: boolean): void {
  const round = ++s.comparisonRound;
  const deadlineMs = s.nowMs + s.options.compareMs;
  s.comparison = { round, startedMs: s.nowMs, deadlineMs, decides, answers: new Map(), responseUs: new Map() };
  if (decides) resetElectionDeadline(s);
  for (const voter of s.otherVoters) s.send(voter, { type: "compare", term: s.term, round });
}

export function onCompare(s: CoreState, from: NodeId, round: number): void {
  s.send(from, {
    type: "compareReply",
    term: s.term,
    round,
    // Whoever may not stand is not to be asked to.
    last: s.suspicion === null ? s.log.last : LOG_START,
    scoreCount: s.scoreCount,
    score: s.score,
    leaderAlive: isLeaderAlive(s) && s.leader !== null,
  });
}

export function onCompareReply(s: CoreState, from: NodeId, reply: CompareReply): void {
  const comparison = s.comparison;
  if (comparison === null || reply.round !== comparison.round || comparison.answers.has(from)) return;
  const { scoreCount, score, leaderAlive } = reply;
  comparison.answers.set(from, { ...reply.last, scoreCount, score, leaderAlive });
  comparison.responseUs.set(from, Math.round((s.nowMs - comparison.startedMs) * 1000));
  // A closed connection to the old leader means that it will not answer: nobody waits for it.
  const awaited = s.otherVoters.filter((voter) => !(s.leaderDoubted && voter === s.leader));
  if (awaited.every((voter) => comparison.answers.has(voter))) endRound(s);
}

/** All answers are there, or their time is over. */
export function endRound(s: CoreState): void {
  const { round, answers, responseUs, decides } = s.comparison!;
  s.comparison = null;
  const peers = s.otherVoters.map((id) => scoreOf(id, answers.get(id), responseUs.get(id)));
  s.lastComparison = { round, endedMs: s.nowMs, decides, peers };
  s.scoreCount = responseUs.size;
  s.score = [...responseUs.values()].reduce((sum, us) => sum + us, 0);
  if (!decides || !mayStand(s)) return;
  if ([...answers.values()].some((answer) => answer.leaderAlive)) {
    // Somebody hears the leader well. It may only be about to notice what this node has noticed already, so a closed
    // connection is looked at again soon; silence is given the whole time-out once more.
    if (s.leaderDoubted) s.electionDeadlineMs = s.nowMs + s.options.compareMs * (0.5 + s.rng.next());
    return;
  }
  const best = bestOf(s, answers);
  if (best === s.id) return campaign(s, s.reason);
  s.compareFailed = true;
  s.send(best, { type: "stand", term: s.term });
}

function scoreOf(id: NodeId, answer: Standing | undefined, responseUs: number | undefined): PeerScore {
  if (answer === undefined) return { id, responseUs: null, last: null, scoreCount: null, score: null };
  const { index, term, scoreCount, score } = answer;
  return { id, responseUs: responseUs ?? null, last: { index, term }, scoreCount, score };
}

interface Standing extends LogPosition {
  readonly scoreCount: number;
  readonly score: number;
}

/** The most up-to-date log first, then who reaches the most peers, then who reaches them fastest, then the lowest id. */
function bestOf(s: CoreState, answers: ReadonlyMap<NodeId, Standing>): NodeId {
  let best = s.id;
  let standing: Standing = { ...s.log.last, scoreCount: s.scoreCount, score: s.score };
  for (const [id, answer] of answers) {
    const order =
      answer.term - standing.term ||
      answer.index - standing.index ||
      answer.scoreCount - standing.scoreCount ||
      standing.score - answer.score ||
      (id < best ? 1 : -1);
    if (order > 0) {
      best = id;
      standing = answer;
    }
  }
  return best;
}
