import { isUtf8 } from "node:buffer";

/** Why bytes cannot be read; whoever reads turns it into the error of its own format. */
export class BytesError extends Error {}

/** Largest number that a varint may carry: 2^53 - 1 needs eight bytes of seven bits. */
const VARINT_BYTES_MAX = 8;
const TIME_BYTES = 6;

/** Writes the primitives that commands and snapshots are made of: docs/formats/command.md, "Primitives". */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits per byte, the lowest first. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new BytesError(`${value} is not a whole number from 0 on`);
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    // Bit operations see 32 bits only, so the upper part of a large number is divided away first.
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Milliseconds since 1970, 48 bits. */
  time(valueMs: number): void {
    if (!Number.isSafeInteger(valueMs) || valueMs < 0 || valueMs >= 2 ** (8 * TIME_BYTES)) {
      throw new BytesError(`${valueMs} is not a time`);
    }
    this.#reserve(TIME_BYTES);
    this.#length = this.#bytes.writeUIntBE(valueMs, this.#length, TIME_BYTES);
  }

  /** Length in bytes, then UTF-8. Text that UTF-8 cannot carry is refused, not changed. */
  text(value: string): void {
    if (!value.isWellFormed()) throw new BytesError("half of a surrogate pair");
    const bytes = Buffer.byteLength(value);
    this.varint(bytes);
    this.#reserve(bytes);
    this.#length += this.#bytes.write(value, this.#length);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, in a buffer of its own, so that a small result does not keep a large one alive. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Reads what {@link ByteWriter} wrote, and nothing that it would have written differently. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) throw new BytesError("cut short");
    return this.#bytes[this.#at++]!;
  }

  varint(max = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; ; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && count > 1) throw new BytesError("a number with leading zeros");
        break;
      }
      if (count === VARINT_BYTES_MAX) throw new BytesError("a number of too many bytes");
      scale *= 128;
    }
    if (value > max) throw new BytesError(`${value} where at most ${max} is allowed`);
    return value;
  }

  time(): number {
    this.#need(TIME_BYTES);
    const value = this.#bytes.readUIntBE(this.#at, TIME_BYTES);
    this.#at += TIME_BYTES;
    return value;
  }

  text(bytesMax: number): string {
    const bytes = this.varint(bytesMax);
    this.#need(bytes);
    const start = this.#at;
    this.#at += bytes;
    const value = this.#bytes.toString("utf8", start, this.#at);
    // Broken UTF-8 reads as U+FFFD; only where one turns up the bytes need a second look.
    if (value.includes("\uFFFD") && !isUtf8(this.#bytes.subarray(start, this.#at))) {
      throw new BytesError("text that is not UTF-8");
    }
    return value;
  }

  raw(bytes: number): Uint8Array {
    this.#need(bytes);
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }

  /** Refuses bytes behind the last field. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new BytesError(`${this.#bytes.length - this.#at} bytes too many`);
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) throw new BytesError("cut short");
  }
}
