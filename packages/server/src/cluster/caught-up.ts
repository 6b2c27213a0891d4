import type { CoreStatus } from "@dister/raft";

/** A peer that lacks no more than this has caught up: a vote or leadership for it holds nobody up. */
const LAG_ENTRIES_MAX = 64;

export function hasCaughtUp(
  { match, state }: Pick<CoreStatus["progress"][number], "match" | "state">,
  lastIndex: number,
): boolean {
  return state === "replicate" && match + LAG_ENTRIES_MAX >= lastIndex;
}
