import {
  type Envelope,
  type HardState,
  invariant,
  LOG_ID_RANDOM_SIZE,
  type LogEntry,
  type NodeId,
  type RaftMessage,
  type Rng,
} from "@dister/types";
import { ByteWindow } from "./byte-window.ts";
import type { ComparisonResult } from "./comparison-result.ts";
import type { Configurations } from "./configurations.ts";
import type { RaftOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import type { RaftLog } from "./raft-log.ts";
import type { ReadState } from "./ready.ts";
import type { Suspicion } from "./suspicion.ts";

export type CoreRole = "follower" | "preCandidate" | "candidate" | "leader";

/** Why this node last began or ended to lead, for people. */
export type ChangeReason =
  | "start"
  | "silence of the leader"
  | "connection to the leader closed"
  | "asked to stand by a peer"
  | "leadership was handed over"
  | "only voter"
  | "higher term"
  | "lost touch with a majority"
  | "removed from the membership"
  | "own disk does not answer"
  | "leader announced itself";

/** Messages that wait for a write. */
interface HeldBack {
  readonly seq: number;
  readonly envelopes: Envelope[];
}

/**
 * Everything that one core knows, and the few moves that all its parts share. The parts (election, replication, reads,
 * comparison) are functions over this; none keeps state of its own.
 */
export class CoreState {
  readonly id: NodeId;
  readonly options: RaftOptions;
  readonly rng: Rng;
  readonly log: RaftLog;
  readonly configurations: Configurations;

  term: number;
  vote: NodeId | null;
  commit: number;
  /** Handed out to be applied; `applied <= applying <= commit`. */
  applying: number;
  applied: number;

  role: CoreRole = "follower";
  leader: NodeId | null = null;
  reason: ChangeReason = "start";
  roleSinceMs = 0;
  nowMs = 0;

  /** When this node last heard its leader; also set at a restart, so that nobody votes sooner than a lease could last. */
  leaderHeardMs = Number.NEGATIVE_INFINITY;
  /** The connection to the leader closed: it need not be waited for. */
  leaderDoubted = false;
  electionDeadlineMs = Number.POSITIVE_INFINITY;
  /** The last comparison asked somebody to stand who did not win: the next time-out goes straight to an election. */
  compareFailed = false;
  votes = new Map<NodeId, boolean>();

  comparison: {
    round: number;
    startedMs: number;
    deadlineMs: number;
    /** A suspicion decides who stands; a measurement only refreshes the score. */
    decides: boolean;
    answers: Map<NodeId, { term: number; index: number; scoreCount: number; score: number; leaderAlive: boolean }>;
    responseUs: Map<NodeId, number>;
  } | null = null;
  comparisonRound = 0;
  /** What the last round found, for people: nothing is decided from it. */
  lastComparison: ComparisonResult | null = null;
  measureDeadlineMs = Number.POSITIVE_INFINITY;
  scoreCount = 0;
  score = 0;

  /** A snapshot is being received: no campaign, no appends. */
  installing = false;
  /** The log lost what it acknowledged: no campaign, no votes, nothing that counts; null for a log that is whole. */
  suspicion: Suspicion | null = null;

  // What only a leader has.
  progress = new Map<NodeId, Progress>();
  termStart = 0;
  heartbeatDeadlineMs = Number.POSITIVE_INFINITY;
  quorumDeadlineMs = Number.POSITIVE_INFINITY;
  readonly uncommitted = new ByteWindow();
  transfer: { to: NodeId; deadlineMs: number } | null = null;

  // Reads: rounds of a leader, requests of a follower.
  readRound = 0;
  readRoundUnderWay: { round: number; reads: { from: NodeId; id: number; index: number }[]; acks: Set<NodeId> } | null =
    null;
  readsWaiting: { from: NodeId; id: number }[] = [];
  readsAsked = new Set<number>();

  // What the next Ready takes.
  outbox: Envelope[] = [];
  readsDone: ReadState[] = [];
  snapshotsWanted: NodeId[] = [];
  stateChanged = true;
  replicate = false;
  trustWanted = false;
  hardStateChanged = false;
  #afterNextWrite: Envelope[] = [];
  #heldBack: HeldBack[] = [];
  #writeSeq = 0;
  #storedSeq = 0;
  #hardStateSeq = 0;
  /** When each write that is not durable yet was handed out, oldest first. */
  readonly #writesSinceMs: number[] = [];

  constructor(parts: {
    id: NodeId;
    options: RaftOptions;
    rng: Rng;
    log: RaftLog;
    configurations: Configurations;
    hardState: HardState;
    applied: number;
  }) {
    this.id = parts.id;
    this.options = parts.options;
    this.rng = parts.rng;
    this.log = parts.log;
    this.configurations = parts.configurations;
    this.term = parts.hardState.term;
    this.vote = parts.hardState.vote;
    this.commit = Math.max(parts.hardState.commit, parts.applied);
    this.applying = parts.applied;
    this.applied = parts.applied;
  }

  get voters(): readonly NodeId[] {
    return this.configurations.voters;
  }

  get otherVoters(): NodeId[] {
    return this.voters.filter((voter) => voter !== this.id);
  }

  drawR(): number {
    return Math.floor(this.rng.next() * LOG_ID_RANDOM_SIZE);
  }

  /** Sends as soon as the next Ready is taken. */
  send(to: NodeId, message: RaftMessage): void {
    this.outbox.push({ to, message });
  }

  /** Sends when everything that was decided so far is durable. */
  sendAfterWrite(to: NodeId, message: RaftMessage): void {
    this.#afterNextWrite.push({ to, message });
  }

  /** Sends when term and vote are durable, without waiting for entries. */
  sendAfterVote(to: NodeId, message: RaftMessage): void {
    if (this.hardStateChanged || this.#hardStateSeq > this.#storedSeq) this.sendAfterWrite(to, message);
    else this.send(to, message);
  }

  /** Takes what must be written, and ties the messages that wait for it to it. */
  takeWrite(): { seq: number; entries: readonly LogEntry[]; hardState?: HardState } | undefined {
    if (!this.hardStateChanged && !this.log.hasPending) {
      this.#tieToLastWrite();
      return undefined;
    }
    const seq = ++this.#writeSeq;
    const entries = this.log.handOver(seq);
    // What is left over goes with the next write, and whatever waits may depend on it.
    if (!this.log.hasPending) this.#tieToLastWrite();
    this.#writesSinceMs.push(this.nowMs);
    // Of what is left over nothing may be called committed on disk: it is not there yet.
    const commit = Math.min(this.commit, this.log.pendingFrom - 1);
    const hardState = { term: this.term, vote: this.vote, commit };
    if (!this.hardStateChanged) return { seq, entries };
    this.hardStateChanged = false;
    this.#hardStateSeq = seq;
    return { seq, entries, hardState };
  }

  /** Whatever waits for "what was decided so far" waits for the newest write from now on. */
  #tieToLastWrite(): void {
    const envelopes = this.#afterNextWrite;
    if (envelopes.length === 0) return;
    this.#afterNextWrite = [];
    if (this.#storedSeq === this.#writeSeq) {
      const own = this.#release(envelopes);
      invariant(own.length === 0, "a vote for this node itself without a write");
    } else this.#heldBack.push({ seq: this.#writeSeq, envelopes });
  }

  /** Since when the oldest write under way waits for the disk, infinity when none does. */
  get diskSilentSinceMs(): number {
    return this.#writesSinceMs[0] ?? Number.POSITIVE_INFINITY;
  }

  get writeNeeded(): boolean {
    return this.hardStateChanged || this.log.hasPending || this.#afterNextWrite.length > 0;
  }

  /** A write is durable: what waited for it may leave. */
  writeStored(seq: number): Envelope[] {
    this.log.stored(seq);
    this.#storedSeq = seq;
    this.#writesSinceMs.shift();
    const own: Envelope[] = [];
    while (this.#heldBack.length > 0 && this.#heldBack[0]!.seq <= seq) {
      own.push(...this.#release(this.#heldBack.shift()!.envelopes));
    }
    return own;
  }

  /** Puts messages on their way; those to this node itself come back, the core steps them. */
  #release(envelopes: readonly Envelope[]): Envelope[] {
    const own: Envelope[] = [];
    for (const envelope of envelopes) {
      const { type, term } = envelope.message;
      // An answer of a term that has passed must not leave: this node has promised itself to a later one since.
      if (
        (type === "appendReply" || type === "suspectReply" || type === "voteReply" || type === "vote") &&
        term < this.term
      )
        continue;
      if (envelope.to === this.id) own.push(envelope);
      else this.outbox.push(envelope);
    }
    return own;
  }
}
