import type { KvRecord } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { KeyCache } from "./key-cache.ts";

function record(key: string, value = "v"): KvRecord {
  return { key, value, createIndex: 1, modifyIndex: 1, version: 1 };
}

function cacheFrom(logId: number, bytesMax = 1_000_000): KeyCache {
  const cache = new KeyCache(bytesMax);
  cache.reset(logId);
  return cache;
}

describe("a cache of keys", () => {
  it("keeps nothing before changes are followed, nor what was read before that", () => {
    const cache = new KeyCache(1_000);
    cache.put("a", { record: record("a"), logId: 50 });
    expect(cache.get("a")).toBeUndefined();
    cache.reset(100);
    cache.put("a", { record: record("a"), logId: 99 });
    expect(cache.get("a")).toBeUndefined();
    cache.put("a", { record: record("a"), logId: 100 });
    expect(cache.get("a")).toMatchObject({ logId: 100 });
  });

  it("drops what is older than a change, and keeps what was read behind it", () => {
    const cache = cacheFrom(0);
    cache.put("a", { record: record("a"), logId: 100 });
    cache.changed("a", 90);
    expect(cache.get("a")).toMatchObject({ logId: 100 });
    cache.changed("b", 110);
    expect(cache.get("a")).toMatchObject({ logId: 100 });
    cache.changed("a", 110);
    expect(cache.get("a")).toBeUndefined();
  });

  it("does not keep a read that was on its way while the key was changed", () => {
    const cache = cacheFrom(0);
    cache.changed("a", 110);
    cache.put("a", { record: record("a", "old"), logId: 100 });
    expect(cache.get("a")).toBeUndefined();
    cache.put("a", { record: record("a", "new"), logId: 110 });
    expect(cache.get("a")).toMatchObject({ record: { value: "new" } });
    // A still older read, which was on its way even longer.
    cache.put("a", { record: record("a", "oldest"), logId: 105 });
    expect(cache.get("a")).toMatchObject({ record: { value: "new" } });
  });

  it("takes no read that is older than the changes it still remembers", () => {
    const cache = cacheFrom(0);
    cache.changed("a", 10);
    for (let i = 0; i < 10_000; i++) cache.changed(`k${i}`, 20 + i);
    cache.put("a", { record: record("a", "old"), logId: 5 });
    expect(cache.get("a")).toBeUndefined();
    cache.put("never changed", { record: record("never changed"), logId: 9 });
    expect(cache.get("never changed")).toBeUndefined();
    cache.put("never changed", { record: record("never changed"), logId: 10 });
    expect(cache.get("never changed")).toBeDefined();
  });

  it("remembers a missing key as such", () => {
    const cache = cacheFrom(0);
    cache.put("a", { record: null, logId: 10 });
    expect(cache.get("a")).toMatchObject({ record: null });
  });

  it("is empty after a reset, and lets nothing back in that was read before it", () => {
    const cache = cacheFrom(0);
    cache.put("a", { record: record("a"), logId: 10 });
    cache.reset(null);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    cache.put("a", { record: record("a"), logId: 20 });
    cache.reset(30);
    cache.put("a", { record: record("a"), logId: 29 });
    expect(cache.get("a")).toBeUndefined();
  });
});

describe("the size of a cache", () => {
  it("is bounded: the key that was not used for longest goes first", () => {
    const value = "x".repeat(1_000);
    const cache = cacheFrom(0, 3 * 1_300);
    for (const key of ["a", "b", "c"]) cache.put(key, { record: record(key, value), logId: 1 });
    cache.get("a");
    cache.put("d", { record: record("d", value), logId: 1 });
    expect(["a", "b", "c", "d"].filter((key) => cache.get(key) !== undefined)).toEqual(["a", "c", "d"]);
  });

  it("counts two bytes a character where a text has one that needs them", () => {
    const narrow = cacheFrom(0);
    narrow.put("k", { record: record("k", "é".repeat(1_000)), logId: 1 });
    const wide = cacheFrom(0);
    wide.put("k", { record: record("k", `${"é".repeat(999)}€`), logId: 1 });
    expect(wide.bytes - narrow.bytes).toBe(1_000);
  });

  it("lets nothing in that is larger than the whole, and drops the old value all the same", () => {
    const cache = cacheFrom(0, 1_000);
    cache.put("a", { record: record("a"), logId: 1 });
    cache.put("a", { record: record("a", "x".repeat(2_000)), logId: 2 });
    expect([cache.get("a"), cache.size, cache.bytes]).toEqual([undefined, 0, 0]);
  });

  it("of 0 keeps nothing", () => {
    const cache = cacheFrom(0, 0);
    cache.put("a", { record: null, logId: 1 });
    expect(cache.size).toBe(0);
  });

  it("is what its entries take, whatever happens", () => {
    const rng = new SeededRng(3);
    const cache = cacheFrom(0, 20_000);
    for (let logId = 1; logId < 20_000; logId++) {
      const key = `k${Math.floor(rng.next() * 100)}`;
      const what = rng.next();
      if (what < 0.5) cache.put(key, { record: record(key, "x".repeat(Math.floor(rng.next() * 500))), logId });
      else if (what < 0.8) cache.changed(key, logId - Math.floor(rng.next() * 10));
      else if (what < 0.99) cache.get(key);
      else cache.reset(logId);
      expect(cache.bytes).toBeLessThanOrEqual(20_000);
    }
    for (let i = 0; i < 100; i++) cache.changed(`k${i}`, 30_000);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });
});
