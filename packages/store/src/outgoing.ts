import {
  type DisterError,
  decodeMembership,
  isDisterError,
  type LogPosition,
  type Membership,
  type OutgoingSnapshot,
  type SnapshotContent,
} from "@dister/types";
import { MEMORY_PATH } from "./database.ts";
import { outgoingPath, removeFile } from "./database-file.ts";
import { headOf } from "./incoming-pieces.ts";
import { PieceFile } from "./piece-file.ts";
import { type Announced, MemoryPieces, type Pieces } from "./pieces.ts";
import { refusal } from "./snapshot-chunks.ts";
import type { StoreSnapshotSource } from "./snapshot-source.ts";

/**
 * A snapshot that lies ready to be sent. The database is only read while it is put together, however long sending
 * takes: neither the write-ahead log nor a checkpoint waits for a slow receiver.
 */
export class StoreOutgoing implements OutgoingSnapshot {
  readonly position: LogPosition;
  readonly membership: Membership;
  readonly content: SnapshotContent;
  readonly #pieces: Pieces;
  #removed = false;

  private constructor(announced: Required<Announced>, pieces: Pieces) {
    this.position = announced.position;
    this.membership = announced.membership;
    this.content = announced.content!;
    this.#pieces = pieces;
  }

  /**
   * Reads a snapshot into a file of its own, or into memory for a state in memory.
   * @throws DisterError `DISTER_ERR_DISK_FULL`, `DISTER_ERR_DISK`, `DISTER_ERR_SNAPSHOT` when it was cut off; nothing is left then.
   */
  static async putTogether(path: string, source: StoreSnapshotSource): Promise<StoreOutgoing> {
    const file = path === MEMORY_PATH ? undefined : await PieceFile.create(outgoingPath(path));
    const pieces = file ?? new MemoryPieces();
    try {
      let byteCount = 0;
      for await (const piece of source.chunks) {
        await pieces.append(piece);
        byteCount += piece.length;
      }
      const content = { digest: source.digest!, pieceCount: pieces.count, byteCount };
      const announced = { position: source.position, membership: source.membership, content };
      // The head comes last: what has one was put together to its end.
      await file?.writeHead(headOf(announced));
      return new StoreOutgoing(announced, pieces);
    } catch (error) {
      pieces.remove();
      throw error;
    }
  }

  /** What an earlier process has left; removed when it is not whole or of a state that this one has not come to. */
  static async adopt(path: string, applied: LogPosition): Promise<StoreOutgoing | undefined> {
    if (path === MEMORY_PATH) return undefined;
    const found = await PieceFile.open(outgoingPath(path));
    const announced = found && announcedBy(found.head);
    if (found !== undefined && announced !== undefined && announced.position.index <= applied.index) {
      found.file.expect(announced.content.pieceCount);
      return new StoreOutgoing(announced, found.file);
    }
    found?.file.close();
    removeFile(outgoingPath(path));
    return undefined;
  }

  async *piecesFrom(first: number): AsyncGenerator<Uint8Array> {
    for (let at = first; at < this.content.pieceCount; at++) {
      this.#assertHere();
      yield await this.#read(at);
    }
  }

  close(): void {
    this.#removed = true;
    this.#pieces.close();
  }

  remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.#pieces.remove();
  }

  /** True when it can be handed out no more. */
  get removed(): boolean {
    return this.#removed;
  }

  async #read(at: number): Promise<Uint8Array> {
    try {
      return await this.#pieces.read(at);
    } catch (error) {
      this.#assertHere();
      // A file that cannot be read any more is of no use: the next snapshot to send is put together anew.
      this.remove();
      throw refusal(`it cannot be read: ${isDisterError(error) ? error.message : "an error of the disk"}`);
    }
  }

  #assertHere(): void {
    if (this.#removed) throw discarded();
  }
}

function discarded(): DisterError {
  return refusal("it was discarded while it was sent");
}

function announcedBy(head: string): (Required<Announced> & { content: SnapshotContent }) | undefined {
  try {
    const { v, index, term, membership, digest, pieceCount, byteCount } = JSON.parse(head);
    const numbers = [index, term, pieceCount, byteCount];
    if (v !== 1 || !numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined;
    if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return undefined;
    const content = { digest, pieceCount, byteCount };
    return { position: { index, term }, membership: decodeMembership(Buffer.from(membership)), content };
  } catch {
    return undefined;
  }
}
