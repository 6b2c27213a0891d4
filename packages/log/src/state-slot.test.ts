import { describe, expect, test } from "vitest";
import { decodeStateSlot, encodeStateSlot, type StateSlot } from "./state-slot.ts";

/** Written by hand after docs/formats/hard-state.md. */
const GOLDEN: readonly (readonly [string, StateSlot])[] = [
  [
    "444c5301 00000000 0000000000000007 0123456789abcdef 0000000000000040 0000000000000005" +
      "000000000000000b 0000000000000001 000000000098a100" +
      "0000000000000005 0000000000000029 00000000000000ab 01 00000000000000 90020080",
    {
      sequence: 7,
      nodeId: "0123456789ABCDEF",
      suspect: { index: 64, term: 5 },
      damagedFile: 11,
      cut: { baseIndex: 1, end: 10_002_688 },
      hardState: { term: 5, vote: "00000000000000AB", commit: 41 },
    },
  ],
  [
    "444c5301 00000000 0000000000000001 00000000000000ab 0000000000000000 0000000000000000" +
      "0000000000000000 0000000000000000 0000000000000000" +
      "0000000000000000 0000000000000000 0000000000000000 00 00000000000000 e22b5982",
    {
      sequence: 1,
      nodeId: "00000000000000AB",
      suspect: { index: 0, term: 0 },
      damagedFile: 0,
      cut: { baseIndex: 0, end: 0 },
      hardState: { term: 0, vote: null, commit: 0 },
    },
  ],
];

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("a slot of the state", () => {
  test("is written and read as the format says", () => {
    for (const [hex, slot] of GOLDEN) {
      expect(Buffer.from(encodeStateSlot(slot)).toString("hex")).toBe(hex.replaceAll(" ", ""));
      expect(decodeStateSlot(bytesOf(hex))).toEqual(slot);
    }
  });

  test("is damaged when any bit of it is wrong, any byte is missing, or all is zero", () => {
    const [hex] = GOLDEN[0]!;
    for (let bit = 0; bit < 800; bit++) {
      const bytes = bytesOf(hex);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      expect(decodeStateSlot(bytes), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < 100; length++) {
      expect(decodeStateSlot(bytesOf(hex).subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
    expect(decodeStateSlot(new Uint8Array(100))).toBeUndefined();
  });

  test("of another version is told from a damaged one", () => {
    // Version 2, with the checksum of that.
    const hex = GOLDEN[1]![0].replace("444c5301", "444c5302").replace("e22b5982", "107977a9");
    expect(decodeStateSlot(bytesOf(hex))).toBe("its format version 2 is unknown, this program reads 1");
  });
});
