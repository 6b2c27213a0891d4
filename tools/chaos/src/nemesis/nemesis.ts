import type { Chance } from "../chance.ts";
import type { Cluster } from "../cluster.ts";
import type { ClusterNode } from "../cluster-node.ts";

/** What a nemesis works with. */
export interface NemesisContext {
  readonly cluster: Cluster;
  readonly chance: Chance;
  /** The phase is over: undo at once. */
  readonly signal: AbortSignal;
  /** Something happened that must not: the run has failed. */
  readonly accuse: (violation: string) => void;
}

/**
 * One kind of trouble.
 *
 * Duties: 1. `act` makes trouble once and has undone it when it resolves, also when the signal comes. 2. It says what it
 * did in a word or two, or undefined when nothing could be done just now. 3. Several acts of several nemeses may be under
 * way at once; who starts or ends a process claims its node first.
 */
export interface Nemesis {
  readonly name: string;
  /** Why this machine cannot have it; undefined when it can. */
  unavailable(cluster: Cluster): string | undefined;
  act(context: NemesisContext): Promise<string | undefined>;
}

/** Which nodes an act is for. */
export type Target = "one" | "leader" | "minority" | "majority" | "all";

/** Draws nodes among those that are allowed. Without a leader, any one node stands in for it. */
export async function drawNodes(
  { cluster, chance }: NemesisContext,
  target: Target,
  allowed: (node: ClusterNode) => boolean,
): Promise<ClusterNode[]> {
  const nodes = cluster.nodes.filter(allowed);
  if (target === "leader") {
    const leader = await cluster.leader();
    if (leader !== undefined && allowed(leader)) return [leader];
  }
  const count = { one: 1, leader: 1, minority: cluster.minority, majority: cluster.minority + 1, all: cluster.size };
  return chance.some(nodes, Math.max(1, count[target]));
}
