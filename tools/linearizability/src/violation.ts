import type { Furthest } from "./chunk-search.ts";
import type { Model } from "./model.ts";
import { endOf, type Operation } from "./operation.ts";
import type { Timeline } from "./timeline.ts";

/** Proof that a history is not linearizable. */
export interface Violation<I, O> {
  readonly verdict: "violation";
  readonly partition: string;
  /** A part of the history that is not linearizable by itself, by the time of invocation. */
  readonly operations: readonly Operation<I, O>[];
  /** The longest order that explains a prefix of this part. */
  readonly longestPrefix: readonly Operation<I, O>[];
  /** The operation that cannot be placed behind that prefix. */
  readonly stuck: Operation<I, O>;
  /** For people: several lines. */
  explain(): string;
}

interface Finding<S, I, O> {
  readonly partition: string;
  readonly members: readonly Operation<I, O>[];
  readonly timeline: Timeline<I, O>;
  readonly stuck: Furthest<S, I, O>;
}

export function violationOf<S, I, O>(model: Model<S, I, O>, finding: Finding<S, I, O>): Violation<I, O> {
  const { partition, members, timeline } = finding;
  const stuck = timeline.events[finding.stuck.position]!.entry.operation;
  const operations = members.filter((operation) => operation.invokedAt <= endOf(stuck));
  return {
    verdict: "violation",
    partition,
    operations,
    longestPrefix: [],
    stuck,
    explain: () => `${partition}: ${JSON.stringify(stuck)} ${model.key(finding.stuck.configuration.state)}`,
  };
}
