import { type DisterError, invariant, isDisterError, LIMITS } from "@dister/types";
import {
  badFrame,
  FRAME_CRC_COVERS,
  FRAME_HEADER_BYTES,
  type Frame,
  type FrameHeader,
  frameCrc,
  readFrameHeader,
} from "./frame.ts";

const NOTHING = new Uint8Array(0);
const CARRY_BYTES_FIRST = 64 * 1024;

/**
 * Takes a stream of bytes apart into frames. A frame that lies whole in one chunk is a view of it; only one that is
 * split is copied, into a buffer that grows with what has arrived and never by what the header claims.
 * After the first bad byte the decoder is dead: every later call throws the same error.
 */
export class FrameDecoder {
  /** Largest body that is taken from now on, in bytes; small until the handshake is done. */
  bodyBytesMax: number;
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  /** What has arrived of a frame that is split over chunks: `#carried` bytes of it. */
  #carry: Uint8Array = NOTHING;
  #carried = 0;
  #header: FrameHeader | undefined;
  #dead: DisterError | undefined;

  constructor(options: { readonly bodyBytesMax?: number } = {}) {
    this.bodyBytesMax = options.bodyBytesMax ?? LIMITS.frameBytesMax;
  }

  /**
   * Feeds a chunk and returns every frame that is whole now. The chunk must not be written to afterwards.
   * @throws DisterError `DISTER_ERR_FRAME`; frames before the bad one in the same chunk are lost with it.
   */
  push(chunk: Uint8Array): Frame[] {
    this.feed(chunk);
    const frames: Frame[] = [];
    for (let frame = this.next(); frame !== undefined; frame = this.next()) frames.push(frame);
    return frames;
  }

  /** Feeds a chunk without looking at it; {@link next} takes the frames, one by one. */
  feed(chunk: Uint8Array): void {
    if (this.#dead !== undefined) throw this.#dead;
    this.#chunk = this.#offset === this.#chunk.length ? chunk : Buffer.concat([this.rest, chunk]);
    this.#offset = 0;
  }

  /**
   * The next frame of what was fed, undefined when it is not whole yet.
   * @throws DisterError `DISTER_ERR_FRAME`.
   */
  next(): Frame | undefined {
    if (this.#dead !== undefined) throw this.#dead;
    try {
      return this.#carried > 0 ? this.#nextSplit() : this.#nextWhole();
    } catch (error) {
      invariant(isDisterError(error), "a decoder throws only errors of its own");
      this.#dead = error;
      this.#chunk = NOTHING;
      this.#carry = NOTHING;
      throw error;
    }
  }

  /** Bytes that were fed and that no frame has taken, without those of a frame that has begun. */
  get rest(): Uint8Array {
    return this.#chunk.subarray(this.#offset);
  }

  #nextWhole(): Frame | undefined {
    const available = this.#chunk.length - this.#offset;
    if (available === 0) return undefined;
    if (available < FRAME_HEADER_BYTES) return this.#begin(FRAME_HEADER_BYTES);
    const header = readFrameHeader(this.#chunk, this.#offset, this.bodyBytesMax);
    const size = FRAME_HEADER_BYTES + header.length;
    if (available < size) {
      this.#header = header;
      return this.#begin(size);
    }
    const frame = checkedFrame(header, this.#chunk, this.#offset);
    this.#offset += size;
    return frame;
  }

  /** Begins to carry: puts the rest of the chunk aside. */
  #begin(size: number): undefined {
    this.#take(size);
    return undefined;
  }

  #nextSplit(): Frame | undefined {
    if (this.#header === undefined) {
      this.#take(FRAME_HEADER_BYTES);
      if (this.#carried < FRAME_HEADER_BYTES) return undefined;
      this.#header = readFrameHeader(this.#carry, 0, this.bodyBytesMax);
    }
    const size = FRAME_HEADER_BYTES + this.#header.length;
    this.#take(size);
    if (this.#carried < size) return undefined;
    const frame = checkedFrame(this.#header, this.#carry, 0);
    this.#carry = NOTHING;
    this.#carried = 0;
    this.#header = undefined;
    return frame;
  }

  /** Moves bytes of the chunk to the carry buffer until that holds `size` of them or the chunk is used up. */
  #take(size: number): void {
    const count = Math.min(size - this.#carried, this.#chunk.length - this.#offset);
    if (count <= 0) return;
    const filled = this.#carried + count;
    if (this.#carry.length < filled) {
      const capacity = Math.min(size, Math.max(filled, this.#carry.length * 2, CARRY_BYTES_FIRST));
      const larger = Buffer.allocUnsafeSlow(capacity);
      larger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = larger;
    }
    this.#carry.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#carried);
    this.#carried = filled;
    this.#offset += count;
  }
}

function checkedFrame(header: FrameHeader, source: Uint8Array, offset: number): Frame {
  const start = offset + FRAME_HEADER_BYTES;
  // A plain view, because `slice` of a Buffer would not copy and surprise who keeps a body.
  const body = new Uint8Array(source.buffer, source.byteOffset + start, header.length);
  const crc = frameCrc(source.subarray(offset, offset + FRAME_CRC_COVERS), body);
  if (crc !== header.crc) throw badFrame("the checksum does not fit");
  return { kind: header.kind, flags: header.flags, correlation: header.correlation, body };
}
