import { expect, test } from "vitest";
import { sweep } from "../src/sweep.ts";
import { INTERESTING } from "../src/world/coverage.ts";

/** States that three hundred runs reach many times; the rare ones are asked for by `pnpm sim`. */
const SURELY = 20;

test("300 runs of clusters of 1 to 7 voters break no rule", { timeout: 240_000 }, async () => {
  const total = await sweep({ from: 1, seeds: 300, jobs: 2 });
  expect(total.violations).toEqual([]);
  expect(total.seeds).toBe(300);
  const counts = INTERESTING.map((what) => [what, total.coverage.count(what)] as const);
  const simulated = `${(total.simulatedMs / 60_000).toFixed(0)} simulated minutes`;
  console.log(`${total.seeds} seeds, ${simulated}, ${total.operations} operations of clients`);
  for (const [what, count] of counts) console.log(`${String(count).padStart(7)}  ${what}`);
  expect(counts.filter(([, count]) => count >= SURELY).length).toBeGreaterThan(INTERESTING.length / 2);
  expect(total.operations).toBeGreaterThan(5_000);
});
