import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { DisterError, LIMITS } from "@dister/types";

//  byte 0              4              8              12
// +--------------+--------------+--------------+----------------------------+
// | LENGTH (body)|   SEQUENCE   |    CRC-32    | body: a piece of the stream |   docs/formats/snapshot.md
// +--------------+--------------+--------------+----------------------------+
const CRC_AT = 8;
/** Bytes before the body. */
export const CHUNK_HEAD_BYTES = 12;
const BODY_BYTES_MAX = LIMITS.snapshotChunkBytes - CHUNK_HEAD_BYTES;

/** The error of a snapshot that cannot be used. */
export function refusal(reason: string): DisterError {
  return new DisterError("DISTER_ERR_SNAPSHOT", { reason });
}

/** Cuts a stream of bytes into chunks, all but the last of the same size, and hashes the stream on its way. */
export class ChunkCutter {
  readonly #hash: Hash = createHash("sha256");
  readonly #chunkBytes: number;
  #chunk: Buffer;
  #length = CHUNK_HEAD_BYTES;
  #hashed = CHUNK_HEAD_BYTES;
  #sequence = 0;
  #ready: Uint8Array[] = [];

  constructor(chunkBytes: number = LIMITS.snapshotChunkBytes) {
    this.#chunkBytes = chunkBytes;
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#chunk.length - this.#length);
      this.#chunk.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length === this.#chunk.length) this.#finishChunk();
    }
  }

  /** SHA-256 of everything that was added so far. */
  digest(): Uint8Array {
    this.#hashRest();
    return this.#hash.copy().digest();
  }

  /** Chunks that are full. */
  take(): Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** The rest; nothing can be added afterwards. */
  end(): Uint8Array[] {
    if (this.#length > CHUNK_HEAD_BYTES) this.#finishChunk();
    return this.take();
  }

  #finishChunk(): void {
    this.#hashRest();
    const chunk = this.#chunk.subarray(0, this.#length);
    chunk.writeUInt32BE(chunk.length - CHUNK_HEAD_BYTES, 0);
    chunk.writeUInt32BE(this.#sequence++, 4);
    chunk.writeUInt32BE(checksum(chunk), CRC_AT);
    this.#ready.push(chunk);
    // A chunk that was handed out belongs to whoever has it.
    this.#chunk = Buffer.allocUnsafeSlow(this.#chunkBytes);
    this.#length = CHUNK_HEAD_BYTES;
    this.#hashed = CHUNK_HEAD_BYTES;
  }

  /** Hashing in large pieces is much cheaper than record by record. */
  #hashRest(): void {
    this.#hash.update(this.#chunk.subarray(this.#hashed, this.#length));
    this.#hashed = this.#length;
  }
}

/**
 * The body of a chunk.
 * @param sequence - number of chunks that came before.
 * @throws DisterError `DISTER_ERR_SNAPSHOT` when it is damaged or not the next one.
 */
export function bodyOfChunk(bytes: Uint8Array, sequence: number): Buffer {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (chunk.length <= CHUNK_HEAD_BYTES || chunk.length > CHUNK_HEAD_BYTES + BODY_BYTES_MAX) {
    throw refusal(`a chunk of ${chunk.length} bytes`);
  }
  if (chunk.readUInt32BE(0) !== chunk.length - CHUNK_HEAD_BYTES) throw refusal("a chunk that is cut or too long");
  if (chunk.readUInt32BE(CRC_AT) !== checksum(chunk)) throw refusal("a chunk that is damaged");
  const got = chunk.readUInt32BE(4);
  if (got !== sequence) throw refusal(`chunk ${got} where chunk ${sequence} is due`);
  return chunk.subarray(CHUNK_HEAD_BYTES);
}

/** CRC-32 over everything but itself. */
function checksum(chunk: Buffer): number {
  return crc32(chunk.subarray(CHUNK_HEAD_BYTES), crc32(chunk.subarray(0, CRC_AT)));
}
