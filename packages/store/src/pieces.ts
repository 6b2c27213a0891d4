import { invariant, type LogPosition, type Membership, type SnapshotContent } from "@dister/types";
import { bodyOfChunk } from "./snapshot-chunks.ts";

/** What is known of a snapshot before it comes. */
export interface Announced {
  readonly position: LogPosition;
  readonly membership: Membership;
  readonly content?: SnapshotContent | undefined;
}

/** The pieces of one snapshot in order; what {@link PieceFile} keeps on disk and {@link MemoryPieces} in memory. */
export interface Pieces {
  /** Pieces that can be read. */
  readonly count: number;
  /** Adds the next piece; one call at a time. */
  append(piece: Uint8Array): Promise<void>;
  /**
   * A piece by its number, from 0 on.
   * @throws DisterError `DISTER_ERR_SNAPSHOT` when it is not what was added.
   */
  read(at: number): Promise<Uint8Array>;
  /** True after {@link remove}. */
  readonly removed: boolean;
  /** Resolves when nothing is under way; never rejects. */
  settled(): Promise<void>;
  /** Lets go of them; a file stays. */
  close(): void;
  /** Lets go of them and of the file that they lie in. */
  remove(): void;
}

/** Pieces for a database in memory: small, and gone with the process. */
export class MemoryPieces implements Pieces {
  #pieces: Uint8Array[] = [];
  #removed = false;

  get removed(): boolean {
    return this.#removed;
  }

  get count(): number {
    return this.#pieces.length;
  }

  async append(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece.slice());
  }

  async read(at: number): Promise<Uint8Array> {
    const piece = this.#pieces[at];
    invariant(piece !== undefined, `piece ${at} of ${this.#pieces.length}`);
    bodyOfChunk(piece, at);
    return piece;
  }

  async settled(): Promise<void> {}

  close(): void {}

  remove(): void {
    this.#pieces = [];
    this.#removed = true;
  }
}
