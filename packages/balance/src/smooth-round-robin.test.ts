import { LIMITS } from "@dister/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WEIGHT_MAX } from "./candidate.ts";
import { SmoothRoundRobin } from "./smooth-round-robin.ts";

interface Named {
  readonly name: string;
  readonly weight: number;
  readonly alive: boolean;
}
const named = (weights: Record<string, number>): Named[] =>
  Object.entries(weights).map(([name, weight]) => ({ name, weight, alive: true }));

function robinOf(candidates: readonly Named[]): SmoothRoundRobin<Named> {
  const robin = new SmoothRoundRobin<Named>({ keyOf: (candidate) => candidate.name });
  robin.update(candidates);
  return robin;
}
const picks = (robin: SmoothRoundRobin<Named>, count: number): (string | undefined)[] =>
  Array.from({ length: count }, () => robin.pick()?.name);

function countsOf(names: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[String(name)] = (counts[String(name)] ?? 0) + 1;
  return counts;
}

const anyWeights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
const withNames = (weights: readonly number[]): Named[] =>
  weights.map((weight, position) => ({ name: `n${position}`, weight, alive: true }));

describe("a list that stays", () => {
  test("the turns of a heavy candidate are spread over the run", () => {
    expect(picks(robinOf(named({ a: 5, b: 1, c: 1 })), 7).join("")).toBe("aabacaa");
  });

  test("in as many picks as the weights sum up to each comes exactly as often as its weight, run after run", () => {
    fc.assert(
      fc.property(anyWeights, (weights) => {
        const robin = robinOf(withNames(weights));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const wanted = Object.fromEntries(weights.map((weight, position) => [`n${position}`, weight]));
        for (let run = 0; run < 3; run++) expect(countsOf(picks(robin, total))).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  test("of equal weights nobody comes twice before all have come, so never twice in a row", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 1, max: WEIGHT_MAX }), (size, weight) => {
        const robin = robinOf(withNames(Array(size).fill(weight)));
        for (let run = 0; run < 3; run++) expect(new Set(picks(robin, size)).size).toBe(size);
      }),
    );
  });

  test("the dead and those without weight never come, and nobody comes of nobody", () => {
    const robin = robinOf([...named({ a: 1, zero: 0 }), { name: "dead", weight: 9, alive: false }]);
    expect(countsOf(picks(robin, 20))).toEqual({ a: 20 });
    robin.update([{ name: "a", weight: 1, alive: false }]);
    expect(robin.pick()).toBeUndefined();
    expect(robin.size).toBe(0);
    expect(robinOf([]).pick()).toBeUndefined();
  });

  test("the largest list that is allowed, of the largest weights, counts exactly", () => {
    const robin = robinOf(withNames(Array(LIMITS.serviceNodesMax).fill(WEIGHT_MAX)));
    const seen = new Set<Named | undefined>();
    for (let pick = 0; pick < LIMITS.serviceNodesMax; pick++) seen.add(robin.pick());
    expect(seen.size).toBe(LIMITS.serviceNodesMax);
  });
});

describe("a list that changes", () => {
  test("an update with the same list does not change whose turn it is", () => {
    const candidates = named({ a: 5, b: 2, c: 1 });
    const calm = robinOf(candidates);
    const updated = robinOf(candidates);
    for (let pick = 0; pick < 24; pick++) {
      updated.update(candidates.map((candidate) => ({ ...candidate })));
      expect(updated.pick()?.name).toBe(calm.pick()?.name);
    }
  });

  test("one that joins does not send the others back to the start", () => {
    const robin = robinOf(named({ a: 1, b: 1, c: 1 }));
    expect(picks(robin, 2)).toEqual(["a", "b"]);
    robin.update(named({ a: 1, b: 1, c: 1, d: 1 }));
    expect(picks(robin, 1)).toEqual(["c"]);
  });

  test("updates before every pick, as busy checks cause them, still leave each its share", () => {
    const stable = named({ a: 3, b: 2, c: 1 });
    const robin = robinOf(stable);
    const names: (string | undefined)[] = [];
    for (let pick = 0; pick < 7_000; pick++) {
      robin.update([...stable, { name: "flapping", weight: 1, alive: pick % 2 === 0 }]);
      names.push(robin.pick()?.name);
    }
    const { flapping = 0, ...counts } = countsOf(names);
    const rest = 7_000 - flapping;
    expect(Math.abs(counts["a"]! / rest - 3 / 6)).toBeLessThan(0.05);
    expect(Math.abs(counts["b"]! / rest - 2 / 6)).toBeLessThan(0.05);
    expect(Math.abs(counts["c"]! / rest - 1 / 6)).toBeLessThan(0.05);
  });

  test("one that was far behind under heavy weights is not passed over for long under light ones", () => {
    const robin = robinOf(named({ a: WEIGHT_MAX, b: WEIGHT_MAX - 1 }));
    picks(robin, 1);
    robin.update(named({ a: 1, b: 1 }));
    expect(countsOf(picks(robin, 100))).toEqual({ a: 50, b: 50 });
  });

  test("after any history of lists nobody waits longer than five runs of the last list", () => {
    const anyList = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.integer({ min: 0, max: WEIGHT_MAX }));
    const history = fc.array(fc.tuple(anyList, fc.integer({ min: 0, max: 50 })), { maxLength: 8 });
    fc.assert(
      fc.property(history, anyWeights, (steps, weights) => {
        const robin = robinOf([]);
        for (const [list, count] of steps) {
          robin.update(named(list));
          picks(robin, count);
        }
        const last = Object.fromEntries(weights.map((weight, position) => ["abcdefgh"[position]!, weight]));
        robin.update(named(last));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        expect(new Set(picks(robin, 5 * total))).toEqual(new Set(Object.keys(last)));
      }),
      { numRuns: 500 },
    );
  });
});

describe("a list that is refused", () => {
  const robin = robinOf(named({ a: 1, b: 1 }));

  test.each([
    ["a weight that is none", [{ name: "x", weight: 1.5, alive: true }], "candidates.0.weight"],
    ["a key that comes twice", [...named({ x: 1 }), ...named({ x: 2 })], "candidates.1"],
    ["a list too long", withNames(Array(LIMITS.serviceNodesMax + 1).fill(1)), "candidates: got 10001"],
  ])("%s is named, and the old list stays in use", (_what, candidates, named) => {
    expect(() => robin.update(candidates)).toThrow(named);
    expect(countsOf(picks(robin, 2))).toEqual({ a: 1, b: 1 });
  });
});
