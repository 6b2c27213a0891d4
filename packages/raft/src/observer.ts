import type { Logger, NodeId, PiecesFrom } from "@dister/types";

/** A snapshot that went from one node to another, or did not. */
export interface SnapshotTransfer {
  readonly direction: "sent" | "received";
  readonly peer: NodeId;
  /** Index of the last entry that it covers. */
  readonly index: number;
  /** What was read or taken in by this transfer, also where it broke off; what was here from an earlier one is not in it. */
  readonly bytes: number;
  readonly durationMs: number;
  /** `refused`: the receiver had it already, or follows somebody else by now. */
  readonly outcome: "done" | "refused" | "failed";
}

/**
 * What a node's surroundings count and tell. Every call is synchronous, out of the node's loop: it must be quick and must
 * not throw. Nothing that is decided depends on it.
 */
export interface RaftObserver {
  /** This node, which leads, has appended a proposal at `index`. */
  proposed(index: number): void;
  /** Everything up to `index` is committed, as far as this node knows; only ever called with a higher index. */
  committed(index: number): void;
  /** A batch was applied. */
  applied(entryCount: number, durationMs: number): void;
  /** A connection to the peer stands; called once per change. */
  peerUp(peer: NodeId): void;
  /** The connection to the peer broke; called once per change. */
  peerDown(peer: NodeId): void;
  snapshot(transfer: SnapshotTransfer): void;
}

const nothing = (): void => {};

/** Counts nothing. */
export const NO_OBSERVER: RaftObserver = Object.freeze({
  proposed: nothing,
  committed: nothing,
  applied: nothing,
  peerUp: nothing,
  peerDown: nothing,
  snapshot: nothing,
});

/** One line for people; why a transfer failed has been said where it did. */
export function logTransfer(logger: Logger, transfer: SnapshotTransfer): void {
  const { direction, peer, index, bytes, durationMs, outcome } = transfer;
  if (outcome === "failed") return;
  const fields = { peer, index, bytes, durationMs: Math.round(durationMs), outcome };
  if (direction === "sent") logger.info("snapshot sent", fields);
  else logger.info("snapshot received", fields);
}

/** Passes pieces on and counts their bytes. */
export class CountedPieces {
  readonly #piecesFrom: PiecesFrom;
  bytes = 0;

  constructor(piecesFrom: PiecesFrom) {
    this.#piecesFrom = piecesFrom;
  }

  readonly from: PiecesFrom = (first) => this.#counted(first);

  async *#counted(first: number): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#piecesFrom(first)) {
      this.bytes += piece.length;
      yield piece;
    }
  }
}
