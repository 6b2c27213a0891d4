import type { FoundingProposal } from "@dister/server";
import type { NodeId } from "@dister/types";
import type { FoundingNode } from "./founding-node.ts";

/** What a wait has to say: what is missing, and what a person can do about it. */
const WAY_OUT = /start the others, and name one that runs in Peers|start it again, or, if it is gone|dister node reset/;

/** What must hold of founding, whatever happens; looked at after every step. */
export class FoundingRules {
  readonly #nodes: readonly FoundingNode[];
  /** Proposals that were ever accepted, by cluster. */
  readonly #proposals = new Map<string, FoundingProposal>();
  readonly #accepted = new Map<NodeId, string>();
  readonly #belongsTo = new Map<NodeId, string>();
  readonly #founded = new Map<string, readonly NodeId[]>();

  constructor(nodes: readonly FoundingNode[]) {
    this.#nodes = nodes;
  }

  /** Clusters that exist, with their founders. */
  get founded(): ReadonlyMap<string, readonly NodeId[]> {
    return this.#founded;
  }

  /** @throws Error naming the rule that is broken. */
  step(): void {
    for (const { life } of this.#nodes) {
      if (life === null) continue;
      const { nodeId, accepted, clusterId } = life.identity.current;
      if (accepted !== null) this.#proposals.set(accepted.clusterId, accepted);
      this.#keeps("accepted", this.#accepted, nodeId, accepted?.clusterId ?? "");
      this.#keeps("belongs to", this.#belongsTo, nodeId, clusterId);
      if (clusterId !== "" && !this.#founded.has(clusterId)) this.#found(clusterId);
    }
  }

  /** What a node has promised or become is so for ever, over crashes too. */
  #keeps(what: string, known: Map<NodeId, string>, node: NodeId, value: string): void {
    const before = known.get(node) ?? "";
    if (before !== "" && value !== before)
      throw new Error(`${node} ${what} ${value || "nothing"}, and ${before} before`);
    known.set(node, value);
  }

  /** A cluster exists once all of its founders have accepted it, so no node is a founder of two. */
  #found(cluster: string): void {
    const founders = this.#proposals.get(cluster)?.membership.members.map(({ id }) => id);
    if (founders === undefined) throw new Error(`cluster ${cluster} exists and nobody proposed it`);
    const without = founders.filter((id) => this.#accepted.get(id) !== cluster);
    if (without.length > 0) throw new Error(`cluster ${cluster} exists; ${without.join(", ")} did not accept it`);
    for (const [other, theirs] of this.#founded) {
      const shared = founders.filter((id) => theirs.includes(id));
      if (shared.length > 0) throw new Error(`${shared.join(", ")} founded both ${cluster} and ${other}`);
    }
    this.#founded.set(cluster, founders);
  }

  /** When everything is calm: who belongs to no cluster says what it waits for and what helps. */
  atTheEnd(): void {
    for (const { number, life } of this.#nodes) {
      if (life === null || life.identity.current.clusterId !== "") continue;
      if (!WAY_OUT.test(life.waitingFor)) throw new Error(`n${number} waits without a way out: ${life.waitingFor}`);
    }
  }
}
