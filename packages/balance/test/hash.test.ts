import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rankByKey } from "../src/index.ts";
import { balancer, nameOf, type Server, servers } from "./scene.ts";

const KEYS = Array.from({ length: 20_000 }, (_, at) => `session:${at}`);
const even = (count: number, weight = 100): Server[] =>
  servers(Object.fromEntries(Array.from({ length: count }, (_, at) => [`10.0.0.${at}:80`, weight])));
const choices = (list: readonly Server[]): (string | undefined)[] => {
  const chooser = balancer({ policy: "hash" }, list);
  return KEYS.map((key) => nameOf(chooser.pick(key)));
};
const moved = (before: readonly unknown[], after: readonly unknown[]): number =>
  before.filter((name, at) => name !== after[at]).length / before.length;

describe("policy hash", () => {
  test("asks for a key", () => {
    const chooser = balancer({ policy: "hash" }, even(2));
    const message = "key: got nothing, allowed is a text that is not empty: policy hash chooses by it";
    expect(() => chooser.pick()).toThrow(message);
    expect(() => chooser.explain()).toThrow(message);
    expect(() => chooser.pickMany(2, "")).toThrow("key: got ");
    expect(() => balancer({ policy: "hash" }, []).pick()).toThrow(message);
  });

  test("chooses the same whatever the order of the list and whoever chooses", () => {
    const list = even(7);
    expect(choices([...list].reverse())).toEqual(choices(list));
  });

  test("with equal weights ranks as rankByKey does", () => {
    const list = even(5);
    const chooser = balancer({ policy: "hash" }, list);
    for (const key of KEYS.slice(0, 500)) {
      const ranked = rankByKey(key, list, ({ name }) => name);
      expect(chooser.pickMany(5, key)).toEqual(ranked);
    }
  });

  test.each([2, 5, 10, 30])(
    "one that comes to make it %i takes about its share of the keys, and moves no other",
    (n) => {
      const before = choices(even(n - 1));
      const after = choices(even(n));
      const share = moved(before, after);
      // The share of keys is binomial: four standard deviations to either side.
      expect(Math.abs(share - 1 / n)).toBeLessThan(4 * Math.sqrt(1 / n / KEYS.length));
      const newcomer = `10.0.0.${n - 1}:80`;
      after.forEach((name, at) => {
        if (name !== before[at]) expect(name).toBe(newcomer);
      });
    },
  );

  test("one that goes, dies, or drains gives its keys to all others, and no other key moves", () => {
    const list = even(6);
    const before = choices(list);
    const gone = list[2]!.name;
    const without = [
      list.filter(({ name }) => name !== gone),
      list.map((one) => (one.name === gone ? { ...one, alive: false } : one)),
      list.map((one) => (one.name === gone ? { ...one, takenOut: "draining" as const } : one)),
    ].map(choices);
    for (const after of without) {
      after.forEach((name, at) => {
        if (before[at] === gone) expect(name).not.toBe(gone);
        else expect(name).toBe(before[at]);
      });
      const heirs = new Set(after.filter((_, at) => before[at] === gone));
      expect(heirs.size).toBe(5);
    }
  });

  test("a weight that grows takes keys from the others and moves none among them", () => {
    const list = even(4);
    const before = choices(list);
    const after = choices(list.map((one, at) => (at === 1 ? { ...one, weight: 300 } : one)));
    after.forEach((name, at) => {
      if (name !== before[at]) expect(name).toBe(list[1]!.name);
    });
    expect(moved(before, after)).toBeCloseTo(3 / 6 - 1 / 4, 1);
  });
});

describe("bounded load", () => {
  /** Hands out keys one by one; everybody keeps what it got. */
  function handOut(list: readonly Server[], keys: readonly string[], factor?: number): Map<string, number> {
    const loads = new Map(list.map(({ name }) => [name, 0]));
    const bound = { loadOf: ({ name }: Server) => loads.get(name)!, factor };
    const chooser = balancer({ policy: "hash", bound }, list);
    const total = list.reduce((sum, { weight }) => sum + weight, 0);
    keys.forEach((key, given) => {
      const { name, weight } = chooser.pick(key)!;
      loads.set(name, loads.get(name)! + 1);
      expect(loads.get(name)).toBeLessThanOrEqual(Math.ceil(((factor ?? 1.25) * (given + 1) * weight) / total));
    });
    return loads;
  }

  test("holds at every pick, for any weights, keys and factor, and there is always room", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 }),
        fc.array(fc.constantFrom("hot", "hot", "hot", "a", "b", "c", "d"), { maxLength: 150 }),
        fc.constantFrom(1, 1.25, 1.5, 2, 10),
        (weights, keys, factor) => {
          const list = servers(Object.fromEntries(weights.map((weight, at) => [`n${at}`, weight])));
          const loads = handOut(list, keys, factor);
          expect([...loads.values()].reduce((sum, load) => sum + load, 0)).toBe(keys.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("spreads one key that everybody asks for, and without it one candidate gets all", () => {
    const list = even(5);
    const hot = Array.from({ length: 1_000 }, () => "hot");
    expect(Math.max(...handOut(list, hot).values())).toBeLessThanOrEqual(250);
    const unbound = balancer({ policy: "hash" }, list);
    expect(new Set(hot.map((key) => nameOf(unbound.pick(key)))).size).toBe(1);
  });

  test("leaves a key where it belongs while there is room", () => {
    const list = even(5);
    const free = balancer({ policy: "hash" }, list);
    const bound = balancer({ policy: "hash", bound: { loadOf: () => 10 } }, list);
    for (const key of KEYS.slice(0, 1_000)) expect(bound.pick(key)).toBe(free.pick(key));
  });

  test("goes to the next of the ranking when the first is full", () => {
    const list = even(5);
    for (const key of KEYS.slice(0, 200)) {
      const [first, second] = rankByKey(key, list, ({ name }) => name);
      const loadOf = (server: Server): number => (server === first ? 100 : 1);
      const chooser = balancer({ policy: "hash", bound: { loadOf } }, list);
      expect(chooser.pick(key)).toBe(second);
      expect(chooser.pickMany(5, key)).toHaveLength(4);
    }
  });

  test.each([1, 2, 9e15, 2 ** 53, 1e17, 1e300, 1e308])(
    "loads of %d each, of which one more may be lost in rounding, leave nobody without an answer",
    (load) => {
      for (const n of [1, 2, 3, 10]) {
        const chooser = balancer({ policy: "hash", bound: { loadOf: () => load, factor: 1 } }, even(n));
        for (const key of KEYS.slice(0, 50)) expect(chooser.pick(key)).toBeDefined();
      }
    },
  );

  test("of loads that large the one that has least for its weight takes the key", () => {
    const list = servers({ a: 100, b: 300, c: 100 });
    const loads: Record<string, number> = { a: 1e17, b: 2.9e17, c: 1.1e17 };
    const chooser = balancer({ policy: "hash", bound: { loadOf: ({ name }) => loads[name]!, factor: 1 } }, list);
    for (const key of KEYS.slice(0, 50)) expect(nameOf(chooser.pick(key))).toBe("b");
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("a load of %s is refused by its name", (load) => {
    const loadOf = ({ name }: Server): number => (name === "b" ? load : 0);
    const chooser = balancer({ policy: "hash", bound: { loadOf } }, servers({ a: 1, b: 1 }));
    expect(() => chooser.pick("k")).toThrow(`candidates.1.load: got ${load}, allowed is a finite number, 0 or more`);
  });
});
