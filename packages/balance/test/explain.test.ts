import { expect, test } from "vitest";
import { createBalancer, type Policy } from "../src/index.ts";
import { balancer, nameOf, type Server, servers } from "./scene.ts";

const told = (policy: Policy, list: readonly Server[], value = 0.5, more: object = {}): string[] => {
  const components = { rng: { next: () => value }, nowMs: () => 500 };
  const chooser = createBalancer(components, { policy, idOf: ({ name }: Server) => name, ...more }, list);
  const { candidates, draws } = chooser.explain(1, "some key");
  return [...candidates.map(({ candidate, says }) => `${candidate.name} ${says}`), ...draws];
};

test("everybody that was left out is listed with the reason", () => {
  const list = servers({
    broken: { alive: false },
    off: 0,
    leaving: { takenOut: "draining" },
    repaired: { takenOut: "maintenance" },
    brokenAndOff: { alive: false, weight: 0 },
    fine: 7,
  });
  expect(told("first", list)).toEqual([
    "broken left out, dead",
    "off left out, weight 0",
    "leaving left out, draining",
    "repaired left out, maintenance",
    "brokenAndOff left out, dead",
    "fine took part with weight 7; chosen",
    "Candidate fine was chosen: it is the first in the list.",
  ]);
});

test("priority tells the random point and whose share it fell into", () => {
  expect(told("priority", servers({ a: 10, b: 60, c: 30 }), 0.35)).toEqual([
    "a took part with weight 10",
    "b took part with weight 60; chosen",
    "c took part with weight 30",
    "Candidate b was chosen: drew 35 of 100, and 10 up to 70 is its share.",
  ]);
});

test("latency and slow start tell what they leave of the weight", () => {
  const list = servers({
    fast: { latencyMs: 10 },
    slow: { latencyMs: 40 },
    unknown: {},
    crawling: { latencyMs: 4_000 },
    back: { latencyMs: 20, healthySinceMs: 0 },
  });
  expect(told("latency", list, 0.99, { slowStart: { durationMs: 1_000 } }).slice(0, 5)).toEqual([
    "fast took part with weight 100",
    "slow took part with weight 25 of 100: its latency of 40 ms leaves 25 %",
    "unknown took part with weight 50 of 100: the median of the latencies leaves 50 %",
    "crawling took part with weight 5 of 100: its latency of 4000 ms leaves 5 %",
    "back took part with weight 27.5 of 100: slow start leaves 55 %, its latency of 20 ms leaves 50 %; chosen",
  ]);
});

test("round-robin tells the credits and goes on by one turn", () => {
  const chooser = balancer({ policy: "round-robin" }, servers({ a: 3, b: 1 }));
  const draws = [1, 2, 3].map(() => chooser.explain().draws[0]);
  expect(draws).toEqual([
    "Candidate a was chosen: its credit of 3 is the highest, after each got its weight.",
    "Candidate a was chosen: its credit of 2 is the highest, after each got its weight.",
    "Candidate b was chosen: its credit of 3 is the highest, after each got its weight.",
  ]);
  expect(nameOf(chooser.pick())).toBe("a");
});

test("hash tells who is over its bounded load, and who was the best of the rest", () => {
  const list = servers({ a: 100, b: 100, c: 100 });
  const full = balancer({ policy: "hash" }, list).pick("hot")!;
  const bound = { loadOf: (server: Server) => (server === full ? 9 : 1) };
  const { candidates, draws, chosen } = balancer({ policy: "hash", bound }, list).explain(1, "hot");
  const report = candidates.find(({ candidate }) => candidate === full)!;
  expect(report).toEqual({
    candidate: full,
    weight: 100,
    effectiveWeight: 0,
    leftOut: "over its bounded load",
    chosen: null,
    says: "left out, over its bounded load: it has 9 of the 5 that it may have",
  });
  expect(draws).toEqual([
    `Candidate ${chosen[0]!.name} was chosen: of 2 that could take the key it has the best score for it.`,
  ]);
});

test("of several each has its number and its sentence", () => {
  const { candidates, draws, chosen, totalWeight, policy } = balancer(
    { policy: "first" },
    servers({ a: 1, dead: { alive: false }, b: 2, c: 3 }),
  ).explain(2);
  expect(policy).toBe("first");
  expect(chosen.map(nameOf)).toEqual(["a", "b"]);
  expect(candidates.map((report) => report.chosen)).toEqual([1, null, 2, null]);
  expect(candidates.map(({ says }) => says)).toEqual([
    "took part with weight 1; chosen",
    "left out, dead",
    "took part with weight 2; chosen as number 2",
    "took part with weight 3",
  ]);
  expect(totalWeight).toBe(6);
  expect(draws[1]).toBe("Candidate b was chosen: it is the first in the list behind those chosen before.");
});
