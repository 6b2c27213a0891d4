import { describe, expect, test } from "vitest";
import { runsBetween, TermRuns } from "./term-runs.ts";

describe("terms as runs", () => {
  test("each index has the term of its run, and none before the first", () => {
    const runs = new TermRuns();
    for (const [index, term] of [
      [5, 1],
      [6, 1],
      [7, 3],
      [8, 3],
      [9, 4],
    ] as const) {
      runs.push(index, term);
    }
    expect([4, 5, 6, 7, 8, 9, 100].map((index) => runs.at(index))).toEqual([undefined, 1, 1, 3, 3, 4, 4]);
  });

  test("a cut forgets runs that begin at or behind it", () => {
    const runs = new TermRuns();
    runs.push(1, 1);
    runs.push(4, 2);
    runs.push(6, 3);
    runs.cutFrom(4);
    expect(runs.at(9)).toBe(1);
    runs.push(4, 5);
    expect([3, 4].map((index) => runs.at(index))).toEqual([1, 5]);
    runs.cutFrom(1);
    expect(runs.at(1)).toBeUndefined();
  });

  test("runs are found by asking for few entries", () => {
    const terms = (index: number): number => (index < 700_000 ? 2 : index < 700_001 ? 5 : 9);
    let asked = 0;
    const runs = runsBetween(1, 1_000_000, (index) => {
      asked++;
      return terms(index);
    });
    for (const index of [1, 699_999, 700_000, 700_001, 1_000_000]) expect(runs.at(index)).toBe(terms(index));
    expect(asked).toBeLessThan(50);
    expect(runsBetween(3, 3, () => 8).at(3)).toBe(8);
  });
});
