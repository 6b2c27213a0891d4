import type { Operation } from "./operation.ts";

/** Time by which an operation of unknown outcome must have taken effect, or `unseen`: nobody can have seen its effect. */
export type Deadline = number | "unseen";

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
   * What the answers of one partition prove about its operations of unknown outcome. An operation that is not named may
   * take effect at any time or never. Must not change the verdict; keeps long histories with many unknowns cheap.
   * @param operations - one partition without the refused operations.
   */
  deadlines?(operations: readonly Operation<I, O>[]): ReadonlyMap<Operation<I, O>, Deadline>;
}
