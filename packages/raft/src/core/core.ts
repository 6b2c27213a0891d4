import {
  type HardState,
  invariant,
  LOG_START,
  type LogPosition,
  type Membership,
  type NodeId,
  RAFT_ROLE,
  type RaftMessage,
  type RaftRole,
  type Rng,
  type SnapshotHeader,
  type SnapshotReply,
} from "@dister/types";
import { endRound, measureScore, onCompare, onCompareReply, suspectLeader } from "./comparison.ts";
import type { ComparisonResult } from "./comparison-result.ts";
import { Configurations } from "./configurations.ts";
import { becomeCandidate, campaign, isVoteIgnored, onVoteReply, onVoteRequest } from "./election.ts";
import { changeMembership, leaderTick, propose, transferLeadership } from "./leadership.ts";
import type { RaftOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { type LogReader, RaftLog } from "./raft-log.ts";
import { askRead, onReadIndex, onReadIndexReply } from "./reads.ts";
import type { Ready } from "./ready.ts";
import {
  handOver,
  maybeCommit,
  onAppend,
  onAppendReply,
  onHeartbeat,
  onHeartbeatReply,
  onPeerLost,
  rememberMembership,
  replicate,
} from "./replication.ts";
import { becomeFollower, heardLeader, resetElectionDeadline } from "./role.ts";
import { type ChangeReason, type CoreRole, CoreState } from "./state.ts";
import { askToTrust, noteMatched, onSuspectReply, suspicionOf } from "./suspicion.ts";

/** What a core starts from. */
export interface CoreStart {
  readonly id: NodeId;
  readonly options: RaftOptions;
  readonly rng: Rng;
  readonly log: LogReader;
  readonly hardState: HardState;
  /** Last entry that the state machine has applied. */
  readonly applied: LogPosition;
  /** Membership as of `applied`. */
  readonly membership: Membership;
  /** What the log may have lost, as `LogStore.suspect` says; nothing unless given. */
  readonly suspect?: LogPosition;
  readonly nowMs: number;
}

/** What the leader knows of a peer. */
export interface PeerProgress {
  readonly id: NodeId;
  readonly match: number;
  readonly next: number;
  readonly state: "probe" | "replicate" | "snapshot";
  /** Milliseconds since anything was heard of the peer. */
  readonly silentMs: number;
  /** The peer's log was damaged, and it is being made whole: it does not count. */
  readonly suspect: boolean;
  /** The peer does not have what it acknowledged and does not know it (scenario R13): remove it and let it join anew. */
  readonly lostData: boolean;
}

/** What a core says of itself. */
export interface CoreStatus {
  readonly id: NodeId;
  readonly role: CoreRole;
  readonly raftRole: RaftRole;
  readonly term: number;
  readonly leader: NodeId | null;
  /** Why this node took its present role, or changed its leader, last. */
  readonly reason: ChangeReason;
  readonly roleSinceMs: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly durableIndex: number;
  readonly firstIndex: number;
  readonly membership: Membership;
  /** Index of the entry that made the membership. */
  readonly membershipIndex: number;
  readonly scoreCount: number;
  /** Sum of the response times in the last comparison round, in microseconds. */
  readonly score: number;
  /** What the last comparison round found; null before there was one. */
  readonly comparison: ComparisonResult | null;
  /** Milliseconds since the leader was heard; 0 where this node leads, null while it knows no leader. */
  readonly leaderSilentMs: number | null;
  /** Empty unless this node leads. */
  readonly progress: readonly PeerProgress[];
  readonly transferring: boolean;
  /** The log of this node was damaged: it does not vote until a leader has made it whole. */
  readonly suspect: boolean;
}

/**
 * Raft, as a function of its inputs: no I/O, timer, promise, clock or random inside. Every input carries the time; every
 * input is accepted in every state; what is stale or unknown changes nothing; what cannot be stops with an assertion.
 *
 * Use: feed inputs, then take Readys until {@link RaftCore.hasReady} is false, and do what each says.
 */
export class RaftCore {
  readonly #s: CoreState;

  constructor(start: CoreStart) {
    const { applied, membership } = start;
    const log = new RaftLog(start.log);
    invariant(applied.index <= log.lastIndex, `the state is at ${applied.index}, the log ends at ${log.lastIndex}`);
    const suspicion = suspicionOf(start.suspect ?? LOG_START);
    const { commit } = start.hardState;
    invariant(suspicion !== null || commit <= log.lastIndex, `commit ${commit}, log ends at ${log.lastIndex}`);
    // What is left of a damaged log may not be what was committed there.
    const hardState = { ...start.hardState, commit: suspicion === null ? commit : applied.index };
    const configurations = new Configurations(applied.index, membership);
    const s = new CoreState({ ...start, hardState, log, configurations, applied: applied.index });
    this.#s = s;
    s.suspicion = suspicion;
    s.nowMs = start.nowMs;
    s.roleSinceMs = start.nowMs;
    this.#findMemberships(applied.index);
    // Whoever asks for a vote right after a restart may find a voter that promised its leader to wait (scenario E9).
    if (s.term > 0) s.leaderHeardMs = start.nowMs;
    s.measureDeadlineMs = start.nowMs + s.options.measureMs * s.rng.next();
    resetElectionDeadline(s);
    if (s.voters.length === 1 && s.configurations.isVoter(s.id)) campaign(s, "only voter");
  }

  /** Memberships behind the applied position rule although they may not be committed. */
  #findMemberships(applied: number): void {
    const { log } = this.#s;
    for (let from = Math.max(applied + 1, log.firstIndex); from <= log.lastIndex; ) {
      const entries = log.slice(from, log.lastIndex, this.#s.options.appendBytesMax);
      for (const entry of entries) rememberMembership(this.#s, entry);
      from += entries.length;
    }
  }

  // ---- inputs ------------------------------------------------------------------------------------------------------

  /** A message of a peer. */
  step(from: NodeId, message: RaftMessage, nowMs: number): void {
    this.#s.nowMs = nowMs;
    if (this.#passesTerm(from, message)) this.#dispatch(from, message);
  }

  /** Compares terms first (Raft §5.1); false when that was all there is to do. */
  #passesTerm(from: NodeId, message: RaftMessage): boolean {
    const s = this.#s;
    const { type, term } = message;
    if (type === "compare" || type === "compareReply" || type === "stand") return true;
    if (type === "vote" && message.pre) return true;
    if (type === "vote" && isVoteIgnored(s, message)) return false;
    if (term > s.term) {
      const leads = type === "append" || type === "heartbeat" || type === "timeoutNow";
      becomeFollower(s, term, leads ? from : null, "higher term");
    }
    if (term === s.term) return true;
    // The sender is behind; it learns the term from an answer, so that a leader of the past steps down.
    if (type === "append") {
      const { index } = message.prev;
      s.sendAfterVote(from, { type: "appendReply", term: s.term, ok: false, index, hint: LOG_START });
    }
    if (type === "heartbeat") s.sendAfterVote(from, { type: "heartbeatReply", term: s.term, round: 0 });
    if (type === "vote") onVoteRequest(s, from, message);
    if (type === "readIndex") onReadIndexFromThePast(s, from, message.id);
    return type === "voteReply" && message.pre;
  }

  #dispatch(from: NodeId, message: RaftMessage): void {
    const s = this.#s;
    switch (message.type) {
      case "vote":
        return onVoteRequest(s, from, message);
      case "voteReply":
        return onVoteReply(s, from, message);
      case "append":
        this.#refuseSecondLeader(from);
        return onAppend(s, from, message);
      case "appendReply":
        return onAppendReply(s, from, message);
      case "heartbeat":
        this.#refuseSecondLeader(from);
        return onHeartbeat(s, from, message);
      case "heartbeatReply":
        return onHeartbeatReply(s, from, message);
      case "suspectReply":
        return onSuspectReply(s, from, message);
      case "readIndex":
        return onReadIndex(s, from, message.id);
      case "readIndexReply":
        return onReadIndexReply(s, from, message);
      case "timeoutNow":
        if (s.role !== "leader") becomeCandidate(s, "leadership was handed over", true);
        return;
      case "compare":
        return onCompare(s, from, message.round);
      case "compareReply":
        return onCompareReply(s, from, message);
      case "stand":
        if (s.role === "follower") campaign(s, "asked to stand by a peer");
        return;
    }
  }

  #refuseSecondLeader(from: NodeId): void {
    const { role, leader, term } = this.#s;
    invariant(role !== "leader", `${from} leads term ${term} as well as this node`);
    invariant(leader === null || leader === from, `${from} and ${leader} both lead term ${term}`);
  }

  /** Time has passed; call at {@link RaftCore.deadlineMs}, or any time. */
  tick(nowMs: number): void {
    const s = this.#s;
    s.nowMs = nowMs;
    if (s.comparison !== null && nowMs >= s.comparison.deadlineMs) endRound(s);
    if (nowMs >= s.measureDeadlineMs) measureScore(s);
    if (s.role === "leader") leaderTick(s);
    else if (nowMs >= s.electionDeadlineMs) {
      suspectLeader(s, s.leaderDoubted ? "connection to the leader closed" : "silence of the leader");
    }
  }

  /** When the next tick is due. */
  get deadlineMs(): number {
    const s = this.#s;
    const role = s.role === "leader" ? Math.min(s.heartbeatDeadlineMs, s.quorumDeadlineMs) : s.electionDeadlineMs;
    const transfer = s.transfer?.deadlineMs ?? Number.POSITIVE_INFINITY;
    return Math.min(role, s.measureDeadlineMs, s.comparison?.deadlineMs ?? Number.POSITIVE_INFINITY, transfer);
  }

  /** The connection to a peer closed. If it was the leader's process that ended, nobody waits for its silence. */
  peerDown(peer: NodeId, nowMs: number): void {
    const s = this.#s;
    s.nowMs = nowMs;
    if (s.role === "leader") return onPeerLost(s, peer);
    if (s.leader !== peer || s.leaderDoubted) return;
    s.leaderDoubted = true;
    s.leaderHeardMs = Number.NEGATIVE_INFINITY;
    // A moment, so that the others notice the same before they are asked.
    s.electionDeadlineMs = Math.min(s.electionDeadlineMs, nowMs + 2 + 4 * s.rng.next());
  }

  /**
   * Proposes a command.
   * @throws DisterError surely not done: `DISTER_ERR_NOT_LEADER`, `DISTER_ERR_NO_LEADER`, `DISTER_ERR_TRANSFERRING`,
   *   `DISTER_ERR_BUSY`, `DISTER_ERR_TOO_LARGE`.
   */
  propose(payload: Uint8Array): LogPosition {
    return propose(this.#s, payload);
  }

  /** @throws DisterError as {@link RaftCore.propose}, and `DISTER_ERR_MEMBERSHIP`, `DISTER_ERR_MEMBERSHIP_PENDING`. */
  changeMembership(membership: Membership): LogPosition {
    return changeMembership(this.#s, membership);
  }

  /** @throws DisterError as {@link RaftCore.propose}, and `DISTER_ERR_INVALID` for a target that cannot lead. */
  transferLeadership(to: NodeId | undefined, nowMs: number): NodeId {
    this.#s.nowMs = nowMs;
    return transferLeadership(this.#s, to);
  }

  /** Asks for a read index; the answer comes as a {@link ReadState}. `id` is never used again. */
  readIndex(id: number, nowMs: number): void {
    this.#s.nowMs = nowMs;
    askRead(this.#s, id);
  }

  /** A {@link Write} is durable. */
  stored(seq: number, nowMs: number): void {
    const s = this.#s;
    s.nowMs = nowMs;
    const own = s.writeStored(seq);
    askToTrust(s);
    if (s.role === "leader") {
      // The leader is one of the voters, and counts itself only now (scenario R8).
      const progress = s.progress.get(s.id);
      if (progress?.acknowledged(s.log.durableIndex, nowMs)) maybeCommit(s);
    }
    for (const { message } of own) this.step(s.id, message, nowMs);
  }

  /** The log store has noted that the log is whole again: this node is one of the voters like the others. */
  trusted(nowMs: number): void {
    const s = this.#s;
    s.nowMs = nowMs;
    s.suspicion = null;
    s.stateChanged = true;
  }

  /** Entries up to `index` are applied. */
  applied(index: number): void {
    const s = this.#s;
    invariant(index === s.applying && index > s.applied, `applied ${index} while ${s.applied}..${s.applying}`);
    s.applied = index;
    s.configurations.applied(index);
  }

  /** How sending a snapshot ended; null when the stream broke. */
  snapshotSent(to: NodeId, reply: SnapshotReply | null, nowMs: number): void {
    const s = this.#s;
    s.nowMs = nowMs;
    if (reply !== null && reply.term > s.term) return becomeFollower(s, reply.term, null, "higher term");
    const progress = s.progress.get(to);
    if (s.role !== "leader" || progress?.state !== "snapshot") return;
    if (reply?.ok && reply.term === s.term) progress.acknowledged(Math.min(reply.index, s.log.lastIndex), nowMs);
    progress.becomeProbe(nowMs);
    progress.paused = !reply?.ok; // After a failure the next heartbeat's answer says that it is worth another try.
    // In a quiet cluster no entry follows whose answer would end the probing, and a learner would never get its vote.
    if (progress.match === s.log.lastIndex) progress.becomeReplicate(nowMs);
    s.replicate = true;
    if (s.transfer?.to === to) handOver(s); // Nothing may follow the snapshot, so no append's answer would do it.
  }

  /**
   * A peer offers a snapshot.
   * @returns null to receive it (report with {@link RaftCore.snapshotInstalled} or {@link RaftCore.snapshotFailed}),
   *   else the answer for the peer.
   */
  offerSnapshot(from: NodeId, header: SnapshotHeader, nowMs: number): SnapshotReply | null {
    const s = this.#s;
    s.nowMs = nowMs;
    if (header.term < s.term) return { term: s.term, ok: false, index: 0 };
    if (header.term > s.term) becomeFollower(s, header.term, from, "higher term");
    this.#refuseSecondLeader(from);
    heardLeader(s, from);
    const { position } = header;
    if (s.installing) return { term: s.term, ok: false, index: 0 };
    if (position.index <= s.commit || s.log.matches(position)) {
      s.commit = Math.max(s.commit, position.index); // A snapshot holds nothing that is not committed.
      return { term: s.term, ok: true, index: Math.min(s.commit, s.log.durableIndex) };
    }
    s.installing = true;
    return null;
  }

  /** The snapshot is in use: the state machine and the log store begin behind it. Call when both are durable. */
  snapshotInstalled(header: SnapshotHeader, nowMs: number): SnapshotReply {
    const s = this.#s;
    s.nowMs = nowMs;
    const { position, membership } = header;
    invariant(s.installing && position.index > s.commit, `snapshot at ${position.index}, commit is ${s.commit}`);
    s.installing = false;
    s.log.resetTo(position);
    s.configurations.reset(position.index, membership);
    s.commit = position.index;
    s.applying = position.index;
    s.applied = position.index;
    noteMatched(s, position.index, position.index);
    s.stateChanged = true;
    resetElectionDeadline(s);
    return { term: s.term, ok: true, index: position.index };
  }

  /** The snapshot did not arrive; nothing has changed. */
  snapshotFailed(): SnapshotReply {
    this.#s.installing = false;
    return { term: this.#s.term, ok: false, index: 0 };
  }

  // ---- outputs -----------------------------------------------------------------------------------------------------

  /** Is there anything that the shell has to do? */
  get hasReady(): boolean {
    const s = this.#s;
    return (
      s.writeNeeded ||
      s.replicate ||
      s.outbox.length > 0 ||
      s.readsDone.length > 0 ||
      s.snapshotsWanted.length > 0 ||
      s.stateChanged ||
      s.trustWanted ||
      (s.applying === s.applied && this.#applicable > s.applied)
    );
  }

  /** Never apply what is not durable here: the state machine must not be ahead of the own log (scenario R7). */
  get #applicable(): number {
    const s = this.#s;
    return s.installing ? s.applied : Math.min(s.commit, s.log.durableIndex);
  }

  takeReady(): Ready {
    const s = this.#s;
    if (s.replicate) {
      s.replicate = false;
      replicate(s);
    }
    const write = s.takeWrite();
    const ready: Ready = {
      ...(write === undefined ? {} : { write }),
      messages: s.outbox,
      committed: this.#takeCommitted(),
      reads: s.readsDone,
      snapshots: s.snapshotsWanted,
      trust: s.trustWanted,
      stateChanged: s.stateChanged,
    };
    s.outbox = [];
    s.readsDone = [];
    s.snapshotsWanted = [];
    s.trustWanted = false;
    s.stateChanged = false;
    return ready;
  }

  #takeCommitted(): Ready["committed"] {
    const s = this.#s;
    if (s.applying > s.applied || this.#applicable <= s.applied) return [];
    const entries = s.log.slice(s.applied + 1, this.#applicable, s.options.appendBytesMax);
    s.applying = entries.at(-1)!.index;
    return entries;
  }

  /** Who leads, as far as this node knows; cheaper than {@link RaftCore.status}. */
  get leader(): NodeId | null {
    return this.#s.leader;
  }

  /** The membership in force: of the last entry in the log that changes it, committed or not. */
  get membership(): Membership {
    return this.#s.configurations.current;
  }

  /** Highest index known to be committed. */
  get commitIndex(): number {
    return this.#s.commit;
  }

  /** Last index that is applied. */
  get appliedIndex(): number {
    return this.#s.applied;
  }

  /** @param nowMs - for how long others have been silent counts up to here; without it, up to the last input. */
  status(nowMs: number = this.#s.nowMs): CoreStatus {
    const s = this.#s;
    const raftRole =
      s.role === "leader" ? RAFT_ROLE.leader : s.role === "follower" ? RAFT_ROLE.follower : RAFT_ROLE.candidate;
    return {
      id: s.id,
      role: s.role,
      raftRole,
      term: s.term,
      leader: s.leader,
      reason: s.reason,
      roleSinceMs: s.roleSinceMs,
      commitIndex: s.commit,
      appliedIndex: s.applied,
      lastIndex: s.log.lastIndex,
      durableIndex: s.log.durableIndex,
      firstIndex: s.log.firstIndex,
      membership: s.configurations.current,
      membershipIndex: s.configurations.index,
      scoreCount: s.scoreCount,
      score: s.score,
      comparison: s.lastComparison,
      leaderSilentMs: s.role === "leader" ? 0 : s.leader === null ? null : leaderSilentMs(s, nowMs),
      progress: [...s.progress].filter(([id]) => id !== s.id).map(([id, known]) => progressOf(id, known, nowMs)),
      transferring: s.transfer !== null,
      suspect: s.suspicion !== null,
    };
  }
}

/** A leader whose connection closed counts as never heard; to people it is as silent as it can be said to be. */
function leaderSilentMs(s: CoreState, nowMs: number): number {
  return nowMs - (Number.isFinite(s.leaderHeardMs) ? s.leaderHeardMs : s.roleSinceMs);
}

function progressOf(id: NodeId, progress: Progress, nowMs: number): PeerProgress {
  const { match, next, state, activeMs, suspect, lostData } = progress;
  return { id, match, next, state, silentMs: nowMs - activeMs, suspect, lostData };
}

function onReadIndexFromThePast(s: CoreState, from: NodeId, id: number): void {
  s.send(from, { type: "readIndexReply", term: s.term, id, index: -1 });
}
