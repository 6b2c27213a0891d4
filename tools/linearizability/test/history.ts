import type { MultiKeyInput, MultiKeyOutput, Operation, Outcome, RegisterInput, RegisterOutput } from "../src/index.ts";

export type RegisterOperation = Operation<RegisterInput, RegisterOutput>;
export type MultiKeyOperation = Operation<MultiKeyInput, MultiKeyOutput>;

/** When an operation was invoked and completed; one of unknown outcome has no end. */
type Span = readonly [from: number, to: number];

/**
 * Operations on the key `k` of one register, for histories written by hand: `put("a", [0, 1])` is acknowledged, and a third
 * argument gives another outcome. The client is of no matter to the checker and is always 1.
 */
export function put(value: string, span: Span, outcome: Outcome = "ok", key = "k"): RegisterOperation {
  return operationOf({ kind: "put", key, value }, span, outcome);
}

export function remove(span: Span, outcome: Outcome = "ok", key = "k"): RegisterOperation {
  return operationOf({ kind: "delete", key }, span, outcome);
}

export function get(output: RegisterOutput, span: Span, key = "k"): RegisterOperation {
  return { ...operationOf({ kind: "get", key }, span, "ok"), output };
}

export function putAll(values: Record<string, string | null>, span: Span, outcome: Outcome = "ok"): MultiKeyOperation {
  return operationOf({ kind: "put", set: "s", values }, span, outcome);
}

export function readAll(output: MultiKeyOutput, span: Span): MultiKeyOperation {
  return { ...operationOf({ kind: "read", set: "s" }, span, "ok"), output };
}

function operationOf<I>(input: I, [invokedAt, completedAt]: Span, outcome: Outcome) {
  return { client: 1, input, invokedAt, completedAt, outcome };
}
