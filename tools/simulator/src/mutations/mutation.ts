/** A bug that is planted on purpose, in a build of the simulator alone, to see that it is found. */
export interface Mutation {
  readonly name: string;
  /** What is wrong, in a few words. */
  readonly bug: string;
  /** Path from the root of the repository. */
  readonly file: string;
  /** Text that stands in the file exactly once, and what stands there instead. */
  readonly find: string;
  readonly replace: string;
  /** Seeds, from 1 on, within which it must be found. */
  readonly seedsMax: number;
  /** Rules that are expected to find it, the usual one first. */
  readonly caughtBy: readonly string[];
}
