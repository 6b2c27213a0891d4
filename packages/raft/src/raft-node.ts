import {
  type Clock,
  DisterError,
  type LogEntry,
  type Logger,
  type LogPosition,
  type LogStore,
  type Membership,
  type NodeId,
  type PiecesFrom,
  type RaftMessage,
  type Rng,
  type SnapshotHeader,
  type SnapshotOffer,
  type SnapshotReply,
  type StateMachine,
  type Timer,
  type Transport,
} from "@dister/types";
import { AppliedWaiters } from "./applied-waiters.ts";
import { COMPACTION_DEFAULTS, type CompactionOptions, Compactor } from "./compactor.ts";
import { type CoreStatus, RaftCore } from "./core/core.ts";
import { type RaftOptions, raftOptions } from "./core/options.ts";
import type { Ready } from "./core/ready.ts";
import { CountedPieces, logTransfer, NO_OBSERVER, type RaftObserver, type SnapshotTransfer } from "./observer.ts";
import { type Applied, Proposals } from "./proposals.ts";
import { ReadBatches } from "./read-batches.ts";
import { SCRUB_DEFAULTS, Scrubber, type ScrubOptions } from "./scrubber.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import { refuseHopelessLog, settleStart } from "./start-state.ts";

/** What a node is made of; everything that touches the outside. */
export interface RaftComponents<R> {
  readonly log: LogStore;
  readonly stateMachine: StateMachine<R>;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** Runs a function soon, after input that is already there: by default `setImmediate`. */
  readonly defer?: (run: () => void) => void;
}

export interface RaftNodeOptions<R> {
  readonly id: NodeId;
  /** Membership of a cluster whose log holds none yet: that of its founding, or nothing for a node that joins. */
  readonly foundingMembership: Membership;
  readonly raft?: Partial<RaftOptions>;
  readonly compaction?: Partial<CompactionOptions>;
  readonly scrub?: Partial<ScrubOptions>;
  /** Entries were applied, with their results, in order. Must not throw. */
  readonly onApplied?: (entries: readonly LogEntry[], results: readonly (R | undefined)[]) => void;
  /** Role, term, leader or membership changed. Must not throw. */
  readonly onStatus?: (status: CoreStatus) => void;
  /** A snapshot took the place of the state. */
  readonly onRestored?: (position: LogPosition) => void;
  /** Disk, database or an assertion failed: the node has stopped itself and cannot go on. */
  readonly onFatal?: (error: unknown) => void;
  /** Counts what happens; nobody unless given. */
  readonly observer?: RaftObserver;
}

/**
 * A Raft node: the pure core and what it needs done. One loop takes what the core has ready and persists, sends, applies
 * and answers; it owns every await and decides nothing.
 */
export class RaftNode<R = unknown> {
  readonly #components: RaftComponents<R>;
  readonly #options: RaftNodeOptions<R>;
  readonly #core: RaftCore;
  readonly #defer: (run: () => void) => void;
  readonly #proposals = new Proposals<R>();
  readonly #appliedWaiters = new AppliedWaiters();
  readonly #reads: ReadBatches;
  readonly #observer: RaftObserver;
  readonly #compactor: Compactor;
  readonly #sender: SnapshotSender;
  readonly #scrubber: Scrubber;
  readonly #work = new Set<Promise<void>>();
  #writes: Promise<void> = Promise.resolve();
  #applying: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #scheduled = false;
  #stopped = false;
  #status: CoreStatus;
  /** The highest commit index that the observer was told. */
  #toldCommit = 0;

  /**
   * Brings log and state machine together, and starts.
   * @throws DisterError `DISTER_ERR_STORE` when the state machine is ahead of the log, or the log does not reach back to
   *   it; `DISTER_ERR_LOG_CORRUPT` when the log lost what it had acknowledged and there is no other voter to have it.
   */
  static async start<R>(components: RaftComponents<R>, options: RaftNodeOptions<R>): Promise<RaftNode<R>> {
    await settleStart(components.log, components.stateMachine, components.logger);
    return new RaftNode(components, options);
  }

  private constructor(components: RaftComponents<R>, options: RaftNodeOptions<R>) {
    const { log, stateMachine, clock, rng, logger, transport } = components;
    this.#components = components;
    this.#options = options;
    this.#observer = options.observer ?? NO_OBSERVER;
    this.#defer = components.defer ?? ((run) => void setImmediate(run));
    const raft = raftOptions(options.raft ?? {});
    const timeoutMs = 2 * raft.electionTimeoutMs;
    this.#reads = new ReadBatches({
      timeoutMs,
      firstId: Math.floor(rng.next() * 2 ** 48),
      ask: (id) => this.#input(() => this.#core.readIndex(id, clock.nowMs())),
      startTimer: (fire) => clock.setTimer(timeoutMs, fire),
    });
    const compaction = { ...COMPACTION_DEFAULTS, ...options.compaction };
    const told = (transfer: SnapshotTransfer): void => this.#tellTransfer(transfer);
    const sender = new SnapshotSender({ log, stateMachine, transport, clock, logger, told });
    this.#sender = sender;
    this.#compactor = new Compactor({
      log,
      stateMachine,
      logger,
      options: compaction,
      heldFrom: () => sender.heldFrom,
    });
    const scrub = { ...SCRUB_DEFAULTS, ...options.scrub };
    const fail = (error: unknown): void => this.#fail(error);
    this.#scrubber = new Scrubber({ log, stateMachine, clock, logger, options: scrub, fail });
    this.#core = new RaftCore({
      id: options.id,
      options: raft,
      rng,
      log,
      hardState: log.hardState(),
      applied: stateMachine.applied(),
      membership: this.#ruling(stateMachine.membership()),
      suspect: log.suspect(),
      nowMs: clock.nowMs(),
    });
    this.#status = this.#core.status();
    refuseHopelessLog(log, this.#status);
    transport.bind({
      message: (from, message) => this.#receive(from, message),
      peerUp: (peer) => this.#observer.peerUp(peer),
      peerDown: (peer) => {
        this.#observer.peerDown(peer);
        this.#input(() => this.#core.peerDown(peer, clock.nowMs()));
      },
      snapshot: (from, offer, piecesFrom) => this.#receiveSnapshot(from, offer, piecesFrom),
    });
    this.#scrubber.start();
    this.#schedule();
  }

  /**
   * A cluster that never changed its members has its founding membership nowhere but in the founders' identities: state
   * machine and snapshots then hold none. Who is no founder learns it from the entry that made it a member.
   */
  #ruling(membership: Membership | undefined): Membership {
    return membership === undefined || membership.members.length === 0 ? this.#options.foundingMembership : membership;
  }

  // ---- what callers want ---------------------------------------------------------------------------------------------

  /** The node's view of the cluster, as of now. */
  status(): CoreStatus {
    return this.#core.status(this.#components.clock.nowMs());
  }

  /** Who leads, as far as this node knows; null when it knows nobody. */
  get leader(): NodeId | null {
    return this.#core.leader;
  }

  /** The membership in force: of the last entry in the log that changes it, committed or not. */
  get membership(): Membership {
    return this.#core.membership;
  }

  /**
   * Proposes a command; resolves when it is applied on this node, which leads.
   * @throws DisterError surely not done: `DISTER_ERR_NOT_LEADER`, `DISTER_ERR_NO_LEADER`, `DISTER_ERR_TRANSFERRING`,
   *   `DISTER_ERR_BUSY`, `DISTER_ERR_TOO_LARGE`, `DISTER_ERR_DROPPED`; done or not: `DISTER_ERR_UNKNOWN_OUTCOME`.
   */
  propose(payload: Uint8Array): Promise<Applied<R>> {
    return this.#propose(() => this.#core.propose(payload));
  }

  /**
   * Changes the membership by at most one voter; resolves when the change is applied here.
   * @throws DisterError as {@link RaftNode.propose}, and `DISTER_ERR_MEMBERSHIP`, `DISTER_ERR_MEMBERSHIP_PENDING`.
   */
  async changeMembership(membership: Membership): Promise<LogPosition> {
    return this.#propose(() => this.#core.changeMembership(membership));
  }

  #propose(append: () => LogPosition): Promise<Applied<R>> {
    try {
      this.#assertRunning();
      const position = append();
      this.#observer.proposed(position.index);
      const waiting = this.#proposals.wait(position);
      this.#schedule();
      return waiting;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Resolves when everything that was acknowledged anywhere before this call is applied here: what is read from the
   * state machine then is linearizable.
   * @throws DisterError `DISTER_ERR_NO_LEADER`, `DISTER_ERR_TIMEOUT`, `DISTER_ERR_STOPPED`.
   */
  async readBarrier(): Promise<number> {
    this.#assertRunning();
    const index = await this.#reads.read();
    await this.whenApplied(index);
    return index;
  }

  /** Resolves when `index` is applied here. */
  whenApplied(index: number): Promise<void> {
    if (this.#core.appliedIndex >= index) return Promise.resolve();
    if (this.#stopped) return Promise.reject(new DisterError("DISTER_ERR_STOPPED", { what: "the node" }));
    return this.#appliedWaiters.wait(index);
  }

  /** Begins to hand leadership over; the caller watches the status. */
  transferLeadership(to?: NodeId): NodeId {
    this.#assertRunning();
    const target = this.#core.transferLeadership(to, this.#components.clock.nowMs());
    this.#schedule();
    return target;
  }

  /** Makes the applied state durable and lets the log go behind it, now. */
  checkpoint(): Promise<void> {
    return this.#compactor.run();
  }

  /** Stops: nothing more is sent or applied, what waits is rejected. Log, state machine and transport stay open. */
  async stop(): Promise<void> {
    this.#halt();
    // A loop, because what ends may begin something: a snapshot that is committed cuts the log.
    while (this.#work.size > 0) await Promise.allSettled([...this.#work]);
    await this.#writes;
    await this.#compactor.idle();
    await this.#scrubber.stop();
  }

  #halt(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#sender.stop();
    void this.#scrubber.stop();
    const stopped = (): DisterError => new DisterError("DISTER_ERR_STOPPED", { what: "the node" });
    this.#proposals.rejectAll(() => new DisterError("DISTER_ERR_UNKNOWN_OUTCOME", { requestId: "of the proposal" }));
    this.#appliedWaiters.rejectAll(stopped);
    this.#reads.rejectAll(stopped);
  }

  #assertRunning(): void {
    if (this.#stopped) throw new DisterError("DISTER_ERR_STOPPED", { what: "the node" });
  }

  // ---- the loop ------------------------------------------------------------------------------------------------------

  #receive(from: NodeId, message: RaftMessage): void {
    this.#input(() => this.#core.step(from, message, this.#components.clock.nowMs()));
  }

  /** Gives the core an input; an assertion that fails stops the node. */
  #input(give: () => void): void {
    if (this.#stopped) return;
    try {
      give();
    } catch (error) {
      return this.#fail(error);
    }
    this.#schedule();
  }

  /** Many inputs of one turn of the event loop are answered by one Ready: one write, one message per peer. */
  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#defer(() => {
      this.#scheduled = false;
      this.#handOut();
    });
  }

  #handOut(): void {
    if (this.#stopped) return;
    try {
      while (this.#core.hasReady && !this.#stopped) this.#handle(this.#core.takeReady());
      this.#setTimer();
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle(ready: Ready): void {
    const { log, transport, clock } = this.#components;
    const { write } = ready;
    if (write !== undefined) {
      const stored = log.append({
        entries: write.entries,
        ...(write.hardState === undefined ? {} : { hardState: write.hardState }),
      });
      this.#writes = stored.then(
        () => this.#input(() => this.#core.stored(write.seq, clock.nowMs())),
        (error: unknown) => this.#fail(error),
      );
    }
    const byPeer = new Map<NodeId, RaftMessage[]>();
    for (const { to, message } of ready.messages) {
      const messages = byPeer.get(to);
      if (messages === undefined) byPeer.set(to, [message]);
      else messages.push(message);
    }
    for (const [to, messages] of byPeer) transport.send(to, messages);
    this.#tellCommit();
    if (ready.committed.length > 0) {
      this.#applying = this.#apply(ready.committed);
      this.#track(this.#applying);
    }
    if (ready.trust) this.#track(this.#trust());
    for (const to of ready.snapshots) this.#track(this.#sendSnapshot(to));
    for (const { id, index } of ready.reads) this.#reads.answered(id, index);
    if (ready.stateChanged) this.#tellStatus();
  }

  async #trust(): Promise<void> {
    const { log, clock, logger } = this.#components;
    await log.trust();
    logger.info("the log is whole again: this node votes", { lastIndex: log.lastIndex() });
    this.#input(() => this.#core.trusted(clock.nowMs()));
  }

  #tellCommit(): void {
    const { commitIndex } = this.#core;
    if (commitIndex <= this.#toldCommit) return;
    this.#toldCommit = commitIndex;
    this.#observer.committed(commitIndex);
  }

  #tellStatus(): void {
    this.#status = this.#core.status();
    if (this.#status.role !== "leader") {
      this.#proposals.rejectAll(() => new DisterError("DISTER_ERR_UNKNOWN_OUTCOME", { requestId: "of the proposal" }));
    }
    this.#options.onStatus?.(this.#status);
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#work.delete(tracked);
      });
    this.#work.add(tracked);
  }

  async #apply(entries: readonly LogEntry[]): Promise<void> {
    const { stateMachine, clock } = this.#components;
    const sinceMs = clock.nowMs();
    const results = await stateMachine.apply(entries);
    this.#observer.applied(entries.length, clock.nowMs() - sinceMs);
    const last = entries.at(-1)!.index;
    this.#core.applied(last);
    entries.forEach((entry, position) => {
      this.#proposals.resolve(entry, results[position]);
    });
    this.#options.onApplied?.(entries, results);
    this.#appliedWaiters.applied(last);
    this.#compactor.applied(entries, (error) => this.#fail(error));
    this.#schedule();
  }

  /** A late timer looks at what has arrived before it decides that nobody was heard: the tick is deferred once. */
  #setTimer(): void {
    const { clock } = this.#components;
    this.#timer?.cancel();
    const delayMs = Math.max(0, this.#core.deadlineMs - clock.nowMs());
    this.#timer = clock.setTimer(Math.min(delayMs, 60_000), () => {
      this.#defer(() => {
        this.#input(() => this.#core.tick(clock.nowMs()));
      });
    });
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#components.logger.error("the node stops itself", { error });
    this.#halt();
    this.#options.onFatal?.(error);
  }

  // ---- snapshots -----------------------------------------------------------------------------------------------------

  async #sendSnapshot(to: NodeId): Promise<void> {
    const reply = await this.#sender.send(to, () => {
      const { role, term } = this.#core.status();
      return role === "leader" ? term : null;
    });
    this.#input(() => this.#core.snapshotSent(to, reply, this.#components.clock.nowMs()));
  }

  #tellTransfer(transfer: SnapshotTransfer): void {
    this.#observer.snapshot(transfer);
    logTransfer(this.#components.logger, transfer);
  }

  async #receiveSnapshot(from: NodeId, offer: SnapshotOffer, piecesFrom: PiecesFrom): Promise<SnapshotReply> {
    const { clock } = this.#components;
    this.#assertRunning();
    const refused = this.#core.offerSnapshot(from, offer, clock.nowMs());
    // Not in a later turn: a whole snapshot may be here already, and what was decided before it belongs before it.
    this.#handOut();
    if (refused !== null) return refused;
    const pieces = new CountedPieces(piecesFrom);
    const sinceMs = clock.nowMs();
    const reply = await this.#takeSnapshot(from, offer, pieces.from);
    this.#tellTransfer({
      direction: "received",
      peer: from,
      index: offer.position.index,
      bytes: pieces.bytes,
      durationMs: clock.nowMs() - sinceMs,
      outcome: reply.ok ? "done" : "failed",
    });
    return reply;
  }

  async #takeSnapshot(
    from: NodeId,
    { content, ...header }: SnapshotOffer,
    piecesFrom: PiecesFrom,
  ): Promise<SnapshotReply> {
    const { stateMachine, log, logger } = this.#components;
    try {
      const sink = await stateMachine.restore(header.position, header.membership, content);
      const facts = { from, index: header.position.index, pieces: content.pieceCount, bytes: content.byteCount };
      logger.info("receiving a snapshot", { ...facts, here: sink.pieceCount });
      try {
        for await (const chunk of piecesFrom(sink.pieceCount)) await sink.write(chunk);
        // What was handed out before must have ended: log and state are about to be replaced under it.
        await Promise.all([this.#writes, this.#applying]);
        this.#assertRunning();
        await this.#untilDone(sink.commit());
      } catch (error) {
        // What came in sound need not come again when the sender tries once more.
        sink.suspend();
        throw error;
      }
    } catch (error) {
      logger.warn("receiving a snapshot failed", { from, error });
      this.#schedule();
      return this.#core.snapshotFailed();
    }
    return this.#untilDone(this.#installSnapshot(header, log));
  }

  /** Stopping waits for this; what it comes to is the caller's to see. */
  #untilDone<T>(work: Promise<T>): Promise<T> {
    const over = work.then(
      () => {},
      () => {},
    );
    this.#work.add(over);
    void over.then(() => this.#work.delete(over));
    return work;
  }

  /** From here on nothing may fail half: a state machine that is ahead of its log is finished at the next start. */
  async #installSnapshot(header: SnapshotHeader, log: LogStore): Promise<SnapshotReply> {
    const { clock } = this.#components;
    try {
      await log.reset(header.position);
      const membership = this.#ruling(header.membership);
      const reply = this.#core.snapshotInstalled({ ...header, membership }, clock.nowMs());
      this.#options.onRestored?.(header.position);
      this.#appliedWaiters.applied(header.position.index);
      this.#schedule();
      return reply;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }
}
