import { describe, expect, test } from "vitest";
import { checkLinearizable, multiKeyModel } from "../src/index.ts";
import { type MultiKeyOperation, putAll, readAll } from "./history.ts";
import { naivelyLinearizable } from "./naive.ts";

const GOOD: readonly [name: string, history: MultiKeyOperation[]][] = [
  ["a whole write", [putAll({ x: "1", y: "1" }, [0, 1]), readAll({ x: "1", y: "1" }, [2, 3])]],
  ["nothing yet, told with null or without the key", [readAll({}, [0, 1]), readAll({ x: null, y: null }, [0, 1])]],
  [
    "writes of some keys that add up",
    [putAll({ x: "1" }, [0, 1]), putAll({ y: "2" }, [2, 3]), readAll({ x: "1", y: "2" }, [4, 5])],
  ],
  [
    "two concurrent whole writes in either order",
    [
      putAll({ x: "1", y: "1" }, [0, 9]),
      putAll({ x: "2", y: "2" }, [0, 9]),
      readAll({ x: "2", y: "2" }, [1, 2]),
      readAll({ x: "1", y: "1" }, [10, 11]),
    ],
  ],
  [
    "an unknown write of which one key shows, because the other was overwritten",
    [putAll({ x: "1", y: "1" }, [0, 1], "unknown"), putAll({ y: "2" }, [2, 3]), readAll({ x: "1", y: "2" }, [4, 5])],
  ],
  ["an unknown write that never shows", [putAll({ x: "1", y: "1" }, [0, 1], "unknown"), readAll({}, [2, 3])]],
  [
    "an unknown write that deletes",
    [putAll({ x: "1", y: "1" }, [0, 1]), putAll({ x: null }, [2, 3], "unknown"), readAll({ y: "1" }, [4, 5])],
  ],
];

const BAD: readonly [name: string, history: MultiKeyOperation[]][] = [
  ["half a write", [putAll({ x: "1", y: "1" }, [0, 1]), readAll({ x: "1", y: null }, [2, 3])]],
  [
    "a mixture of two writes",
    [putAll({ x: "1", y: "1" }, [0, 9]), putAll({ x: "2", y: "2" }, [0, 9]), readAll({ x: "1", y: "2" }, [10, 11])],
  ],
  ["half an unknown write", [putAll({ x: "1", y: "1" }, [0, 1], "unknown"), readAll({ x: "1" }, [2, 3])]],
  [
    "keys of two moments",
    [
      putAll({ x: "1" }, [0, 1]),
      putAll({ x: "2" }, [2, 3]),
      putAll({ y: "2" }, [4, 5]),
      readAll({ x: "1", y: "2" }, [6, 7]),
    ],
  ],
  ["a lost write of one key", [putAll({ x: "1" }, [0, 1]), putAll({ y: "1" }, [2, 3]), readAll({ y: "1" }, [4, 5])]],
  [
    "an unknown write that shows, is overwritten and shows again",
    [
      putAll({ x: "1", y: "1" }, [0, 1], "unknown"),
      readAll({ x: "1", y: "1" }, [2, 3]),
      putAll({ x: "2", y: "2" }, [4, 5]),
      readAll({ x: "1", y: "1" }, [6, 7]),
    ],
  ],
  ["a refused write", [putAll({ x: "1" }, [0, 1], "refused"), readAll({ x: "1" }, [2, 3])]],
  ["a key that nobody wrote", [putAll({ x: "1" }, [0, 1]), readAll({ x: "1", z: "1" }, [2, 3])]],
];

describe("several keys as one object", () => {
  test.each(GOOD)("accepts %s", (_name, history) => {
    expect(checkLinearizable(multiKeyModel, history)).toEqual({ verdict: "linearizable" });
    expect(naivelyLinearizable(multiKeyModel, history)).toBe(true);
  });

  test.each(BAD)("finds %s", (_name, history) => {
    expect(checkLinearizable(multiKeyModel, history).verdict).toBe("violation");
    expect(naivelyLinearizable(multiKeyModel, history)).toBe(false);
  });

  test("the keys of one set do not show in another", () => {
    const other = { ...readAll({}, [2, 3]), input: { kind: "read", set: "t" } as const };
    expect(checkLinearizable(multiKeyModel, [putAll({ x: "1" }, [0, 1]), other]).verdict).toBe("linearizable");
  });
});
