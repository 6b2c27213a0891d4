import type { Model, Operation } from "../src/index.ts";

/**
 * The definition itself, without memory, cuts or evidence: some sequence of all acknowledged operations and of any of the
 * unknown ones keeps the order of real time and every answer. For a handful of operations only.
 */
export function naivelyLinearizable<S, I, O>(model: Model<S, I, O>, operations: readonly Operation<I, O>[]): boolean {
  return explains(
    model,
    model.init(),
    operations.filter(({ outcome }) => outcome !== "refused"),
  );
}

function explains<S, I, O>(model: Model<S, I, O>, state: S, rest: readonly Operation<I, O>[]): boolean {
  if (rest.every(({ outcome }) => outcome === "unknown")) return true;
  return rest.some((next) => {
    const isTooEarly = rest.some((other) => other.outcome === "ok" && other.completedAt < next.invokedAt);
    if (isTooEarly) return false;
    const after = model.step(state, next.input, next.outcome === "ok" ? next.output : undefined);
    if (after === null) return false;
    return explains(
      model,
      after,
      rest.filter((other) => other !== next),
    );
  });
}
