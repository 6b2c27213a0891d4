import type { Configuration } from "./chunk-search.ts";
import type { Model } from "./model.ts";
import type { Operation } from "./operation.ts";
import { PartitionSearch } from "./partition-search.ts";
import { type Place, Shrinker } from "./shrink.ts";
import { timelineOf } from "./timeline.ts";

/** Steps for finding the longest prefix of the failing part without the help of evidence, which stops earlier. */
const PLAIN_STEPS_MAX = 200_000;
/** A larger part, which could not be shrunk, is not worth such a search. */
const PLAIN_OPERATIONS_MAX = 1_000;
/** Lines of a part that are printed; the failing part is mostly far smaller. */
const LINES_MAX = 60;

/** Proof that a history is not linearizable. */
export interface Violation<I, O> {
  readonly verdict: "violation";
  readonly partition: string;
  /** A small part of the history that is not linearizable by itself, by the time of invocation. */
  readonly operations: readonly Operation<I, O>[];
  /** The longest order that explains a beginning of this part. */
  readonly longestPrefix: readonly Operation<I, O>[];
  /** The operation that cannot be placed behind that prefix, or behind any other order. */
  readonly stuck: Operation<I, O>;
  /** For people: several lines. */
  readonly explain: () => string;
}

interface Finding<I, O> extends Place<I, O> {
  readonly partition: string;
  /** All operations of the partition. */
  readonly members: readonly Operation<I, O>[];
}

export function violationOf<S, I, O>(model: Model<S, I, O>, finding: Finding<I, O>): Violation<I, O> {
  const { partition, members } = finding;
  const possible = members.filter(({ outcome }) => outcome !== "refused");
  const operations = new Shrinker(model).shrink(possible, finding);
  const { stuck, configuration } = longestPrefixOf(model, operations) ?? { stuck: finding.stuck };
  const longestPrefix = orderOf(configuration);
  const state = configuration === undefined ? "unknown" : model.key(configuration.state);
  const explain = (): string => {
    const culprit = refusedCulprit(model, operations, members);
    const shown = operations.slice(-LINES_MAX);
    return [
      `Not linearizable: partition ${JSON.stringify(partition)}, shown by ${operations.length} of ${members.length} operations.`,
      ...shown.map((operation) => `${operation === stuck ? "> " : "  "}${lineOf(operation)}`),
      `The longest order that explains a beginning has ${longestPrefix.length} operations:`,
      ...longestPrefix.slice(-LINES_MAX).map((operation, position) => `  ${position + 1}. ${textOf(operation)}`),
      `It ends in the state ${state}. There, and in every other order, this cannot be placed in its time:`,
      `  ${lineOf(stuck)}`,
      ...(culprit === undefined
        ? []
        : ["It would fit if this refused operation had been done:", `  ${lineOf(culprit)}`]),
    ].join("\n");
  };
  return { verdict: "violation", partition, operations, longestPrefix, stuck, explain };
}

/**
 * Evidence from later reads lets a search stop at the write that should not have been; people look for the read that shows
 * it. So the part is searched again without evidence, and with it only when that takes too long.
 */
function longestPrefixOf<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
): { stuck: Operation<I, O>; configuration: Configuration<S, I, O> } | undefined {
  for (const useEvidence of operations.length > PLAIN_OPERATIONS_MAX ? [true] : [false, true]) {
    const timeline = timelineOf(model, operations, useEvidence);
    const search = new PartitionSearch(model, timeline, { budget: { stepsLeft: PLAIN_STEPS_MAX }, tracing: true });
    const found = search.run();
    if (found.verdict !== "violation") continue;
    const { position, configuration } = found.stuck;
    return { stuck: timeline.events[position]!.entry.operation, configuration };
  }
  return undefined;
}

function orderOf<S, I, O>(configuration: Configuration<S, I, O> | undefined): Operation<I, O>[] {
  const order: Operation<I, O>[] = [];
  for (let trail = configuration?.trail; trail !== undefined; trail = trail.before) order.push(trail.entry.operation);
  return order.reverse();
}

/** A refused operation that alone would explain the part: then it was most likely done all the same. */
function refusedCulprit<S, I, O>(
  model: Model<S, I, O>,
  operations: readonly Operation<I, O>[],
  members: readonly Operation<I, O>[],
): Operation<I, O> | undefined {
  const refused = members.filter(({ outcome }) => outcome === "refused");
  return refused.find((operation) => {
    const timeline = timelineOf(model, [...operations, { ...operation, outcome: "unknown" }]);
    const search = new PartitionSearch(model, timeline, { budget: { stepsLeft: PLAIN_STEPS_MAX } });
    return search.run().verdict === "linearizable";
  });
}

function lineOf(operation: Operation<unknown, unknown>): string {
  const { client, invokedAt, completedAt, outcome } = operation;
  const until = outcome === "unknown" ? "..." : completedAt;
  return `client ${client}  [${invokedAt}, ${until}]  ${textOf(operation)}`;
}

function textOf({ input, output, outcome }: Operation<unknown, unknown>): string {
  const answer = outcome === "ok" && output !== undefined ? ` -> ${JSON.stringify(output)}` : "";
  return `${JSON.stringify(input)}${answer}  ${outcome}`;
}
