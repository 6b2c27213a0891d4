import { describe, expect, test } from "vitest";
import { checkLinearizable, registerModel } from "../src/index.ts";
import { get, put, type RegisterOperation, remove } from "./history.ts";
import { naivelyLinearizable } from "./naive.ts";

const GOOD: readonly [name: string, history: RegisterOperation[]][] = [
  ["an empty history", []],
  ["a read of a key that nobody wrote", [get(null, [0, 1])]],
  ["a read after a write", [put("a", [0, 1]), get("a", [2, 3])]],
  ["a read during a write that sees it already", [put("a", [0, 9]), get("a", [1, 2]), get("a", [3, 4])]],
  ["a read during a write that does not see it yet", [put("a", [0, 9]), get(null, [1, 2]), get("a", [3, 4])]],
  ["concurrent writes, the first wins", [put("a", [0, 5]), put("b", [0, 5]), get("a", [6, 7])]],
  ["concurrent writes, the second wins", [put("a", [0, 5]), put("b", [0, 5]), get("b", [6, 7])]],
  [
    "concurrent writes seen one after the other",
    [put("a", [0, 9]), put("b", [0, 9]), get("b", [1, 2]), get("a", [3, 4]), get("a", [10, 11])],
  ],
  ["operations that touch in one instant are concurrent", [put("a", [0, 1]), put("b", [1, 2]), get("a", [3, 4])]],
  ["a read that touches a write in one instant may miss it", [put("a", [0, 1]), get(null, [1, 2])]],
  ["a write of unknown outcome that appears at once", [put("a", [0, 1], "unknown"), get("a", [2, 3])]],
  [
    "a write of unknown outcome that appears late",
    [put("a", [0, 1], "unknown"), put("b", [2, 3]), get("b", [4, 5]), get("a", [6, 7]), get("a", [8, 9])],
  ],
  [
    "a write of unknown outcome that never appears",
    [put("a", [0, 1], "unknown"), get(null, [2, 3]), get(null, [4, 5])],
  ],
  [
    "a write of unknown outcome that appears and is overwritten",
    [put("a", [0, 1], "unknown"), get("a", [2, 3]), put("b", [4, 5]), get("b", [6, 7])],
  ],
  [
    "two writes of the same value, of which each can explain a read",
    [put("a", [0, 1]), put("b", [2, 3]), put("a", [4, 5]), get("a", [6, 7])],
  ],
  [
    "two unknown writes of the same value that appear twice",
    [put("a", [0, 1], "unknown"), put("a", [0, 1], "unknown"), get("a", [2, 3]), put("b", [4, 5]), get("a", [6, 7])],
  ],
  ["a refused write that is not seen", [put("a", [0, 1]), put("b", [2, 3], "refused"), get("a", [4, 5])]],
  ["a delete after a write", [put("a", [0, 1]), remove([2, 3]), get(null, [4, 5])]],
  ["a delete racing a write, the delete wins", [put("a", [0, 5]), remove([0, 5]), get(null, [6, 7])]],
  ["a delete racing a write, the write wins", [put("a", [0, 5]), remove([0, 5]), get("a", [6, 7])]],
  [
    "a delete of unknown outcome that takes effect late",
    [put("a", [0, 1]), remove([2, 3], "unknown"), get("a", [4, 5]), get(null, [6, 7])],
  ],
  [
    "a missing key before the only delete, which takes its time",
    [get(null, [0, 1]), put("a", [2, 3]), remove([4, 9]), get("a", [5, 6]), get(null, [10, 11])],
  ],
  [
    "two deletes of unknown outcome that both take effect",
    [
      remove([0, 1], "unknown"),
      remove([0, 1], "unknown"),
      put("a", [2, 3]),
      get(null, [4, 5]),
      put("b", [6, 7]),
      get(null, [8, 9]),
    ],
  ],
  ["keys that do not know of each other", [put("a", [0, 1]), get(null, [2, 3], "other"), get("a", [4, 5])]],
  ["a read of unknown outcome says nothing", [put("a", [0, 1]), { ...get("z", [2, 3]), outcome: "unknown" }]],
  ["the order of the list does not matter", [get("b", [4, 5]), put("b", [2, 3]), put("a", [0, 1])]],
];

const BAD: readonly [name: string, history: RegisterOperation[]][] = [
  ["a stale read", [put("a", [0, 1]), put("b", [2, 3]), get("a", [4, 5])]],
  [
    "a stale read on another client after a new one",
    [put("a", [0, 1]), put("b", [2, 9]), get("b", [3, 4]), get("a", [5, 6])],
  ],
  ["a lost write", [put("a", [0, 1]), get(null, [2, 3])]],
  ["a lost write that had been seen", [put("a", [0, 9]), get("a", [1, 2]), get(null, [3, 4])]],
  ["a read of a value never written", [put("a", [0, 1]), get("z", [2, 3])]],
  ["a read from the future", [get("a", [0, 1]), put("a", [2, 3])]],
  ["a read from the future of an unknown write", [get("a", [0, 1]), put("a", [2, 3], "unknown")]],
  [
    "a fork: two readers see two writes in opposite orders",
    [put("a", [0, 99]), put("b", [0, 99]), get("a", [1, 2]), get("b", [3, 4]), get("a", [5, 6])],
  ],
  ["a fork at overlapping reads", [put("a", [0, 1]), put("b", [0, 1]), get("a", [2, 5]), get("b", [2, 5])]],
  [
    "an unknown write that appears, is overwritten and appears again",
    [put("a", [0, 1], "unknown"), get("a", [2, 3]), put("b", [4, 5]), get("b", [6, 7]), get("a", [8, 9])],
  ],
  ["an unknown write that appears and is gone", [put("a", [0, 1], "unknown"), get("a", [2, 3]), get(null, [4, 5])]],
  [
    "an unknown write of two that appears a third time",
    [
      put("a", [0, 1], "unknown"),
      put("a", [0, 1], "unknown"),
      get("a", [2, 3]),
      put("b", [4, 5]),
      get("a", [6, 7]),
      put("c", [8, 9]),
      get("a", [10, 11]),
    ],
  ],
  ["a refused write that is seen", [put("a", [0, 1], "refused"), get("a", [2, 3])]],
  ["a refused write that hides an acknowledged one", [put("a", [0, 1]), put("b", [2, 3], "refused"), get("b", [4, 5])]],
  ["a refused delete that was done", [put("a", [0, 1]), remove([2, 3], "refused"), get(null, [4, 5])]],
  ["a deleted value that comes back", [put("a", [0, 1]), remove([2, 3]), get("a", [4, 5])]],
  [
    "one delete of unknown outcome that takes effect twice",
    [remove([0, 1], "unknown"), put("a", [2, 3]), get(null, [4, 5]), put("b", [6, 7]), get(null, [8, 9])],
  ],
  [
    "a delete racing a write whose value is seen, not seen and seen",
    [put("a", [0, 99]), remove([0, 99]), get("a", [1, 2]), get(null, [3, 4]), get("a", [5, 6])],
  ],
  ["a write that ends before another one and wins over it", [put("b", [0, 1]), put("a", [2, 9]), get("b", [10, 11])]],
  ["an empty value is not a missing key", [put("", [0, 1]), get(null, [2, 3])]],
];

describe("one register", () => {
  test.each(GOOD)("accepts %s", (_name, history) => {
    expect(checkLinearizable(registerModel, history)).toEqual({ verdict: "linearizable" });
    expect(
      naivelyLinearizable(
        registerModel,
        history.filter(({ input }) => input.key === "k"),
      ),
    ).toBe(true);
  });

  test.each(BAD)("finds %s", (_name, history) => {
    expect(checkLinearizable(registerModel, history).verdict).toBe("violation");
    expect(naivelyLinearizable(registerModel, history)).toBe(false);
  });

  test("a violation in one key is found among many good keys", () => {
    const good = Array.from({ length: 50 }, (_, n) => [
      put("a", [n, n + 1], "ok", `${n}`),
      get("a", [n + 2, n + 3], `${n}`),
    ]);
    const bad = [put("a", [0, 1], "ok", "bad"), get(null, [2, 3], "bad")];
    const found = checkLinearizable(registerModel, [...good.flat(), ...bad]);
    expect(found).toMatchObject({ verdict: "violation", partition: "bad", operations: bad, stuck: bad[1] });
  });
});

describe("a history that no client can have recorded is refused", () => {
  test.each([
    ["completed before it was invoked", { ...put("a", [5, 4]) }],
    ["without a time", { ...put("a", [Number.NaN, 4]) }],
    ["acknowledged at no time", { ...put("a", [0, Number.NaN]) }],
    ["a read that is ok and has no answer", { ...put("a", [0, 1]), input: { kind: "get", key: "k" } as const }],
  ])("%s", (_name, operation) => {
    expect(() => checkLinearizable(registerModel, [operation])).toThrow(TypeError);
  });
});
