import { rankByKey } from "@dister/balance";
import type { NodeId } from "@dister/types";
import type { KnownInstance } from "./instances.ts";

/** Who may check. */
export interface ObserverPool {
  /** Servers that vote in the cluster, in any order: one that is only joining does not know all services yet. */
  readonly members: readonly NodeId[];
  readonly leader: NodeId | null;
  /** How many of them check each instance; 1: the leader alone. */
  readonly observers: number;
}

type Judged = Pick<KnownInstance, "key" | "type">;

/** Whether an instance has observers of its own. Applications report of themselves to the leader: nobody else judges those. */
export function isRanked({ type }: Pick<Judged, "type">, { observers }: Pick<ObserverPool, "observers">): boolean {
  return observers > 1 && type !== "ttl";
}

/**
 * Who checks an instance: the leader, or so many members by rendezvous hashing, the same for every member that has the same
 * list, whoever leads.
 */
export function observersOf(judged: Judged, pool: ObserverPool): NodeId[] {
  const { members, leader, observers } = pool;
  if (!isRanked(judged, pool)) return leader === null ? [] : [leader];
  return rankByKey(judged.key, members, (id) => id).slice(0, observers);
}
