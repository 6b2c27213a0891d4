import { describe, expect, test } from "vitest";
import type { Policy } from "../src/index.ts";
import { balancer, chiSquare, counted, servers } from "./scene.ts";

/**
 * 1,000,000 picks of seven candidates against the shares that were promised. Six degrees of freedom: were the shares
 * right, chi-square would be above 22.46 for one seed of a thousand. The seeds are fixed, so a test either always holds
 * or never; at this number of picks, a share of one half that is off by 0.002 shows.
 */
const PICKS = 1_000_000;
const CRITICAL_6 = 22.46;

const WEIGHTS = { a: 1, b: 2, c: 3, d: 10, e: 34, f: 50, g: 100 };
const LEFT_OUT = { dead: { alive: false }, none: 0, drained: { takenOut: "draining" as const } };
const TOTAL = 200;
const shares = Object.fromEntries(Object.entries(WEIGHTS).map(([name, weight]) => [name, weight / TOTAL]));

describe(`${PICKS.toLocaleString("en")} picks follow the weights (chi-square, 6 degrees of freedom, 0.1 %)`, () => {
  test.each<Policy>(["priority", "latency", "hash", "round-robin"])("%s", (policy) => {
    const chooser = balancer({ policy }, servers({ ...LEFT_OUT, ...WEIGHTS }));
    const counts = counted(PICKS, (nth) => chooser.pick(`user/${nth}`));
    expect([...counts.keys()].sort()).toEqual(Object.keys(WEIGHTS));
    expect(chiSquare(counts, shares)).toBeLessThan(CRITICAL_6);
  });

  test("round-robin: exactly", () => {
    const chooser = balancer({ policy: "round-robin" }, servers(WEIGHTS));
    const counts = counted(PICKS, () => chooser.pick());
    for (const [name, share] of Object.entries(shares)) expect(counts.get(name)).toBe(share * PICKS);
  });

  test("latency: weight / latency", () => {
    const list = servers({
      a: { latencyMs: 2 },
      b: { latencyMs: 4 },
      c: { latencyMs: 8 },
      d: { latencyMs: 3 },
      e: { weight: 300, latencyMs: 6 },
      f: { weight: 50, latencyMs: 2 },
      g: { weight: 10, latencyMs: 16 },
    });
    const speeds = list.map(({ weight, latencyMs }) => weight / latencyMs!);
    const total = speeds.reduce((sum, speed) => sum + speed, 0);
    const chooser = balancer({ policy: "latency" }, list);
    const counts = counted(PICKS, () => chooser.pick());
    const promised = Object.fromEntries(list.map(({ name }, at) => [name, speeds[at]! / total]));
    expect(chiSquare(counts, promised)).toBeLessThan(CRITICAL_6);
  });

  test("slow start: the share that it leaves at that time", () => {
    const nowMs = 5_000;
    const list = servers({ ...WEIGHTS, g: { weight: 100, healthySinceMs: 0 } });
    const chooser = balancer({ policy: "priority", slowStart: { durationMs: 10_000, floor: 0.2 } }, list, {
      nowMs: () => nowMs,
    });
    const counts = counted(PICKS, () => chooser.pick());
    const promised = Object.fromEntries(
      Object.entries({ ...WEIGHTS, g: 60 }).map(([name, weight]) => [name, weight / 160]),
    );
    expect(chiSquare(counts, promised)).toBeLessThan(CRITICAL_6);
  });

  test("hash: ids that differ in one digit, and keys that are counted up", () => {
    const list = servers(Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`10.0.0.${at}:80`, 100])));
    const chooser = balancer({ policy: "hash" }, list);
    const counts = counted(PICKS, (nth) => chooser.pick(String(nth)));
    const promised = Object.fromEntries(list.map(({ name }) => [name, 1 / 7]));
    expect(chiSquare(counts, promised)).toBeLessThan(CRITICAL_6);
  });
});

test("of two different ones, the first is drawn by weight, and the second by weight among the others", () => {
  const list = servers({ a: 1, b: 2, c: 3 });
  const chooser = balancer({ policy: "priority" }, list);
  const counts = counted(PICKS, () => {
    const [first, second] = chooser.pickMany(2);
    return { ...first!, name: `${first!.name}${second!.name}` };
  });
  const promised = { ab: 2 / 30, ac: 3 / 30, ba: 2 / 24, bc: 6 / 24, ca: 3 / 18, cb: 6 / 18 };
  // Five degrees of freedom, one seed of a thousand.
  expect(chiSquare(counts, promised)).toBeLessThan(20.52);
});

test("neighbouring picks of a seed are independent: pairs come as often as their shares say", () => {
  const chooser = balancer({ policy: "priority" }, servers({ a: 1, b: 1, c: 2 }));
  const shares = { a: 0.25, b: 0.25, c: 0.5 };
  const pairs: Record<string, number> = {};
  for (const [a, x] of Object.entries(shares)) for (const [b, y] of Object.entries(shares)) pairs[a + b] = x * y;
  const counts = counted(PICKS / 2, () => {
    const [first, second] = [chooser.pick()!, chooser.pick()!];
    return { ...first, name: first.name + second.name };
  });
  // Eight degrees of freedom, one seed of a thousand.
  expect(chiSquare(counts, pairs)).toBeLessThan(26.12);
});
