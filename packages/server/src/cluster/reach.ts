import type { CoreStatus } from "@dister/raft";
import type { NodeId } from "@dister/types";

/** A voter that the leader counts on was heard within this; a connection outlives a cut network. */
export const HEARD_WITHIN_MS = 1_000;

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

/**
 * Whom a leader can count on for its next decision: itself, and who is connected, was heard lately and has a log that
 * counts. Asked before a vote is taken away, for without a majority left that would be the last change.
 */
export function answering(
  { id: self, progress }: Pick<CoreStatus, "id" | "progress">,
  isUp: (id: NodeId) => boolean,
): (id: NodeId) => boolean {
  const sound = progress.filter((peer) => peer.silentMs < HEARD_WITHIN_MS && !peer.suspect && !peer.lostData);
  const answer = new Set(sound.map(({ id }) => id).filter(isUp)).add(self);
  return (id) => answer.has(id);
}
