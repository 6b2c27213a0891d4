import { describe, expect, it } from "vitest";
import { hexIdOf, isHexId, LOG_ID_RANDOM_SIZE, logIdIndex, logIdOf } from "./ids.ts";
import { ENTRY_KIND, entryLogId } from "./log-entry.ts";

describe("a log id", () => {
  it.each([
    [1, 0, 10_000],
    [1, 9_999, 19_999],
    [2, 0, 20_000],
    [123_456, 789, 1_234_560_789],
  ])("of index %i and random number %i is %i, and gives the index back", (index, r, logId) => {
    expect(logIdOf(index, r)).toBe(logId);
    expect(logIdIndex(logId)).toBe(index);
    const entry = { index, r, term: 1, kind: ENTRY_KIND.empty, payload: new Uint8Array() };
    expect(entryLogId(entry)).toBe(logId);
  });

  it("is exact up to the last index that a number can tell apart", () => {
    const last = Math.floor(Number.MAX_SAFE_INTEGER / LOG_ID_RANDOM_SIZE) - 1;
    expect(logIdIndex(logIdOf(last, 9_999))).toBe(last);
    expect(logIdOf(last, 9_999) - logIdOf(last, 9_998)).toBe(1);
  });
});

describe("a node or cluster id", () => {
  it("is 16 hexadecimal digits in upper case, made of eight bytes", () => {
    const id = hexIdOf(Uint8Array.of(0, 1, 0x0a, 0xff, 0x80, 0x7f, 0xab, 0xcd));
    expect(id).toBe("00010AFF807FABCD");
    expect(isHexId(id)).toBe(true);
  });

  it.each([0, 7, 9])("is not made of %i bytes", (count) => {
    expect(() => hexIdOf(new Uint8Array(count))).toThrow(RangeError);
  });

  it.each([
    "",
    "0",
    "00010aff807fabcd",
    "00010AFF807FABC",
    "00010AFF807FABCD0",
    "00010AFF807FABCG",
    " 00010AFF807FABCD",
    "00010AFF807FABCD\n",
  ])("is not %j", (text) => {
    expect(isHexId(text)).toBe(false);
  });
});
