import type { NodeId } from "@dister/types";

/** How far some voters can be reached. */
export interface Reach {
  readonly reached: readonly NodeId[];
  /** So many are a majority of all of them. */
  readonly needed: number;
  /** Can those that are reached decide anything? */
  readonly isMajority: boolean;
}

/** @param isReached - true of this node itself as well. */
export function reachOf(voters: readonly NodeId[], isReached: (id: NodeId) => boolean): Reach {
  const reached = voters.filter(isReached);
  const needed = Math.floor(voters.length / 2) + 1;
  return { reached, needed, isMajority: reached.length >= needed };
}
