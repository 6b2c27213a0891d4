import { expect, test } from "vitest";
import { type FuzzResult, fuzz } from "./fuzz-run.ts";

/** Longer runs: `node --conditions=@dister/source packages/log/test/fuzz-main.ts FIRST_SEED SEEDS PLACES`. */
const SEEDS = Array.from({ length: 60 }, (_, at) => at + 1);
const PLACES = 15;

test("one damage of a random log loses nothing that was acknowledged without a mark", { timeout: 60_000 }, async () => {
  const result: FuzzResult = { outcomes: new Map(), problems: [] };
  await fuzz(SEEDS, PLACES, result);
  expect(result.problems).toEqual([]);
  for (const outcome of ["whole", "suspect", "refused"]) expect(result.outcomes.get(outcome)).toBeGreaterThan(50);
});
