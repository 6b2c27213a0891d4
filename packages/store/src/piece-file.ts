import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { invariant, LIMITS } from "@dister/types";
import { diskError, FILE_MODE, removeFile } from "./database-file.ts";
import type { Pieces } from "./pieces.ts";
import { bodyOfChunk, CHUNK_HEAD_BYTES, refusal } from "./snapshot-chunks.ts";

// Blocks of one size, docs/formats/snapshot.md: the head, then one piece each, of which only the last may be shorter.
//
//  byte 0        4              8              12
// +-------------+--------------+--------------+------------------------------+----------------------
// | MAGIC DSNP  | LENGTH (text)|    CRC-32    | what the pieces are, as JSON | zeros to 262,144
// +-------------+--------------+--------------+------------------------------+----------------------
const MAGIC = 0x44534e50;
const HEAD_BYTES = 12;
const BLOCK_BYTES = LIMITS.snapshotChunkBytes;

/** Pieces of a snapshot in a file. What is in it is believed only as far as its checksums go, so it needs no sync. */
export class PieceFile implements Pieces {
  readonly #path: string;
  readonly #handle: FileHandle;
  #count = 0;
  #underWay: Promise<unknown> = Promise.resolve();
  #closed = false;
  #removed = false;

  /** Makes an empty file in the place of whatever was there. @throws DisterError `DISTER_ERR_DISK`. */
  static async create(path: string): Promise<PieceFile> {
    removeFile(path);
    return new PieceFile(path, await guarded("create", path, () => open(path, "wx+", FILE_MODE)));
  }

  /** Opens a file with its head; undefined when there is none, or none that can be read. */
  static async open(path: string): Promise<{ file: PieceFile; head: string } | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, "r+");
    } catch {
      return undefined;
    }
    const file = new PieceFile(path, handle);
    const head = await file.#readHead().catch(() => undefined);
    if (head !== undefined) return { file, head };
    file.close();
    return undefined;
  }

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  get removed(): boolean {
    return this.#removed;
  }

  get count(): number {
    return this.#count;
  }

  /** Believes that this many pieces are there; each is checked when it is read. */
  expect(count: number): void {
    this.#count = count;
  }

  /** Counts the pieces that are sound, from the first on, at most `countMax`; what follows is written over. */
  async countSound(countMax: number): Promise<void> {
    for (this.#count = 0; this.#count < countMax; this.#count++) {
      try {
        await this.#readAt(this.#count);
      } catch {
        return;
      }
    }
  }

  /** Says what the pieces are. */
  async writeHead(text: string): Promise<void> {
    const body = Buffer.from(text);
    invariant(HEAD_BYTES + body.length <= BLOCK_BYTES, `a head of ${body.length} bytes`);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(MAGIC, 0);
    head.writeUInt32BE(body.length, 4);
    head.writeUInt32BE(crc32(body), 8);
    await this.#write(Buffer.concat([head, body]), 0);
  }

  async append(piece: Uint8Array): Promise<void> {
    await this.#write(piece, BLOCK_BYTES * (this.#count + 1));
    this.#count++;
  }

  async read(at: number): Promise<Uint8Array> {
    invariant(at < this.#count, `piece ${at} of ${this.#count}`);
    return this.#readAt(at);
  }

  async settled(): Promise<void> {
    await this.#underWay.catch(() => undefined);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // It waits for what is under way; what comes behind it fails. Nobody has to know when it is done.
    this.#handle.close().catch(() => undefined);
  }

  remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.close();
    removeFile(this.#path);
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    const writing = guarded("write", this.#path, async () => {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
      }
    });
    this.#underWay = writing;
    await writing;
  }

  async #readAt(at: number): Promise<Uint8Array> {
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const bytes = await this.#readBlock(block, BLOCK_BYTES * (at + 1));
    if (bytes < CHUNK_HEAD_BYTES) throw refusal(`piece ${at} is missing in ${this.#path}`);
    // What lies behind a last piece that is shorter may be left of a longer one.
    const piece = block.subarray(0, Math.min(bytes, CHUNK_HEAD_BYTES + block.readUInt32BE(0)));
    bodyOfChunk(piece, at);
    return piece;
  }

  async #readHead(): Promise<string | undefined> {
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const bytes = await this.#readBlock(block, 0);
    if (bytes < HEAD_BYTES || block.readUInt32BE(0) !== MAGIC) return undefined;
    const body = block.subarray(HEAD_BYTES, HEAD_BYTES + block.readUInt32BE(4));
    return crc32(body) === block.readUInt32BE(8) ? body.toString() : undefined;
  }

  /** Reads a block, which may end early at the end of the file, and says how many bytes there were. */
  #readBlock(block: Buffer, position: number): Promise<number> {
    return guarded("read", this.#path, async () => {
      let filled = 0;
      while (filled < block.length) {
        const { bytesRead } = await this.#handle.read(block, filled, block.length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    });
  }
}

async function guarded<T>(operation: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw diskError(operation, path, cause);
  }
}
