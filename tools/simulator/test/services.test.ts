import { expect, test } from "vitest";
import { runSeed } from "../src/run.ts";
import { Coverage, OF_SERVICES } from "../src/world/coverage.ts";

const SEEDS = 60;

test("runs in which services are registered, checked and protected break no rule", { timeout: 120_000 }, async () => {
  const total = new Coverage();
  const broken: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation, coverage } = await runSeed(seed, { services: true });
    if (violation !== null) broken.push(`pnpm sim --seed ${seed} --services: ${violation.rule}: ${violation.message}`);
    for (const what of OF_SERVICES) total.reached(what, coverage.count(what));
  }
  expect(broken).toEqual([]);
  // The seeds are fixed, so this is no matter of chance.
  for (const what of OF_SERVICES) expect(total.count(what), what).toBeGreaterThan(10);
});
