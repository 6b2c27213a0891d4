import { ENTRY_KIND, type LogEntry } from "@dister/types";
import { describe, expect, test } from "vitest";
import { EntryCache } from "./entry-cache.ts";

function entryOf(index: number, term = 1): LogEntry {
  return { index, term, r: 0, kind: ENTRY_KIND.command, payload: new Uint8Array(72) };
}

function filled(from: number, to: number, bytesMax: number): EntryCache {
  const cache = new EntryCache(from, bytesMax);
  for (let index = from; index <= to; index++) cache.push(entryOf(index));
  return cache;
}

describe("cache of the newest entries", () => {
  test("it drops the oldest beyond its bytes, but nothing that is not on disk", () => {
    const cache = filled(10, 19, 1000);
    cache.trim(13);
    expect([cache.firstIndex, cache.length, cache.bytes]).toEqual([13, 7, 1400]);
    cache.trim(Number.POSITIVE_INFINITY);
    expect([cache.firstIndex, cache.length, cache.bytes]).toEqual([15, 5, 1000]);
    expect([cache.get(14), cache.get(15)?.index, cache.get(19)?.index, cache.get(20)]).toEqual([
      undefined,
      15,
      19,
      undefined,
    ]);
  });

  test("a cut makes room for what replaces it, also in front of everything it holds", () => {
    const cache = filled(10, 19, 1e6);
    cache.cutFrom(15);
    cache.push(entryOf(15, 2));
    expect([cache.get(14)?.term, cache.get(15)?.term, cache.get(16)]).toEqual([1, 2, undefined]);
    cache.cutFrom(4);
    expect([cache.firstIndex, cache.length, cache.bytes]).toEqual([4, 0, 0]);
    cache.push(entryOf(4, 3));
    expect([cache.get(4)?.term, cache.firstIndex]).toEqual([3, 4]);
  });

  test("it stays right over many rounds", () => {
    const cache = new EntryCache(1, 20_000);
    for (let index = 1; index <= 20_000; index++) {
      cache.push(entryOf(index));
      cache.trim(Number.POSITIVE_INFINITY);
    }
    expect([cache.firstIndex, cache.get(19_901)?.index, cache.get(19_900), cache.bytes]).toEqual([
      19_901,
      19_901,
      undefined,
      20_000,
    ]);
  });

  test("a gap is a broken invariant", () => {
    expect(() => filled(1, 3, 100).push(entryOf(5))).toThrow("no gap");
  });
});
