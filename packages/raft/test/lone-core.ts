import {
  type Envelope,
  type HardState,
  type LogEntry,
  type LogPosition,
  type Membership,
  type NodeId,
  type RaftMessage,
  type Rng,
  voterIds,
} from "@dister/types";
import { MemoryLogStore, SeededRng } from "@dister/types/testing";
import { type CoreStatus, RaftCore, type RaftOptions, type ReadState, type Ready, raftOptions } from "../src/index.ts";
import { members, nodeId } from "./core-cluster.ts";
import { voteReply } from "./messages.ts";

/** How a lone core begins. */
export interface LoneStart {
  /** Number of the node; 1 unless two cores of a test talk to each other. */
  readonly number?: number;
  /** Founding members 1 to `count`, all voters; or a membership. */
  readonly count?: number;
  readonly membership?: Membership;
  readonly entries?: readonly LogEntry[];
  /** Term of the hard state; by default that of the last entry. */
  readonly term?: number;
  readonly vote?: NodeId;
  readonly commit?: number;
  readonly base?: LogPosition;
  readonly applied?: LogPosition;
  readonly options?: Partial<RaftOptions>;
  readonly seed?: number;
  /** Instead of a seed. */
  readonly rng?: Rng;
  /** Sees every Ready before the core is told that any of it is done. */
  readonly onReady?: (ready: Ready) => void;
}

type OfType<T extends RaftMessage["type"]> = Extract<RaftMessage, { type: T }>;

/** One node, by default number 1, as the real core, everybody else played by the test: what it is told, what it sends, what it stores. */
export class LoneCore {
  readonly id: NodeId;
  readonly log = new MemoryLogStore();
  readonly options: RaftOptions;
  core: RaftCore;
  nowMs = 0;
  /** Everything that was sent since {@link LoneCore.clear}. */
  sent: Envelope[] = [];
  committed: LogEntry[] = [];
  reads: ReadState[] = [];
  snapshots: NodeId[] = [];
  /** How often the log store was to be told that it is whole again. */
  trusts = 0;
  /** Writes that wait for {@link LoneCore.storeOne} or {@link LoneCore.store}; with `disk` "held" they stay here. */
  writes: number[] = [];
  disk: "quick" | "held" = "quick";
  /** Whether what is committed is reported as applied at once. */
  applying = true;
  readonly #start: LoneStart;

  constructor(start: LoneStart = {}) {
    this.#start = start;
    this.id = nodeId(start.number ?? 1);
    this.options = raftOptions(start.options ?? {});
    if (start.base !== undefined) void this.log.reset(start.base);
    const entries = start.entries ?? [];
    const term = start.term ?? entries.at(-1)?.term ?? start.base?.term ?? 0;
    void this.log.append({ entries, hardState: { term, vote: start.vote ?? null, commit: start.commit ?? 0 } });
    this.core = this.#boot(start.applied ?? start.base ?? { index: 0, term: 0 });
    this.log.hold();
    this.drain();
  }

  #boot(applied: LogPosition, membership?: Membership): RaftCore {
    return new RaftCore({
      id: this.id,
      options: this.options,
      rng: this.#start.rng ?? new SeededRng(this.#start.seed ?? 1),
      log: this.log,
      hardState: this.log.hardState(),
      applied,
      suspect: this.log.suspect(),
      membership: membership ?? this.#start.membership ?? members(this.#start.count ?? 3),
      nowMs: this.nowMs,
    });
  }

  /** Loses what is not durable and starts again; by default nothing was applied durably. `membership` is as of `applied`. */
  restart(
    applied: LogPosition = this.#start.applied ?? this.#start.base ?? { index: 0, term: 0 },
    membership?: Membership,
  ): void {
    this.log.crash();
    this.log.hold();
    this.writes = [];
    this.committed = [];
    this.reads = [];
    this.trusts = 0;
    this.disk = "quick";
    this.core = this.#boot(applied, membership);
    this.drain();
  }

  get status(): CoreStatus {
    return this.core.status();
  }

  get hardState(): HardState {
    return this.log.hardState();
  }

  /** Terms of the whole log, as the figures draw it. */
  get terms(): number[] {
    const last = this.log.lastIndex();
    return last < this.log.firstIndex() ? [] : this.log.read(this.log.firstIndex(), last, 1e9).map(({ term }) => term);
  }

  drain(): void {
    while (this.core.hasReady) {
      const ready = this.core.takeReady();
      this.#start.onReady?.(ready);
      if (ready.write !== undefined) {
        const { seq, entries, hardState } = ready.write;
        void this.log.append(hardState === undefined ? { entries } : { entries, hardState });
        this.writes.push(seq);
      }
      this.sent.push(...ready.messages);
      this.reads.push(...ready.reads);
      this.snapshots.push(...ready.snapshots);
      if (ready.trust) this.trusts++;
      this.committed.push(...ready.committed);
      if (ready.trust) {
        void this.log.trust();
        this.core.trusted(this.nowMs);
      }
      const last = ready.committed.at(-1);
      if (last !== undefined && this.applying) this.core.applied(last.index);
      if (this.disk === "quick") this.#storeAll();
    }
  }

  #storeAll(): void {
    while (this.writes.length > 0) this.#storeNext();
  }

  #storeNext(): void {
    this.log.syncOldest();
    this.core.stored(this.writes.shift()!, this.nowMs);
  }

  /** Makes the oldest write durable and tells the core. */
  storeOne(): void {
    this.#storeNext();
    this.drain();
  }

  /** Makes everything durable that was written, and tells the core. */
  store(): void {
    this.#storeAll();
    this.drain();
  }

  receive(from: number, message: RaftMessage): void {
    this.core.step(nodeId(from), message, this.nowMs);
    this.drain();
  }

  /** Time passes; ticks come when they are due. */
  pass(ms: number, until: () => boolean = () => false): void {
    const end = this.nowMs + ms;
    while (!until() && this.core.deadlineMs <= end) {
      this.nowMs = Math.max(this.nowMs, this.core.deadlineMs);
      this.core.tick(this.nowMs);
      this.drain();
    }
    if (!until()) this.nowMs = end;
  }

  /** Moves the clock without a tick: what comes next comes first. */
  wait(ms: number): void {
    this.nowMs += ms;
  }

  clear(): void {
    this.sent = [];
  }

  /** Messages of one type that were sent since the last clear, to one peer or to all. */
  sentOf<T extends RaftMessage["type"]>(type: T, to?: number): OfType<T>[] {
    return this.sent
      .filter((envelope) => envelope.message.type === type && (to === undefined || envelope.to === nodeId(to)))
      .map((envelope) => envelope.message as OfType<T>);
  }

  /** Takes the messages of one type to one peer out of what was sent. */
  take<T extends RaftMessage["type"]>(type: T, to: number): OfType<T>[] {
    const taken = this.sentOf(type, to);
    this.sent = this.sent.filter((e) => e.message.type !== type || e.to !== nodeId(to));
    return taken;
  }

  /** Silence until the core asks for pre-votes. */
  toPreVote(): void {
    this.clear();
    this.pass(5_000, () => this.sentOf("vote").some(({ pre }) => pre));
    if (!this.sentOf("vote").some(({ pre }) => pre)) throw new Error("no pre-vote was asked for");
  }

  /** Silence, and pre-votes of `granting` (by default just enough), until the core stands. */
  toCandidate(granting: readonly number[] = this.#enough()): void {
    this.toPreVote();
    const asked = this.sentOf("vote").at(-1)!.term;
    for (const peer of granting) this.receive(peer, voteReply(asked, { pre: true }));
    if (this.status.role !== "candidate") throw new Error(`role is ${this.status.role}`);
  }

  /** The whole way to leadership, by the votes of `granting`. */
  toLeader(granting: readonly number[] = this.#enough()): void {
    this.toCandidate(granting);
    const { term } = this.status;
    for (const peer of granting) this.receive(peer, voteReply(term));
    if (this.status.role !== "leader") throw new Error(`role is ${this.status.role}`);
  }

  /** As many peers as make a majority together with this node. */
  #enough(): number[] {
    const peers = voterIds(this.status.membership).filter((id) => id !== this.id);
    return peers.slice(0, Math.ceil(peers.length / 2)).map((id) => Number.parseInt(id, 16));
  }

  propose(text: string): LogPosition {
    const position = this.core.propose(Buffer.from(text));
    this.drain();
    return position;
  }
}
