import { isDisterError, type Rng } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Candidate, WEIGHT_MAX } from "./candidate.ts";
import { choosePriority, PriorityPicker } from "./priority.ts";

const LAST = 1 - 2 ** -53;
const alive = (...weights: number[]): Candidate[] => weights.map((weight) => ({ weight, alive: true }));
const fixed = (value: number): Rng => ({ next: () => value, bytes: () => new Uint8Array() });

/** Both ways to draw must keep every promise. */
const WAYS: [string, (candidates: readonly Candidate[], rng: Rng) => Candidate | undefined][] = [
  ["choosePriority", choosePriority],
  ["PriorityPicker", (candidates, rng) => new PriorityPicker({ rng }, candidates).pick()],
];

describe.each(WAYS)("%s", (_name, choose) => {
  test.each([[[1]], [[1, 1]], [[3, 5, 7]], [[WEIGHT_MAX, 1]], [[1, WEIGHT_MAX]], [Array(10_000).fill(WEIGHT_MAX)]])(
    "the lowest and the highest random number choose the first and the last candidate",
    (weights) => {
      const candidates = alive(...weights);
      expect(choose(candidates, fixed(0))).toBe(candidates[0]);
      expect(choose(candidates, fixed(LAST))).toBe(candidates.at(-1));
    },
  );

  test("even a random source that breaks its contract and returns 1 gets the last candidate", () => {
    const candidates = alive(2, 3);
    expect(choose(candidates, fixed(1))).toBe(candidates[1]);
  });

  test("the border between two candidates lies exactly at the share of the first", () => {
    const candidates = alive(1, 3);
    expect(choose(candidates, fixed(0.25 - 2 ** -53))).toBe(candidates[0]);
    expect(choose(candidates, fixed(0.25))).toBe(candidates[1]);
  });

  test("weight 0 and the dead are never chosen, also at both ends of the list", () => {
    const candidates = [
      { weight: 0, alive: true },
      { weight: 9, alive: false },
      { weight: 1, alive: true },
      { weight: 9, alive: false },
      { weight: 0, alive: true },
    ];
    for (const value of [0, 0.5, LAST]) expect(choose(candidates, fixed(value))).toBe(candidates[2]);
  });

  test("nobody is chosen of nobody, of the dead, or of those without weight", () => {
    const rng = new SeededRng(1);
    expect(choose([], rng)).toBeUndefined();
    expect(choose([{ weight: 5, alive: false }], rng)).toBeUndefined();
    expect(choose(alive(0, 0), rng)).toBeUndefined();
  });

  test("100,000 picks follow the weights (chi-square, 5 degrees of freedom, 0.1 %)", () => {
    const weights = [1, 2, 3, 10, 34, 50];
    const candidates = [{ weight: 100, alive: false }, ...alive(...weights), ...alive(0)];
    const rng = new SeededRng(2018);
    const counts = new Map<Candidate | undefined, number>();
    for (let pick = 0; pick < 100_000; pick++) {
      const chosen = choose(candidates, rng);
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    expect(counts.size).toBe(weights.length);
    let chiSquare = 0;
    weights.forEach((weight, position) => {
      const expected = weight * 1_000;
      chiSquare += (counts.get(candidates[position + 1])! - expected) ** 2 / expected;
    });
    expect(chiSquare).toBeLessThan(20.52);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, WEIGHT_MAX + 1, JSON.parse('"5"') as number])(
    "the weight %s is refused by the name of its field, even of a dead candidate",
    (weight) => {
      const candidates = [...alive(1, 1), { weight, alive: false }];
      expect.assertions(2);
      try {
        choose(candidates, fixed(0));
      } catch (error) {
        expect(isDisterError(error, "DISTER_ERR_INVALID")).toBe(true);
        expect((error as Error).message).toContain("candidates.2.weight: got");
      }
    },
  );
});

const anyCandidate = fc.record({
  weight: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: WEIGHT_MAX })),
  alive: fc.boolean(),
});
const anyRandom = fc.oneof(
  fc.constant(0),
  fc.constant(LAST),
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
);

test("for any list and any random number both ways choose the same, somebody who may be chosen if there is one", () => {
  fc.assert(
    fc.property(fc.array(anyCandidate, { maxLength: 30 }), anyRandom, (candidates, random) => {
      const rng = fixed(random);
      const chosen = choosePriority(candidates, rng);
      expect(new PriorityPicker({ rng }, candidates).pick()).toBe(chosen);
      const may = candidates.filter((candidate) => candidate.alive && candidate.weight > 0);
      if (may.length === 0) expect(chosen).toBeUndefined();
      else expect(may).toContain(chosen);
    }),
    { numRuns: 2_000 },
  );
});

test("every ticket of a small list is owned by the candidate that its place among the weights says", () => {
  const candidates = alive(2, 1, 4, 3);
  const owners = [0, 0, 1, 2, 2, 2, 2, 3, 3, 3];
  owners.forEach((owner, ticket) => {
    const rng = fixed((ticket + 0.5) / owners.length);
    expect(choosePriority(candidates, rng)).toBe(candidates[owner]);
  });
});

test("a picker does not see later changes of the list that it was made of", () => {
  const candidates = alive(1, 1);
  const picker = new PriorityPicker({ rng: fixed(LAST) }, candidates);
  const last = candidates.pop();
  expect(picker.pick()).toBe(last);
  expect(picker.size).toBe(2);
});
