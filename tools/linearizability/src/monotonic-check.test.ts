import { describe, expect, test } from "vitest";
import { checkMonotonic, type PositionSeen } from "./monotonic-check.ts";

const seen = (position: number, [invokedAt, completedAt]: readonly [number, number], session = "s"): PositionSeen => ({
  session,
  invokedAt,
  completedAt,
  position,
});

describe("the positions of a session", () => {
  test("may stay and may grow", () => {
    expect(checkMonotonic([seen(5, [0, 1]), seen(5, [2, 3]), seen(9, [4, 5])])).toEqual([]);
  });

  test("must not go back, also not to a position between two earlier ones", () => {
    const found = checkMonotonic([seen(5, [0, 1]), seen(9, [2, 3]), seen(7, [4, 5])]);
    expect(found).toEqual([{ kind: "went-back", message: "session s was at 9 at 3 and then at 7, asked at 4" }]);
  });

  test("are not compared when the requests overlap or touch", () => {
    expect(checkMonotonic([seen(9, [0, 5]), seen(5, [4, 6])])).toEqual([]);
    expect(checkMonotonic([seen(9, [0, 5]), seen(5, [5, 6])])).toEqual([]);
  });

  test("are compared with all that had completed, in whatever order they are told", () => {
    const history = [seen(5, [20, 21]), seen(1, [3, 4]), seen(9, [0, 10])];
    expect(checkMonotonic(history).map(({ message }) => message)).toEqual([
      expect.stringContaining("9 at 10 and then at 5"),
    ]);
  });

  test("of another session do not matter", () => {
    expect(checkMonotonic([seen(9, [0, 1], "a"), seen(5, [2, 3], "b")])).toEqual([]);
  });
});
