import type { Operation } from "./operation.ts";

/** What the answers of a history prove about one of its writes. Each part alone may be absent. */
export interface Evidence {
  /** The write had taken effect by then, whatever its outcome. */
  readonly latestAt?: number;
  /** After the write no other one takes effect before this time: a read that was invoked then still saw it. */
  readonly lastsUntil?: number;
  /**
   * Nobody saw the effect, and every other write covers it. So it may as well take effect immediately before any other
   * one, or, when the outcome is unknown, not at all.
   */
  readonly unseen?: boolean;
}

/** The sequential object that a history is compared with. All methods are pure; states are never changed in place. */
export interface Model<S, I, O> {
  init(): S;
  /**
   * The state after the operation, or null when the operation cannot give this output in this state.
   * @param output - undefined when nobody knows the output: any is possible.
   */
  step(state: S, input: I, output: O | undefined): S | null;
  /** Compact text that is equal exactly when two states are. */
  key(state: S): string;
  /** Operations of different partitions never influence each other: each partition is searched alone. */
  partition?(input: I): string;
  /** True for an operation that leaves every state as it is. Makes the search much cheaper. */
  readOnly?(input: I): boolean;
  /**
   * What the answers of one partition prove about its writes, for a model that can tell. Never changes a verdict; makes it
   * cheap to search long histories with unknown outcomes or many clients on one key.
   * @param operations - one partition without the refused operations.
   */
  evidence?(operations: readonly Operation<I, O>[]): ReadonlyMap<Operation<I, O>, Evidence>;
}
