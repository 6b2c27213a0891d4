import type { Model } from "./model.ts";
import { assertTimes, type Operation } from "./operation.ts";
import { PartitionSearch } from "./partition-search.ts";
import { timelineOf } from "./timeline.ts";
import { type Violation, violationOf } from "./violation.ts";

/** Steps of the model that one partition may cost when the caller names no bound: some ten seconds. */
export const STEPS_MAX = 20_000_000;

export interface CheckOptions {
  /** Steps of the model that one partition may cost; too few give `undecided`, never a wrong verdict. */
  readonly stepsMax?: number;
}

export type Verdict<I, O> =
  | { readonly verdict: "linearizable" }
  | Violation<I, O>
  /** Neither proved nor disproved within the bound. To be treated as a failure, or searched again with a higher bound. */
  | { readonly verdict: "undecided"; readonly reason: string };

/**
 * Says whether one sequence of the operations exists that agrees with the model, with every answer and with real time.
 * @param operations - in any order. Every operation of the clients has to be in it: one left out can turn a good history
 *   into a bad one.
 * @throws TypeError for an operation that no client can have recorded.
 */
export function checkLinearizable<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
  { stepsMax = STEPS_MAX }: CheckOptions = {},
): Verdict<I, O> {
  const undecided: string[] = [];
  for (const [partition, members] of partitionsOf(model, operations)) {
    const timeline = timelineOf(model, members);
    const budget = { stepsLeft: stepsMax };
    const found = new PartitionSearch(model, timeline, { budget }).run();
    if (found.verdict === "violation") {
      const { position, configuration } = found.stuck;
      const last = configuration.last?.operation;
      const stuck = timeline.events[position]!.entry.operation;
      return violationOf(model, { partition, members, stuck, last });
    }
    if (found.verdict === "undecided") undecided.push(`${JSON.stringify(partition)} with ${members.length} operations`);
  }
  if (undecided.length === 0) return { verdict: "linearizable" };
  return { verdict: "undecided", reason: `more than ${stepsMax} steps for partition ${undecided.join(", ")}` };
}

function partitionsOf<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
): Map<string, Operation<I, O>[]> {
  const partitions = new Map<string, Operation<I, O>[]>();
  for (const operation of operations) {
    assertTimes(operation);
    if (operation.outcome === "ok" && operation.output === undefined && model.readOnly?.(operation.input)) {
      throw new TypeError(`a read without an answer: ${JSON.stringify(operation)}`);
    }
    const name = model.partition?.(operation.input) ?? "";
    const members = partitions.get(name);
    if (members === undefined) partitions.set(name, [operation]);
    else members.push(operation);
  }
  return partitions;
}
