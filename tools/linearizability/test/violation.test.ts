import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkLinearizable,
  type Model,
  multiKeyModel,
  type Operation,
  registerModel,
  type Violation,
} from "../src/index.ts";
import { executedHistory, registerInput, registerOutput, withOneOutput } from "./generators.ts";
import { get, put, putAll, readAll, remove } from "./history.ts";

function violationOf<S, I, O>(model: Model<S, I, O>, history: readonly Operation<I, O>[]): Violation<I, O> {
  const found = checkLinearizable(model, history);
  if (found.verdict !== "violation") throw new Error(`expected a violation, got ${found.verdict}`);
  return found;
}

describe("a violation", () => {
  test("is a part of the history that is a violation by itself, and its prefix and stuck operation are in it", () => {
    const subject = { model: registerModel, input: registerInput, output: registerOutput };
    const executed = executedHistory(subject, { clients: 4, length: { maxLength: 60 } }, (state) => state ?? null);
    let found = 0;
    const property = fc.property(executed, fc.nat(), registerOutput, (good, choice, output) => {
      const history = withOneOutput(good, choice, output);
      if (checkLinearizable(registerModel, history).verdict !== "violation") return;
      found++;
      const { operations, longestPrefix, stuck } = violationOf(registerModel, history);
      expect(history).toEqual(expect.arrayContaining([...operations]));
      expect(checkLinearizable(registerModel, operations).verdict).toBe("violation");
      expect(operations).toEqual(expect.arrayContaining([...longestPrefix, stuck]));
      expect(longestPrefix).not.toContain(stuck);
    });
    fc.assert(property, { numRuns: 400 });
    expect(found).toBeGreaterThan(40);
  });

  test("keeps the write that a stale read saw, so that it is not taken for a value never written", () => {
    const needed = [put("a", [0, 1]), put("b", [10, 11]), get("a", [20, 21])];
    const noise = [get("a", [2, 3]), get("b", [12, 13]), put("z", [-5, -4]), remove([-3, -2]), put("y", [30, 31])];
    const found = violationOf(registerModel, [...noise, ...needed]);
    expect(found.operations).toEqual(needed);
    expect(found.longestPrefix).toEqual(needed.slice(0, 2));
    expect(found.stuck).toBe(needed[2]);
  });

  test("is as small when its three operations are hundreds of operations apart", () => {
    const needed = [put("a", [0, 1]), put("b", [5_000, 5_001]), get("a", [10_000, 10_001])];
    const readsOf = (value: string, from: number) =>
      Array.from({ length: 400 }, (_, n) => get(value, [from + 10 * n, from + 10 * n + 1]));
    const history = [needed[0]!, ...readsOf("a", 10), needed[1]!, ...readsOf("b", 5_010), needed[2]!];
    expect(violationOf(registerModel, history).operations).toEqual(needed);
  });

  test("of half a write shows the write that was halved", () => {
    const halved = putAll({ x: "1", y: "1" }, [0, 1]);
    const half = readAll({ x: "1" }, [2, 3]);
    const found = violationOf(multiKeyModel, [halved, half, putAll({ x: "2", y: "2" }, [4, 5])]);
    expect(found.operations).toEqual([halved, half]);
    expect(found.stuck).toBe(half);
  });

  test("explains itself: the part, the longest order, the state behind it and what does not fit", () => {
    const { explain } = violationOf(registerModel, [
      put("a", [0, 1]),
      put("b", [2, 3]),
      get("a", [4, 5]),
      get("a", [6, 7]),
    ]);
    expect(explain().split("\n")).toEqual([
      'Not linearizable: partition "k", shown by 3 of 4 operations.',
      '  client 1  [0, 1]  {"kind":"put","key":"k","value":"a"}  ok',
      '  client 1  [2, 3]  {"kind":"put","key":"k","value":"b"}  ok',
      expect.stringMatching(/^> client 1 {2}\[(4, 5|6, 7)\] {2}\{"kind":"get","key":"k"\} -> "a" {2}ok$/),
      "The longest order that explains a beginning has 2 operations:",
      '  1. {"kind":"put","key":"k","value":"a"}  ok',
      '  2. {"kind":"put","key":"k","value":"b"}  ok',
      "It ends in the state =b. There, and in every other order, this cannot be placed in its time:",
      expect.stringContaining('{"kind":"get","key":"k"} -> "a"  ok'),
    ]);
  });

  test("names the refused operation that was done all the same", () => {
    const history = [put("a", [0, 1]), put("x", [2, 3], "refused"), put("b", [2, 3], "refused"), get("b", [4, 5])];
    const lines = violationOf(registerModel, history).explain().split("\n");
    expect(lines.slice(-2)).toEqual([
      "It would fit if this refused operation had been done:",
      '  client 1  [2, 3]  {"kind":"put","key":"k","value":"b"}  refused',
    ]);
  });
});
