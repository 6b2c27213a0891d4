import { describe, expect, it } from "vitest";
import { SeededRng } from "./seeded-rng.ts";

const draws = (seed: number, count: number): number[] => {
  const rng = new SeededRng(seed);
  return Array.from({ length: count }, () => rng.next());
};

describe("the seeded random numbers", () => {
  it("repeat with the seed and differ between seeds", () => {
    expect(draws(7, 100)).toEqual(draws(7, 100));
    expect(draws(7, 100)).not.toEqual(draws(8, 100));
    expect(new SeededRng(7).bytes(16)).toEqual(new SeededRng(7).bytes(16));
  });

  it.each([0, -1, 1, 2 ** 31, 2 ** 32 - 1])("lie in [0, 1) and spread evenly from seed %i", (seed) => {
    const counts = new Array<number>(10).fill(0);
    for (const draw of draws(seed, 10_000)) {
      expect(draw >= 0 && draw < 1).toBe(true);
      counts[Math.floor(draw * 10)]!++;
    }
    // 1,000 expected per tenth, standard deviation 30.
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(180);
  });

  it("make as many bytes as asked, of every value", () => {
    expect(new SeededRng(1).bytes(0)).toHaveLength(0);
    const bytes = new SeededRng(1).bytes(10_000);
    expect(bytes).toHaveLength(10_000);
    expect(new Set(bytes).size).toBe(256);
  });
});
