import {
  decodeMembership,
  ENTRY_KIND,
  type LogEntry,
  type Member,
  type Membership,
  membershipOf,
  NO_MEMBERSHIP,
  type NodeId,
  type RaftMessage,
  type SnapshotHeader,
  type SnapshotReply,
} from "@dister/types";
import { MemoryLogStore, SeededRng } from "@dister/types/testing";
import { RaftCore, type RaftOptions, type ReadState, raftOptions } from "../src/index.ts";

export function nodeId(n: number): NodeId {
  return n.toString(16).toUpperCase().padStart(16, "0");
}

export function member(n: number, voter = true): Member {
  const ports = { raft: 1, repl: 2, api: 3 };
  return { id: nodeId(n), name: `n${n}`, role: 0, voter, address: { host: "h", ports } };
}

export function members(count: number): Membership {
  return membershipOf(Array.from({ length: count }, (_, i) => member(i + 1)));
}

interface InFlight {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: RaftMessage;
  readonly atMs: number;
}

/** One simulated node: a core over a log in memory, and what was applied. */
export class SimNode {
  readonly id: NodeId;
  readonly log = new MemoryLogStore();
  core!: RaftCore;
  up = true;
  /** Payload text of every command applied, by index; survives crashes as a durable state machine does. */
  applied: { index: number; term: number; text: string }[] = [];
  /** Membership as of what is applied. */
  membership: Membership;
  reads: ReadState[] = [];
  /** Writes handed over and not durable yet. */
  writes: { seq: number; atMs: number }[] = [];
  generation = 0;

  constructor(id: NodeId, membership: Membership) {
    this.id = id;
    this.membership = membership;
  }

  get appliedPosition(): { index: number; term: number } {
    const last = this.applied.at(-1);
    return last === undefined ? { index: 0, term: 0 } : { index: last.index, term: last.term };
  }
}

/** Cores that talk over a network in memory, under a clock that the test moves. No threads, no timers, one seed. */
export class CoreCluster {
  readonly nodes = new Map<NodeId, SimNode>();
  readonly rng: SeededRng;
  nowMs = 0;
  inFlight: InFlight[] = [];
  /** Links that lose everything, as `from>to`. */
  readonly cut = new Set<string>();
  lossRate = 0;
  doubleRate = 0;
  delayMs: () => number = () => 1;
  writeMs: () => number = () => 0;
  readonly options: RaftOptions;
  /** Called after every step of a node. */
  check: (node: SimNode) => void = () => {};
  /** A message passed by here on its way out. */
  watch: (from: NodeId, to: NodeId, message: RaftMessage) => void = () => {};
  /** One way of a snapshot, or of the answer to it. */
  snapshotMs: () => number = () => 5;
  #events: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(count: number, seed = 1, options: Partial<RaftOptions> = {}) {
    this.rng = new SeededRng(seed);
    this.options = raftOptions(options);
    const founding = members(count);
    for (const { id } of founding.members) this.add(id, founding);
  }

  /** A node with an empty disk; without a membership it waits to be told. */
  add(id: NodeId, membership: Membership = NO_MEMBERSHIP): SimNode {
    const node = new SimNode(id, membership);
    this.nodes.set(id, node);
    this.boot(node);
    return node;
  }

  boot(node: SimNode): void {
    node.log.crash();
    node.log.hold();
    node.writes = [];
    node.reads = [];
    node.up = true;
    node.generation++;
    node.core = new RaftCore({
      id: node.id,
      options: this.options,
      rng: new SeededRng(Math.floor(this.rng.next() * 2 ** 31)),
      log: node.log,
      hardState: node.log.hardState(),
      applied: node.appliedPosition,
      membership: node.membership,
      suspect: node.log.suspect(),
      nowMs: this.nowMs,
    });
    this.drain(node);
  }

  /** Loses what is not durable, the connections of the node and what is on its way to it; what it has sent arrives. */
  crash(id: NodeId): void {
    const node = this.node(id);
    node.up = false;
    this.inFlight = this.inFlight.filter(({ to }) => to !== id);
    for (const other of this.nodes.values()) {
      if (!other.up || this.cut.has(`${id}>${other.id}`)) continue;
      other.core.peerDown(id, this.nowMs);
      this.drain(other);
    }
  }

  node(id: NodeId): SimNode {
    return this.nodes.get(id)!;
  }

  n(number: number): SimNode {
    return this.node(nodeId(number));
  }

  get leaders(): SimNode[] {
    return [...this.nodes.values()].filter((node) => node.up && node.core.status().role === "leader");
  }

  isolate(id: NodeId): void {
    for (const other of this.nodes.keys()) {
      this.cut.add(`${id}>${other}`);
      this.cut.add(`${other}>${id}`);
    }
  }

  heal(): void {
    this.cut.clear();
    this.lossRate = 0;
    this.doubleRate = 0;
  }

  /** Does what the core has ready, as the shell does. */
  drain(node: SimNode): void {
    while (node.core.hasReady) {
      const ready = node.core.takeReady();
      if (ready.write !== undefined) {
        const { seq, entries, hardState } = ready.write;
        void node.log.append(hardState === undefined ? { entries } : { entries, hardState });
        // Writes become durable in order, one behind the other.
        node.writes.push({ seq, atMs: Math.max(node.writes.at(-1)?.atMs ?? 0, this.nowMs + this.writeMs()) });
      }
      for (const { to, message } of ready.messages) this.#post(node.id, to, message);
      node.reads.push(...ready.reads);
      for (const to of ready.snapshots) this.#sendSnapshot(node, to);
      if (ready.committed.length > 0) this.#apply(node, ready.committed);
      if (ready.trust) {
        void node.log.trust();
        node.core.trusted(this.nowMs);
      }
      if (this.writeMs() === 0) this.#finishWrites(node);
    }
    this.check(node);
  }

  #apply(node: SimNode, entries: readonly LogEntry[]): void {
    for (const { index, term, kind, payload } of entries) {
      const text = kind === ENTRY_KIND.command ? Buffer.from(payload).toString() : `(${kind})`;
      node.applied.push({ index, term, text });
      if (kind === ENTRY_KIND.membership) node.membership = decodeMembership(payload);
    }
    node.core.applied(entries.at(-1)!.index);
  }

  #finishWrites(node: SimNode): void {
    while (node.writes.length > 0 && node.writes[0]!.atMs <= this.nowMs) {
      const { seq } = node.writes.shift()!;
      node.log.syncOldest();
      node.core.stored(seq, this.nowMs);
    }
  }

  /** Streams what the node has applied, as the shell does: two ways, each of which may break. */
  #sendSnapshot(from: SimNode, to: NodeId): void {
    const header = { term: from.core.status().term, position: from.appliedPosition, membership: from.membership };
    const applied = [...from.applied];
    const { generation } = from;
    const target = this.node(to);
    const broken = (): boolean => !target.up || this.#isBroken(from.id, to);
    const answer = (reply: SnapshotReply | null): void => {
      this.#after(() => {
        if (!from.up || from.generation !== generation) return;
        from.core.snapshotSent(to, this.#isBroken(to, from.id) ? null : reply, this.nowMs);
        this.drain(from);
      });
    };
    this.#after(() => {
      if (broken()) return answer(null);
      const refused = target.core.offerSnapshot(from.id, header, this.nowMs);
      this.drain(target);
      if (refused !== null) return answer(refused);
      const receiver = target.generation;
      this.#after(() => {
        if (target.generation !== receiver || !target.up) return answer(null);
        const reply = broken() ? target.core.snapshotFailed() : this.#install(target, header, applied);
        this.drain(target);
        answer(reply);
      });
    });
  }

  #install(node: SimNode, header: SnapshotHeader, applied: SimNode["applied"]): SnapshotReply {
    for (const write of node.writes.splice(0)) {
      node.log.syncOldest();
      node.core.stored(write.seq, this.nowMs);
    }
    node.applied = applied;
    node.membership = header.membership;
    void node.log.reset(header.position);
    return node.core.snapshotInstalled(header, this.nowMs);
  }

  #isBroken(from: NodeId, to: NodeId): boolean {
    return this.cut.has(`${from}>${to}`) || this.rng.next() < this.lossRate;
  }

  #after(run: () => void): void {
    this.#events.push({ atMs: this.nowMs + this.snapshotMs(), run });
  }

  #post(from: NodeId, to: NodeId, message: RaftMessage): void {
    this.watch(from, to, message);
    if (this.cut.has(`${from}>${to}`) || this.rng.next() < this.lossRate) return;
    const copies = this.rng.next() < this.doubleRate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.inFlight.push({ from, to, message, atMs: this.nowMs + this.delayMs() });
    }
  }

  /** Hands a message to a node, as if it had just arrived. */
  deliver(from: NodeId, to: NodeId, message: RaftMessage): void {
    const node = this.node(to);
    if (node === undefined || !node.up) return;
    node.core.step(from, message, this.nowMs);
    this.drain(node);
  }

  /** Moves time on; messages, writes and ticks happen in order of time. */
  run(ms: number, until: () => boolean = () => false): boolean {
    const end = this.nowMs + ms;
    while (this.nowMs <= end) {
      if (until()) return true;
      const next = this.#nextEventMs();
      if (next > end) break;
      this.nowMs = Math.max(this.nowMs, next);
      this.#deliverDue();
      this.#runDue();
      for (const node of this.nodes.values()) {
        if (!node.up) continue;
        if (node.writes.some((write) => write.atMs <= this.nowMs)) this.#finishWrites(node);
        if (node.core.deadlineMs <= this.nowMs) node.core.tick(this.nowMs);
        this.drain(node);
      }
    }
    this.nowMs = Math.max(this.nowMs, end);
    return until();
  }

  #nextEventMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.inFlight) next = Math.min(next, atMs);
    for (const { atMs } of this.#events) next = Math.min(next, atMs);
    for (const node of this.nodes.values()) {
      if (!node.up) continue;
      next = Math.min(next, node.core.deadlineMs, ...node.writes.map((write) => write.atMs));
    }
    return next;
  }

  #runDue(): void {
    const due = this.#events.filter((event) => event.atMs <= this.nowMs);
    this.#events = this.#events.filter((event) => event.atMs > this.nowMs);
    for (const { run } of due) run();
  }

  #deliverDue(): void {
    const due = this.inFlight.filter((item) => item.atMs <= this.nowMs);
    this.inFlight = this.inFlight.filter((item) => item.atMs > this.nowMs);
    for (const { from, to, message } of due) this.deliver(from, to, message);
  }

  /** Runs until one node leads and the others follow it. */
  elect(withinMs = 10_000): SimNode {
    const found = this.run(withinMs, () => this.leaders.length === 1 && this.leaders[0]!.core.status().commitIndex > 0);
    if (!found) throw new Error("no leader");
    return this.leaders[0]!;
  }

  propose(node: SimNode, text: string): { index: number; term: number } {
    const position = node.core.propose(Buffer.from(text));
    this.drain(node);
    return position;
  }

  /** A node's log as text, for comparing: `index.term`. */
  logOf(node: SimNode): string {
    const { log } = node;
    const entries = log.lastIndex() < log.firstIndex() ? [] : log.read(log.firstIndex(), log.lastIndex(), 1e9);
    return entries.map((entry) => `${entry.index}.${entry.term}`).join(" ");
  }
}
