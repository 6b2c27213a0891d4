import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ITEM_BYTES, ITEM_LENGTH_MAX, ITEM_R_MAX, ITEM_START_MAX, type Item, packItem, unpackItem } from "./item.ts";

function hexOf(item: Item): string {
  const bytes = Buffer.alloc(ITEM_BYTES);
  packItem(new DataView(bytes.buffer, bytes.byteOffset, ITEM_BYTES), 0, item);
  return bytes.toString("hex");
}

function itemOf(hex: string): Item | undefined {
  const bytes = Buffer.from(hex, "hex");
  return unpackItem(new DataView(bytes.buffer, bytes.byteOffset, ITEM_BYTES), 0);
}

/** The same by the definition: 80 bits as one number. */
function naiveHex({ r, start, length }: Item): string {
  const bits = (BigInt(r) << 66n) | (BigInt(start) << 23n) | BigInt(length);
  return bits.toString(16).padStart(20, "0");
}

const VECTORS: readonly (readonly [what: string, item: Item, hex: string])[] = [
  ["the lowest bit of r", { r: 1, start: 0, length: 0 }, "00040000000000000000"],
  ["the highest bit of r", { r: 8192, start: 0, length: 0 }, "80000000000000000000"],
  ["all of r", { r: 16_383, start: 0, length: 0 }, "fffc0000000000000000"],
  ["the lowest bit of start", { r: 0, start: 1, length: 0 }, "00000000000000800000"],
  ["the highest bit of start in word 1", { r: 0, start: 16_777_216, length: 0 }, "00000000800000000000"],
  ["the lowest bit of start in word 0", { r: 0, start: 33_554_432, length: 0 }, "00000001000000000000"],
  ["the highest bit of start", { r: 0, start: 4_398_046_511_104, length: 0 }, "00020000000000000000"],
  ["all of start", { r: 0, start: 8_796_093_022_207, length: 0 }, "0003ffffffffff800000"],
  ["the lowest bit of length", { r: 0, start: 0, length: 1 }, "00000000000000000001"],
  ["the highest bit of length in word 2", { r: 0, start: 0, length: 32_768 }, "00000000000000008000"],
  ["the lowest bit of length in word 1", { r: 0, start: 0, length: 65_536 }, "00000000000000010000"],
  ["all of length", { r: 0, start: 0, length: 8_388_607 }, "000000000000007fffff"],
  ["all of everything", { r: 16_383, start: 8_796_093_022_207, length: 8_388_607 }, "ffffffffffffffffffff"],
  ["the first entry of a file", { r: 1234, start: 10_002_432, length: 200 }, "134800004c50000000c8"],
];

describe("index item", () => {
  for (const [what, item, hex] of VECTORS) {
    test(`${what} has its place in the 80 bits`, () => {
      expect(hexOf(item)).toBe(hex);
      expect(itemOf(hex)).toEqual(item);
    });
  }

  test("all zeros are no item", () => {
    expect(itemOf("00000000000000000000")).toBeUndefined();
  });

  test("packing and unpacking agree with 80 bits taken as one number", () => {
    const field = (max: number): fc.Arbitrary<number> =>
      fc.oneof(
        fc.constantFrom(0, 1, max - 1, max),
        fc.maxSafeInteger().map((n) => Math.abs(n) % (max + 1)),
      );
    fc.assert(
      fc.property(field(ITEM_R_MAX), field(ITEM_START_MAX), field(ITEM_LENGTH_MAX), (r, start, length) => {
        const item = { r, start, length };
        expect(hexOf(item)).toBe(naiveHex(item));
        expect(itemOf(naiveHex(item))).toEqual(r + start + length === 0 ? undefined : item);
      }),
      { numRuns: 2000 },
    );
  });

  test("a field beyond its bits is refused", () => {
    expect(() => hexOf({ r: 16_384, start: 1, length: 1 })).toThrow("r 16384 fits 14 bits");
    expect(() => hexOf({ r: 1, start: 2 ** 43, length: 1 })).toThrow("fits 43 bits");
    expect(() => hexOf({ r: 1, start: 1, length: 2 ** 23 })).toThrow("fits 23 bits");
    expect(() => hexOf({ r: -1, start: 1, length: 1 })).toThrow("fits 14 bits");
    expect(() => hexOf({ r: 1, start: 1.5, length: 1 })).toThrow("fits 43 bits");
  });
});
