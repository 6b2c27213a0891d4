import type { NodeId } from "@dister/types";

/** How many of `voters` configured voters are a majority: floor(n/2)+1, never counted over the reachable ones. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The highest index that a majority of the voters has (Raft §5.3, §5.4): with no voters nothing is ever committed.
 * @param match - index known to be durable on a node, 0 when nothing is known.
 */
export function committedIndex(voters: readonly NodeId[], match: (voter: NodeId) => number): number {
  if (voters.length === 0) return 0;
  const sorted = voters.map(match).sort((a, b) => b - a);
  return sorted[majorityOf(voters.length) - 1]!;
}

export type VoteResult = "won" | "lost" | "pending";

/** What the votes so far amount to. Votes of nodes that are not voters do not count. */
export function voteResult(voters: readonly NodeId[], votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const needed = majorityOf(voters.length);
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted++;
    if (vote === false) refused++;
  }
  if (voters.length > 0 && granted >= needed) return "won";
  return voters.length - refused < needed ? "lost" : "pending";
}
