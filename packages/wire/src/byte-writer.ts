import { DisterError } from "@dister/types";

const U32_SIZE = 0x1_0000_0000;

/** Writes big-endian values one behind the other into bytes that were measured before. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }

  u8(value: number): void {
    this.bytes[this.offset++] = value;
  }

  u16(value: number): void {
    this.bytes[this.offset] = value >>> 8;
    this.bytes[this.offset + 1] = value;
    this.offset += 2;
  }

  u32(value: number): void {
    const { bytes, offset } = this;
    bytes[offset] = value >>> 24;
    bytes[offset + 1] = value >>> 16;
    bytes[offset + 2] = value >>> 8;
    bytes[offset + 3] = value;
    this.offset = offset + 4;
  }

  /** A whole number from 0 to 2^53-1, as 8 bytes: the high 32 bits, then the low ones. */
  u53(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw badMessage(`${value} is not a whole number from 0 to 2^53-1`);
    this.u32(Math.floor(value / U32_SIZE));
    this.u32(value % U32_SIZE);
  }

  raw(value: Uint8Array): void {
    this.bytes.set(value, this.offset);
    this.offset += value.length;
  }
}

export function badMessage(reason: string): DisterError {
  return new DisterError("DISTER_ERR_MESSAGE", { reason });
}
