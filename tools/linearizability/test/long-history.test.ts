import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkLinearizable, registerModel } from "../src/index.ts";
import { bare, executedHistory, registerInput, registerOutput } from "./generators.ts";
import { get, put, type RegisterOperation, remove } from "./history.ts";
import { linearizableByZones } from "./zones.ts";

/** Every value is put once, nothing is deleted, everything is answered: what the other way to the verdict can judge. */
function simplified(history: readonly RegisterOperation[]): RegisterOperation[] {
  let state: string | null = null;
  return history.map((operation, position) => {
    const { input } = operation;
    if (input.kind === "get") return { ...operation, outcome: "ok", output: state };
    state = `${position}`;
    return { ...operation, outcome: "ok", input: { kind: "put", key: "k", value: state } };
  });
}

/** Some reads get the answer that another read of the history got. */
function withSwappedReads(history: readonly RegisterOperation[], choices: readonly number[]): RegisterOperation[] {
  const reads = history.filter(({ input }) => input.kind === "get");
  if (reads.length === 0) return [...history];
  let spoiled = [...history];
  for (const choice of choices) {
    const read = reads[choice % reads.length]!;
    const near = reads[(choice + 1 + (choice % 3)) % reads.length]!;
    spoiled = spoiled.map((operation) => (operation === read ? { ...read, output: near.output! } : operation));
  }
  return spoiled;
}

const executed = executedHistory(
  { model: registerModel, input: registerInput, output: registerOutput },
  { clients: 6, length: { minLength: 50, maxLength: 400, size: "max" }, fates: ["ok"] },
  (state) => state ?? null,
);

/** Puts one after the other, each read once. */
function calm(count: number): RegisterOperation[] {
  return Array.from({ length: count }, (_, n) => [
    put(`${n}`, [10 * n, 10 * n + 1]),
    get(`${n}`, [10 * n + 2, 10 * n + 3]),
  ]).flat();
}

describe("long histories", () => {
  test("get the verdict that the zones of their values give", () => {
    const seen = { linearizable: 0, violation: 0, undecided: 0 };
    const property = fc.property(executed, fc.array(fc.nat(), { maxLength: 2 }), (raw, choices) => {
      const history = withSwappedReads(simplified(raw), choices);
      const { verdict } = checkLinearizable(registerModel, history);
      seen[verdict]++;
      expect(verdict).toBe(linearizableByZones(history) ? "linearizable" : "violation");
    });
    fc.assert(property, { numRuns: 300 });
    expect(Math.min(seen.linearizable, seen.violation)).toBeGreaterThan(10);
  });

  test("a stale read behind thousands of good operations is found, with the two writes that prove it", () => {
    const history = [...calm(5_000), get("4990", [60_000, 60_001])];
    const found = checkLinearizable(registerModel, history);
    expect(found).toMatchObject({ verdict: "violation", stuck: history.at(-1) });
    expect(found).toMatchObject({
      operations: [{ input: { value: "4990" } }, { input: { kind: "put" } }, history.at(-1)],
    });
  });

  test("hundreds of writes of unknown outcome cost next to nothing, seen or not", () => {
    const unknown = Array.from({ length: 600 }, (_, n) => put(`late ${n}`, [10 * n + 4, 0], "unknown"));
    const seenLate = get("late 7", [60_000, 60_001]);
    const history = [...calm(5_000), ...unknown, seenLate];
    expect(checkLinearizable(registerModel, history, { stepsMax: 50_000 }).verdict).toBe("linearizable");
    const again = [put("x", [60_002, 60_003]), get("late 7", [60_004, 60_005])];
    expect(checkLinearizable(registerModel, [...history, ...again], { stepsMax: 50_000 }).verdict).toBe("violation");
  });

  test("hundreds of deletes of unknown outcome stay open, and one of them explains one missing key", () => {
    const deletes = Array.from({ length: 300 }, (_, n) => remove([10 * n + 4, 0], "unknown"));
    const history = [
      ...calm(500),
      ...deletes,
      get(null, [6_000, 6_001]),
      put("x", [6_002, 6_003]),
      get("x", [6_004, 6_005]),
    ];
    expect(checkLinearizable(registerModel, history, { stepsMax: 500_000 }).verdict).toBe("linearizable");
  });

  test("forty clients that all write and read one key at the same time", () => {
    const writes = Array.from({ length: 40 }, (_, n) => put(`${n}`, [0, 1_000]));
    const reads = Array.from({ length: 40 }, (_, n) => get(`${39 - n}`, [10 * n + 1, 10 * n + 2]));
    expect(checkLinearizable(registerModel, [...writes, ...reads]).verdict).toBe("linearizable");
    expect(checkLinearizable(registerModel, [...writes, ...reads, get("3", [900, 901])]).verdict).toBe("violation");
  });
});

describe("a search that is not done within its bound", () => {
  /** No evidence and no cheap reads: twenty writes in every order. */
  const model = bare(registerModel);
  const wide = [
    ...Array.from({ length: 20 }, (_, n) => put(`${n}`, [0, 100])),
    get("1", [101, 102]),
    get("2", [103, 104]),
  ];

  test("is undecided, never a pass, and says which partition it was", () => {
    const found = checkLinearizable(model, wide, { stepsMax: 10_000 });
    expect(found).toMatchObject({ verdict: "undecided", reason: expect.stringContaining("10000 steps") });
    expect(checkLinearizable(registerModel, [put("a", [0, 1])], { stepsMax: 0 }).verdict).toBe("undecided");
  });

  test("does not hide the violation of another partition", () => {
    const bad = [put("a", [0, 1], "ok", "other"), get(null, [2, 3], "other")];
    const found = checkLinearizable({ ...model, partition: ({ key }) => key }, [...wide, ...bad], { stepsMax: 10_000 });
    expect(found).toMatchObject({ verdict: "violation", partition: "other" });
  });
});
