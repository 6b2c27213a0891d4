import { badMessage } from "./byte-writer.ts";

const U32_SIZE = 0x1_0000_0000;
const HIGH_MAX = 0x1f_ffff;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads what a `ByteWriter` wrote; every method throws `DISTER_ERR_MESSAGE` for what is missing or out of range. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return this.#bytes[at]! * 256 + this.#bytes[at + 1]!;
  }

  u32(): number {
    const at = this.#take(4);
    const bytes = this.#bytes;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  u53(): number {
    const high = this.u32();
    if (high > HIGH_MAX) throw badMessage("a number is above 2^53-1");
    return high * U32_SIZE + this.u32();
  }

  /** A view of the next bytes. */
  raw(count: number): Uint8Array {
    const at = this.#take(count);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, count);
  }

  text(byteCount: number): string {
    try {
      return UTF8.decode(this.raw(byteCount));
    } catch {
      throw badMessage("a text is not UTF-8 or is cut");
    }
  }

  /** Every byte must have been read. */
  end(): void {
    if (this.left !== 0) throw badMessage(`${this.left} bytes too many`);
  }

  #take(count: number): number {
    const at = this.#offset;
    if (at + count > this.#bytes.length) throw badMessage(`it ends ${at + count - this.#bytes.length} bytes too early`);
    this.#offset = at + count;
    return at;
  }
}
