import { rankByKey } from "@dister/balance";
import type { NodeId } from "@dister/types";
import type { KnownInstance } from "./instances.ts";

/** Who may check. */
export interface ObserverPool {
  /** Servers of the cluster, in any order. */
  readonly members: readonly NodeId[];
  readonly leader: NodeId | null;
  /** How many of them check each instance; 1: the leader alone. */
  readonly observers: number;
}

/**
 * Who checks an instance: the leader, or so many members by rendezvous hashing, the same for every member that has the same
 * list. Applications report of themselves to the leader, so nobody else judges those of type `ttl`.
 */
export function observersOf({ key, type }: Pick<KnownInstance, "key" | "type">, pool: ObserverPool): NodeId[] {
  const { members, leader, observers } = pool;
  if (observers === 1 || type === "ttl") return leader === null ? [] : [leader];
  return rankByKey(key, members, (id) => id).slice(0, observers);
}
