import { describe, expect, test } from "vitest";
import { hashOf, ID_SEED, rankByKey } from "./rendezvous.ts";

const own = (id: string) => id;
const keys = Array.from({ length: 20_000 }, (_, i) => `app/${i}/name`);

describe("ranking by key", () => {
  test("gives everybody the same order, whatever the order of the list", () => {
    const ids = ["5F1C0A77E3B2D964", "0C5D1E9A4B7F3826", "FFFF000000000001", "FFFF000000000002"];
    for (const key of keys.slice(0, 200)) {
      const order = rankByKey(key, ids, own);
      expect([...order].sort()).toEqual([...ids].sort());
      expect(rankByKey(key, [...ids].reverse(), own)).toEqual(order);
    }
  });

  test("of nobody is empty, of one is that one", () => {
    expect(rankByKey("a", [], own)).toEqual([]);
    expect(rankByKey("a", ["x"], own)).toEqual(["x"]);
  });

  test.each([2, 3, 5, 9])("spreads keys evenly over %i, in the first place and in the second", (count) => {
    // Ids that differ in one digit are the hard case.
    const ids = Array.from({ length: count }, (_, i) => `000000000000000${i}`);
    for (const place of [0, 1]) {
      const counts = new Map<string, number>();
      for (const key of keys) {
        const id = rankByKey(key, ids, own)[place]!;
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      for (const id of ids) expect(Math.abs((counts.get(id) ?? 0) / (keys.length / count) - 1)).toBeLessThan(0.1);
    }
  });

  test("gives each of two ids with the same hash its half, whoever comes first in the list", () => {
    const seen = new Map<number, string>();
    let twins: [string, string] | undefined;
    for (let n = 0; twins === undefined; n++) {
      const id = `node ${n}`;
      const twin = seen.get(hashOf(id, ID_SEED));
      if (twin !== undefined) twins = [twin, id];
      seen.set(hashOf(id, ID_SEED), id);
    }
    const firsts = keys.map((key) => rankByKey(key, twins, own)[0]);
    expect(keys.map((key) => rankByKey(key, [...twins].reverse(), own)[0])).toEqual(firsts);
    const share = firsts.filter((id) => id === twins[0]).length / keys.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.02);
  });

  test("moves the keys of one that goes to others, and no other key", () => {
    const ids = ["A", "B", "C", "D"];
    for (const key of keys.slice(0, 2_000)) {
      const before = rankByKey(key, ids, own);
      const after = rankByKey(
        key,
        ids.filter((id) => id !== "C"),
        own,
      );
      expect(after).toEqual(before.filter((id) => id !== "C"));
    }
  });
});
