import type { ClusterId, NodeId, NodeInfo } from "@dister/types";
import type { FoundingProposal } from "./identity.ts";

/** What a founder says of itself when it is asked. */
export interface FounderState {
  readonly clusterId: ClusterId;
  /** Cluster id of the proposal that it has accepted, empty for none. */
  readonly accepted: ClusterId;
}

/** What a node without a cluster should do next. */
export type FoundingStep =
  | { readonly do: "wait"; readonly reason: string }
  | { readonly do: "join"; readonly cluster: ClusterId }
  | { readonly do: "propose"; readonly founders: readonly NodeId[] };

/**
 * Decides for a server that has accepted nothing yet. Only the lowest id proposes, so that normally one proposal is on its
 * way; that this is not certain is why a founder accepts only once and every founder must have accepted.
 */
export function decideFounding(parts: {
  self: NodeId;
  minNode: number;
  free: readonly NodeInfo[];
  formed: readonly NodeInfo[];
  searchedOnce: boolean;
}): FoundingStep {
  const clusters = new Set(parts.formed.map((info) => info.cluster));
  if (clusters.size > 1) {
    return {
      do: "wait",
      reason: `found ${clusters.size} clusters of this group: keep one, and run \`dister node reset\` on the nodes of the others`,
    };
  }
  const [cluster] = clusters;
  if (cluster !== undefined) return { do: "join", cluster };
  const founders = [parts.self, ...parts.free.map((info) => info.id)].sort();
  if (founders.length < parts.minNode) {
    const found = founders.length - 1;
    const reason = `found ${found} of the ${parts.minNode - 1} other servers that MinNode asks for: start the others, and name one that runs in Peers`;
    return { do: "wait", reason };
  }
  if (!parts.searchedOnce) return { do: "wait", reason: "looking for other servers once" };
  if (founders[0] !== parts.self) return { do: "wait", reason: `${founders[0]} proposes the cluster` };
  return { do: "propose", founders };
}

/** Has every founder accepted the proposal? A founder that belongs to the cluster already has seen that all did. */
export function isFounded(proposal: FoundingProposal, states: ReadonlyMap<NodeId, FounderState>): boolean {
  const founders = proposal.membership.members.map((member) => member.id);
  const formed = founders.some((id) => states.get(id)?.clusterId === proposal.clusterId);
  return formed || founders.every((id) => states.get(id)?.accepted === proposal.clusterId);
}

/** Who has still to accept the proposal, and what helps when one of them is gone for good: for people. */
export function missingFounders(proposal: FoundingProposal, states: ReadonlyMap<NodeId, FounderState>): string {
  const missing = proposal.membership.members.filter(({ id }) => states.get(id)?.accepted !== proposal.clusterId);
  const names = missing.map(({ id, name, address }) => `${name} (${id}, at ${address.host}:${address.ports.raft})`);
  return (
    `founder ${names.join(" and ")} to accept cluster ${proposal.clusterId}: start it again, or, if it is gone for good, ` +
    "run `dister node reset` on every founder that waits"
  );
}

/** Founders that can never accept the proposal, because they promised themselves to another. */
export function foundersLost(proposal: FoundingProposal, states: ReadonlyMap<NodeId, FounderState>): NodeId[] {
  return proposal.membership.members
    .map((member) => member.id)
    .filter((id) => {
      const state = states.get(id);
      if (state === undefined) return false;
      const elsewhere = state.clusterId !== "" && state.clusterId !== proposal.clusterId;
      return elsewhere || (state.accepted !== "" && state.accepted !== proposal.clusterId);
    });
}
