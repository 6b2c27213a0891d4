import { expect, test } from "vitest";
import { runSeed } from "../src/run.ts";

test.each([7, 8, 9, 10, 11, 12, 13])("seed %i gives the same trace twice, byte for byte", async (seed) => {
  const first = await runSeed(seed, { trace: true });
  const second = await runSeed(seed, { trace: true });
  expect(first.trace.length).toBeGreaterThan(10_000);
  expect(second.trace).toBe(first.trace);
  expect(second.checksum).toBe(first.checksum);
  expect((await runSeed(seed)).checksum).toBe(first.checksum);
});

test("another seed, or one fault less, gives another trace", async () => {
  const whole = await runSeed(9);
  const without = await runSeed(9, { faults: whole.faults.slice(1).map(({ number }) => number) });
  expect(whole.checksum).not.toBe((await runSeed(16)).checksum);
  expect(without.checksum).not.toBe(whole.checksum);
  expect(without.faults).toHaveLength(whole.faults.length - 1);
});
