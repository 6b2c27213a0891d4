import { isDisterError, type SnapshotSink } from "@dister/types";
import { databaseError } from "./database.ts";
import { incomingPath } from "./database-file.ts";
import type { Announced, Pieces } from "./pieces.ts";
import { bodyOfChunk, refusal } from "./snapshot-chunks.ts";
import { type Filled, SnapshotFiller } from "./snapshot-filler.ts";

/** What a sink is told by the store that it belongs to. */
export interface SinkOrder {
  readonly path: string;
  readonly announced: Announced;
  /** Where the pieces go; what is in it already counts as received. */
  readonly pieces: Pieces;
  /** Puts the finished database in the place of the one in use. */
  readonly use: (filled: Filled) => void;
}

/** Receives a snapshot: first its pieces, as they are, then a database beside the one in use. */
export class StoreSnapshotSink implements SnapshotSink {
  readonly #order: SinkOrder;
  readonly #incoming: string;
  #over: Error | undefined;

  constructor(order: SinkOrder) {
    this.#order = order;
    this.#incoming = incomingPath(order.path);
  }

  get pieceCount(): number {
    return this.#order.pieces.count;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#step(async () => {
      const { pieces, announced } = this.#order;
      bodyOfChunk(chunk, pieces.count);
      const countMax = announced.content?.pieceCount ?? Number.MAX_SAFE_INTEGER;
      if (pieces.count >= countMax) throw refusal(`more than the ${countMax} pieces that were announced`);
      await pieces.append(chunk);
    });
  }

  commit(): Promise<void> {
    return this.#step(async () => {
      const filler = new SnapshotFiller(this.#incoming, this.#order.announced);
      try {
        const filled = await filler.fill(this.#order.pieces, () => this.#assertWanted());
        this.#over = refusal("it is in use already");
        this.#order.pieces.remove();
        this.#order.use(filled);
      } catch (error) {
        filler.discard();
        throw error;
      }
    });
  }

  abort(): void {
    if (this.#over !== undefined) return;
    this.#over = refusal("it was given up");
    this.#order.pieces.remove();
  }

  suspend(): void {
    if (this.#order.announced.content === undefined) return this.abort();
    this.#over ??= refusal("it was suspended");
  }

  #assertWanted(): void {
    if (this.#over !== undefined) throw this.#over;
  }

  /** The first failure is the last step: nothing that comes later can heal the stream. */
  async #step(run: () => Promise<void>): Promise<void> {
    this.#assertWanted();
    try {
      await run();
    } catch (thrown) {
      const error = sinkError(databaseError(thrown, this.#incoming));
      if (this.#over === undefined) {
        this.#over = error;
        this.#order.pieces.remove();
      }
      throw error;
    }
  }
}

/** A row that the database does not take, or does not give back, is a fault of the snapshot and not of the store. */
function sinkError(error: unknown): Error {
  const refused = isDisterError(error, "DISTER_ERR_STORE");
  return refused ? refusal(String(error.details["reason"])) : (error as Error);
}
