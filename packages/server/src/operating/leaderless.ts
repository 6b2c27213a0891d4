import type { CoreStatus } from "@dister/raft";
import { type NodeId, voterIds } from "@dister/types";
import { reachOf } from "../cluster/reach.ts";

/** What a node without a leader waits for, in one sentence that names who is there and who is not. */
export function leaderlessReason(status: CoreStatus, isUp: (id: NodeId) => boolean): string {
  const { membership, suspect, id: self } = status;
  const voters = voterIds(membership);
  if (voters.length === 0) return "no leader: the cluster has not told this node its members yet";
  const names = new Map(membership.members.map(({ id, name }) => [id, name]));
  const listOf = (ids: readonly NodeId[]): string => ids.map((id) => names.get(id) ?? id).join(", ");
  const { reached, needed, isMajority } = reachOf(voters, (id) => id === self || isUp(id));
  const missing = voters.filter((id) => !reached.includes(id));
  const damaged = suspect ? "; the log of this node is damaged, so that it does not vote" : "";
  if (isMajority) {
    const here = missing.length === 0 ? `all ${voters.length}` : `${reached.length} of ${voters.length}`;
    return `no leader: ${here} voters are reachable, they are electing one${damaged}`;
  }
  const others = reached.filter((id) => id !== self);
  const alone = others.length === 0 ? "" : `, among them ${listOf(others)}`;
  return (
    `no leader: of ${voters.length} voters ${needed} are needed and ${reached.length} reachable from here` +
    `${alone}; not reached: ${listOf(missing)}${damaged}`
  );
}
