import { invariant } from "@dister/types";

/*
 * One index item, 80 bits, most significant bit first (docs/formats/log-file.md):
 *
 *  bit 0             14                                          57                    80
 *   +----------------+-------------------------------------------+---------------------+
 *   |   r (14 bits)  |        start, a file offset (43 bits)     |  length (23 bits)   |
 *   +----------------+-------------------------------------------+---------------------+
 *   word 0 (bytes 0 to 3): r, upper 18 bits of start
 *   word 1 (bytes 4 to 7): lower 25 bits of start, upper 7 bits of length
 *   word 2 (bytes 8 to 9): lower 16 bits of length
 */

export const ITEM_BYTES = 10;
export const ITEM_R_MAX = 2 ** 14 - 1;
export const ITEM_START_MAX = 2 ** 43 - 1;
export const ITEM_LENGTH_MAX = 2 ** 23 - 1;

const START_LOW = 2 ** 25;

/** Where the record of one entry is. All zeros mean "never written": no record starts at offset 0. */
export interface Item {
  /** The entry's random number. */
  readonly r: number;
  /** Offset of the record in the file, in bytes. */
  readonly start: number;
  /** Bytes of the record with its header. */
  readonly length: number;
}

/** Writes an item at `offset` of the view. The fields fit their bits, or the invariant is broken. */
export function packItem(view: DataView, offset: number, { r, start, length }: Item): void {
  invariant(Number.isInteger(r) && r >= 0 && r <= ITEM_R_MAX, `r ${r} fits 14 bits`);
  invariant(Number.isInteger(start) && start >= 0 && start <= ITEM_START_MAX, `start ${start} fits 43 bits`);
  invariant(Number.isInteger(length) && length >= 0 && length <= ITEM_LENGTH_MAX, `length ${length} fits 23 bits`);
  // 43 bits do not fit the 32-bit operators, so start is split by arithmetic first.
  const startHigh = Math.floor(start / START_LOW);
  const startLow = start % START_LOW;
  view.setUint32(offset, r * 2 ** 18 + startHigh);
  view.setUint32(offset + 4, startLow * 2 ** 7 + (length >>> 16));
  view.setUint16(offset + 8, length & 0xffff);
}

/** Reads the item at `offset` of the view; undefined when it was never written. */
export function unpackItem(view: DataView, offset: number): Item | undefined {
  const high = view.getUint32(offset);
  const middle = view.getUint32(offset + 4);
  const low = view.getUint16(offset + 8);
  if (high === 0 && middle === 0 && low === 0) return undefined;
  return {
    r: high >>> 18,
    start: (high & 0x3ffff) * START_LOW + (middle >>> 7),
    length: (middle & 0x7f) * 2 ** 16 + low,
  };
}

/** A view over the bytes of an array, wherever they lie in their buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
