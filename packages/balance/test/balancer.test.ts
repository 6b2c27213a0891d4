import { isDisterError } from "@dister/types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Candidate, createBalancer, POLICIES, type Policy, WEIGHT_MAX } from "../src/index.ts";
import { balancer, counted, nameOf, servers } from "./scene.ts";

function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isDisterError(error, "DISTER_ERR_INVALID")) return error.message;
    throw error;
  }
  return "nothing was refused";
}

const anyCandidate = fc.record({
  weight: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: WEIGHT_MAX })),
  alive: fc.boolean(),
  takenOut: fc.constantFrom(undefined, undefined, "draining" as const, "maintenance" as const),
  latencyMs: fc.option(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e308, noNaN: true })), { nil: undefined }),
  healthySinceMs: fc.option(fc.integer({ min: -50, max: 150 }), { nil: undefined }),
});
const anyList = fc
  .array(anyCandidate, { maxLength: 20 })
  .map((list) => list.map((one, at) => ({ ...one, name: `n${at}` })));
const mayBeChosen = ({ alive, weight, takenOut }: Candidate): boolean => alive && weight > 0 && takenOut === undefined;
const slowStart = { durationMs: 100 };
const outside = { nowMs: () => 100 };

describe.each(POLICIES)("policy %s", (policy) => {
  test("of any list chooses those who may be chosen, each once, and all of them when as many are asked for", () => {
    fc.assert(
      fc.property(anyList, fc.integer({ min: 1, max: 25 }), fc.string({ minLength: 1 }), (list, count, key) => {
        const chooser = balancer({ policy, slowStart }, list, outside);
        const may = list.filter(mayBeChosen);
        expect(chooser.size).toBe(may.length);
        for (const many of [chooser.pickMany(count, key), chooser.explain(count, key).chosen]) {
          expect(many).toHaveLength(Math.min(count, may.length));
          expect(new Set(many).size).toBe(many.length);
          for (const one of many) expect(may).toContain(one);
        }
        const one = chooser.pick(key);
        if (may.length === 0) expect(one).toBeUndefined();
        else expect(may).toContain(one);
      }),
      { numRuns: 500 },
    );
  });

  test("pick, pickMany and explain choose the same at the same place of the random numbers", () => {
    fc.assert(
      fc.property(anyList, fc.integer(), (list, seed) => {
        const ways = [1, 2, 3].map(() => balancer({ policy, slowStart }, list, { ...outside, seed }));
        for (let nth = 0; nth < 20; nth++) {
          const key = `key ${nth}`;
          const picked = nameOf(ways[0]!.pick(key));
          expect(nameOf(ways[1]!.pickMany(1, key)[0])).toBe(picked);
          expect(nameOf(ways[2]!.explain(1, key).chosen[0])).toBe(picked);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("nobody is a clean result: of an empty list, of the dead, of those taken out, of weight 0", () => {
    const lists = [{}, { a: { alive: false } }, { a: { takenOut: "maintenance" as const } }, { a: 0, b: 0 }];
    for (const list of lists.map((fields) => servers(fields))) {
      const chooser = balancer({ policy }, list);
      expect(chooser.pick("k")).toBeUndefined();
      expect(chooser.pickMany(3, "k")).toEqual([]);
      const { chosen, draws } = chooser.explain(1, "k");
      expect([chosen, draws]).toEqual([[], [`Nobody was chosen: of ${list.length} candidates none may be.`]]);
    }
  });

  test("a slow one among the fast still gets picks, the fast ones more (latency), or all as if nothing was measured", () => {
    const chooser = balancer({ policy }, servers({ slow: { latencyMs: 1e300 }, fast: { latencyMs: 0.1 } }));
    const counts = counted(10_000, (nth) => chooser.pick(`k${nth}`));
    const slow = counts.get("slow") ?? 0;
    // 5 % of the weight for the slow one against all of it: 0.05 / 1.05 of the picks.
    if (policy === "latency") expect(Math.abs(slow - 476)).toBeLessThan(110);
    else if (policy === "first") expect(slow).toBe(10_000);
    else expect(Math.abs(slow - 5_000)).toBeLessThan(250);
  });

  test("a random source that breaks its contract and returns 1, or stays at 0, still chooses somebody", () => {
    for (const value of [0, 1 - 2 ** -53, 1]) {
      const chooser = createBalancer({ rng: { next: () => value } }, { policy }, servers({ a: 1, b: 2, none: 0 }));
      expect(["a", "b"]).toContain(nameOf(chooser.pick("k")));
      expect(new Set(chooser.pickMany(2, "k").map(nameOf))).toEqual(new Set(["a", "b"]));
    }
  });

  test("a new list takes the place of the old one, and a wrong one leaves it", () => {
    const chooser = balancer({ policy }, servers({ a: 1 }));
    chooser.update(servers({ b: 1 }));
    expect(nameOf(chooser.pick("k"))).toBe("b");
    expect(() => chooser.update(servers({ c: 1, d: -1 }))).toThrow("candidates.1.weight: got -1");
    expect(nameOf(chooser.pick("k"))).toBe("b");
  });

  test("the list is copied", () => {
    const list = servers({ a: 1 });
    const chooser = balancer({ policy }, list);
    list.pop();
    expect(nameOf(chooser.pick("k"))).toBe("a");
    expect(chooser.explain(1, "k").candidates).toHaveLength(1);
  });

  test.each([
    ["weight", Number.NaN],
    ["weight", -1],
    ["weight", 0.5],
    ["weight", Number.POSITIVE_INFINITY],
    ["weight", WEIGHT_MAX + 1],
    ["weight", "5"],
    ["latencyMs", Number.NaN],
    ["latencyMs", -0.1],
    ["latencyMs", Number.POSITIVE_INFINITY],
    ["latencyMs", "5"],
    ["healthySinceMs", Number.NaN],
    ["healthySinceMs", Number.NEGATIVE_INFINITY],
    ["takenOut", "holiday"],
  ])("%s %s is refused by the name of its field, also of a dead candidate", (field, value) => {
    const list = [...servers({ a: 1 }), { name: "b", weight: 1, alive: false, [field]: value }];
    expect(refusalOf(() => balancer({ policy }, list))).toContain(`candidates.1.${field}: got ${value}, allowed is`);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("count %s is refused", (count) => {
    const chooser = balancer({ policy }, servers({ a: 1 }));
    expect(refusalOf(() => chooser.pickMany(count, "k"))).toMatch(
      /^count: got .*, allowed is a whole number, 1 or more$/,
    );
  });
});

test("what cannot be is refused by its name", () => {
  const a = servers({ a: 1 });
  const wrongPolicy = "fastest" as Policy;
  expect(refusalOf(() => balancer({ policy: wrongPolicy }, a))).toBe(
    "policy: got fastest, allowed is one of priority, round-robin, hash, latency, first",
  );
  expect(refusalOf(() => balancer({ policy: "first" }, [...a, ...a]))).toBe(
    "candidates.1: got the id of candidates.0, allowed is each id once",
  );
  expect(refusalOf(() => balancer({ policy: "first", slowStart }, a))).toContain("nowMs: got nothing");
  for (const durationMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const message = refusalOf(() => balancer({ policy: "first", slowStart: { durationMs } }, a, outside));
    expect(message).toContain("slowStart.durationMs: got");
  }
  for (const floor of [0, -1, 1.1, Number.NaN]) {
    const message = refusalOf(() => balancer({ policy: "first", slowStart: { durationMs: 1, floor } }, a, outside));
    expect(message).toContain("slowStart.floor: got");
  }
  for (const factor of [0.99, Number.NaN, Number.POSITIVE_INFINITY]) {
    const message = refusalOf(() => balancer({ policy: "hash", bound: { loadOf: () => 0, factor } }, a));
    expect(message).toContain("bound.factor: got");
  }
  const tooMany = Array.from({ length: 10_001 }, (_, at) => ({ name: `n${at}`, weight: 1, alive: true }));
  expect(refusalOf(() => balancer({ policy: "first" }, tooMany))).toContain("candidates: got 10001 of them");
});

describe("policy first", () => {
  test("goes by the order of the list, past those who may not", () => {
    const list = servers({ dead: { alive: false }, none: 0, a: 1, b: 1_000 });
    expect(balancer({ policy: "first" }, list).pickMany(9).map(nameOf)).toEqual(["a", "b"]);
  });

  test("goes by the order of tags, then of the list; those without a tag of the order come last", () => {
    const list = servers({
      plain: 1,
      far: { tags: ["dc2"] },
      near: { tags: ["ssd", "dc1"] },
      both: { tags: ["dc2", "dc1"] },
      other: { tags: ["dc3"] },
    });
    const chooser = balancer({ policy: "first", tagOrder: ["dc1", "dc2"] }, list);
    expect(chooser.pickMany(9).map(nameOf)).toEqual(["near", "both", "far", "plain", "other"]);
  });

  test("goes by the first place of a tag that is named twice", () => {
    const list = servers({ plain: 1, us: { tags: ["us"] }, eu: { tags: ["eu"] } });
    for (const tagOrder of [
      ["eu", "us", "eu"],
      ["eu", "eu", "us"],
    ]) {
      expect(balancer({ policy: "first", tagOrder }, list).pickMany(9).map(nameOf)).toEqual(["eu", "us", "plain"]);
    }
  });
});

describe("policy round-robin", () => {
  test("keeps the turns of those that stay when the list changes", () => {
    const chooser = balancer({ policy: "round-robin" }, servers({ a: 1, b: 1, c: 1 }));
    expect([chooser.pick(), chooser.pick()].map(nameOf)).toEqual(["a", "b"]);
    chooser.update(servers({ a: 1, b: 1, c: 1, d: 1 }));
    expect(nameOf(chooser.pick())).toBe("c");
  });

  test("several at once are one turn, with those who come next behind: whoever uses only the first uses everybody", () => {
    const chooser = balancer({ policy: "round-robin" }, servers({ a: 1, b: 1, c: 1, d: 1 }));
    const pairs = [1, 2, 3, 4, 5].map(() => chooser.pickMany(2).map(nameOf).join(""));
    expect(pairs).toEqual(["ab", "bc", "cd", "da", "ab"]);
    const firsts = [1, 2, 3].map(() => nameOf(chooser.explain(4).chosen[0]));
    expect([...firsts, nameOf(chooser.pick())]).toEqual(["b", "c", "d", "a"]);
  });

  test("the first of several comes exactly as often as its weight says, as by pick", () => {
    const weights = { a: 1, b: 2, c: 3, d: 4, e: 5 };
    for (const count of [2, 3, 5, 9]) {
      const chooser = balancer({ policy: "round-robin" }, servers(weights));
      const counts = counted(150, () => chooser.pickMany(count)[0]);
      for (const [name, weight] of Object.entries(weights)) expect(counts.get(name)).toBe(weight * 10);
    }
  });

  test("all of several together come about as often as their weights say, where there are others left", () => {
    const list = servers(Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`n${at}`, 1 + (at % 4)])));
    const chooser = balancer({ policy: "round-robin" }, list);
    const counts = new Map<string, number>();
    for (let nth = 0; nth < 5_000; nth++) {
      for (const { name } of chooser.pickMany(2)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const { name, weight } of list) expect(Math.abs(counts.get(name)! / (weight * 200) - 1)).toBeLessThan(0.1);
  });

  test("that has given all at once for long does not make anybody pay for it later", () => {
    const chooser = balancer({ policy: "round-robin" }, servers({ light: 1, heavy: 9 }));
    for (let nth = 0; nth < 10_000; nth++) chooser.pickMany(2);
    expect(counted(30, () => chooser.pick()).get("light")).toBe(3);
  });
});

test.each(POLICIES)("policy %s does not see what is written into candidates before the next list", (policy) => {
  let nowMs = 0;
  const list = servers({
    a: { healthySinceMs: 0, latencyMs: 5 },
    b: { healthySinceMs: 0, latencyMs: 5 },
    c: { alive: false },
  }) as (Candidate & { name: string; weight: number; alive: boolean; healthySinceMs: number; latencyMs: number })[];
  const chooser = balancer({ policy, slowStart }, list, { nowMs: () => nowMs });
  Object.assign(list[0]!, { weight: Number.NaN, healthySinceMs: Number.NaN, latencyMs: -1 });
  Object.assign(list[1]!, { alive: false });
  Object.assign(list[2]!, { alive: true });
  nowMs = 50;
  const { candidates, totalWeight } = chooser.explain(1, "k");
  expect(totalWeight).toBeCloseTo(110, 6);
  expect(candidates.map(({ weight, leftOut }) => [weight, leftOut])).toEqual([
    [100, null],
    [100, null],
    [100, "dead"],
  ]);
  expect(candidates[2]!.says).toBe("left out, dead");
  expect(new Set(chooser.pickMany(3, "k").map(nameOf))).toEqual(new Set(["a", "b"]));
  expect(() => chooser.update(list)).toThrow("candidates.0.weight: got NaN");
});

describe("slow start", () => {
  test("begins at the floor, grows in a straight line, and ends at the full weight", () => {
    let nowMs = 1_000;
    const list = servers({ back: { healthySinceMs: 1_000 }, old: 100 });
    const chooser = balancer({ policy: "priority", slowStart: { durationMs: 1_000, floor: 0.2 } }, list, {
      nowMs: () => nowMs,
    });
    const weightAt = (atMs: number): number => {
      nowMs = atMs;
      return chooser.explain().candidates[0]!.effectiveWeight;
    };
    const times = [1_000, 1_250, 1_500, 2_000, 9_000];
    expect(times.map(weightAt).map((weight) => Math.round(weight))).toEqual([20, 40, 60, 100, 100]);
  });

  test("is seen by pick as time goes on, and then costs no look at the clock", () => {
    let nowMs = 0;
    let asked = 0;
    const list = servers({ back: { weight: 1_000, healthySinceMs: 0 }, old: 1_000 });
    const chooser = balancer({ policy: "round-robin", slowStart: { durationMs: 100, floor: 0.25 } }, list, {
      nowMs: () => {
        asked++;
        return nowMs;
      },
    });
    const share = (): number => counted(1_000, () => chooser.pick()).get("back")! / 1_000;
    expect(share()).toBeCloseTo(0.2, 2);
    nowMs = 100;
    expect(share()).toBeCloseTo(0.5, 2);
    asked = 0;
    expect(share()).toBeCloseTo(0.5, 2);
    expect(asked).toBe(0);
  });

  test("never takes anybody out, and never shrinks: any time, any beginning", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 2, maxLength: 8 }),
        (healthySinceMs, times) => {
          let nowMs = -1e9;
          const list = servers({ back: { weight: 7, healthySinceMs }, old: 7 });
          const chooser = balancer({ policy: "priority", slowStart: { durationMs: 5e8 } }, list, {
            nowMs: () => nowMs,
          });
          let before = 0;
          for (const time of times.sort((a, b) => a - b)) {
            nowMs = time;
            const weight = chooser.explain().candidates[0]!.effectiveWeight;
            expect(weight).toBeGreaterThanOrEqual(before);
            expect(weight).toBeGreaterThanOrEqual(0.7 - 1e-12);
            expect(weight).toBeLessThanOrEqual(7);
            before = weight;
          }
        },
      ),
    );
  });

  test("of all at once changes no share", () => {
    const list = servers({ a: { weight: 1, healthySinceMs: 0 }, b: { weight: 3, healthySinceMs: 0 } });
    const chooser = balancer({ policy: "round-robin", slowStart }, list, { nowMs: () => 0 });
    expect(counted(4_000, () => chooser.pick()).get("b")).toBe(3_000);
  });
});
