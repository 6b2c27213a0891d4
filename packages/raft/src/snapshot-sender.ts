import {
  type Clock,
  DisterError,
  type Logger,
  type LogStore,
  type NodeId,
  type SnapshotReply,
  type StateMachine,
  type Timer,
  type Transport,
} from "@dister/types";
import { CountedPieces, type SnapshotTransfer } from "./observer.ts";

/** How long a broken transfer may be taken up again, in milliseconds: a restart of the receiver fits in it. */
const GRACE_MS = 60_000;

interface SenderParts {
  readonly log: LogStore;
  readonly stateMachine: StateMachine<unknown>;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How a transfer ended. */
  readonly told: (transfer: SnapshotTransfer) => void;
}

/**
 * Sends snapshots: the same one again to whoever was cut off in it, as long as the log reaches back to it. Says from
 * where on the log is needed meanwhile, because a snapshot behind which the log is cut leads nowhere.
 */
export class SnapshotSender {
  readonly #parts: SenderParts;
  readonly #stopped = Promise.withResolvers<never>();
  #isStopped = false;
  #underWay = 0;
  /** Whether what lies ready may be asked for once more: a transfer of it broke. */
  #isWanted = false;
  #heldFrom = Number.POSITIVE_INFINITY;
  #grace: Timer | null = null;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#stopped.promise.catch(() => undefined);
    // What an earlier life has left may be asked for by whoever was cut off by its end.
    this.#startGrace(GRACE_MS);
  }

  /** Index behind which the log is needed by who has, or is being sent, a snapshot; infinite for none. */
  get heldFrom(): number {
    return this.#heldFrom;
  }

  /**
   * Sends a snapshot in the name of a term.
   * @param termToSpeakIn - asked once the snapshot lies ready; null when this node leads no more.
   * @returns the receiver's answer, null when there is none.
   */
  async send(to: NodeId, termToSpeakIn: () => number | null): Promise<SnapshotReply | null> {
    const { transport, logger, clock } = this.#parts;
    // To put one together for a peer that cannot be reached would be for nothing.
    if (!transport.isUp(to)) return null;
    this.#grace?.cancel();
    this.#underWay++;
    const startMs = clock.nowMs();
    let reply: SnapshotReply | null = null;
    try {
      reply = await Promise.race([this.#sendOne(to, termToSpeakIn), this.#stopped.promise]);
    } catch (error) {
      if (!this.#isStopped) logger.warn("sending a snapshot failed", { to, error });
    }
    this.#underWay--;
    if (reply?.ok !== true) this.#isWanted = true;
    if (this.#underWay === 0 && !this.#isStopped) this.#settle(Math.max(GRACE_MS, clock.nowMs() - startMs));
    return reply;
  }

  /** Ends with the node, and what is under way with it; what lies ready stays for the next life. */
  stop(): void {
    this.#isStopped = true;
    this.#grace?.cancel();
    this.#stopped.reject(new DisterError("DISTER_ERR_STOPPED", { what: "the node" }));
  }

  async #sendOne(to: NodeId, termToSpeakIn: () => number | null): Promise<SnapshotReply | null> {
    const { log, stateMachine, transport, clock, logger, told } = this.#parts;
    this.#hold(stateMachine.applied().index);
    const outgoing = await stateMachine.outgoing(log.base().index);
    const { position, membership, content } = outgoing;
    this.#hold(position.index);
    // Whoever lost the leadership meanwhile must not speak in the name of a term that another leads.
    const term = termToSpeakIn();
    if (term === null) return null;
    const facts = { to, index: position.index, pieces: content.pieceCount, bytes: content.byteCount };
    const pieces = new CountedPieces((first) => {
      if (first === 0) logger.info("sending a snapshot", facts);
      else logger.info("going on with a snapshot that was cut off", { ...facts, first });
      return this.#untilStopped(outgoing.piecesFrom(first));
    });
    const sinceMs = clock.nowMs();
    let reply: SnapshotReply | null = null;
    try {
      reply = await transport.sendSnapshot(to, { term, position, membership, content }, pieces.from);
    } finally {
      const outcome = reply === null ? "failed" : reply.ok ? "done" : "refused";
      const durationMs = clock.nowMs() - sinceMs;
      told({ direction: "sent", peer: to, index: position.index, bytes: pieces.bytes, durationMs, outcome });
    }
    return reply;
  }

  async *#untilStopped(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      if (this.#isStopped) return this.#stopped.promise;
      yield piece;
    }
  }

  /** Nobody is being sent anything: the snapshot goes unless it may be wanted again, the hold on the log a little later. */
  #settle(graceMs: number): void {
    if (!this.#isWanted) this.#parts.stateMachine.discardOutgoing();
    this.#startGrace(graceMs);
  }

  #startGrace(graceMs: number): void {
    this.#grace = this.#parts.clock.setTimer(graceMs, () => {
      this.#isWanted = false;
      this.#heldFrom = Number.POSITIVE_INFINITY;
      this.#parts.stateMachine.discardOutgoing();
    });
  }

  #hold(index: number): void {
    this.#heldFrom = Math.min(this.#heldFrom, index);
  }
}
