import type { CoreStatus, RaftNode } from "@dister/raft";
import type { CommandOutcome, Logger, NodeId } from "@dister/types";
import { type RoleFacts, roleChanges, stayingVoters } from "./role-change.ts";

/** What is needed of Raft's view. */
type RaftView = Pick<CoreStatus, "membership" | "progress" | "transferring">;

/**
 * What a leader does about roles beside changing the membership: it hands over when it is to be a monitor itself, and says
 * whose vote cannot be taken away yet, once each time.
 */
export class RoleKeeper {
  readonly #raft: Pick<RaftNode<CommandOutcome>, "transferLeadership">;
  readonly #logger: Logger;
  #told: ReadonlySet<NodeId> = new Set();

  constructor(parts: { raft: Pick<RaftNode<CommandOutcome>, "transferLeadership">; logger: Logger }) {
    this.#raft = parts.raft;
    this.#logger = parts.logger;
  }

  /** @returns true when leadership is on its way to another: nothing else is begun then. */
  keep(status: RaftView, facts: RoleFacts): boolean {
    const { held, leaderLeaves } = roleChanges(status.membership, facts);
    const successor = leaderLeaves ? successorOf(status, facts) : undefined;
    const stuck = new Set(held.map(({ id }) => id));
    if (leaderLeaves && successor === undefined) stuck.add(facts.self.id);
    for (const node of stuck) {
      if (this.#told.has(node)) continue;
      this.#logger.warn("a member is to be a monitor, but keeps its vote: the servers left could decide nothing", {
        node,
      });
    }
    this.#told = stuck;
    if (successor === undefined) return false;
    if (status.transferring) return true;
    this.#logger.info("this node is to be a monitor and hands leadership over", { to: successor });
    this.#raft.transferLeadership(successor);
    return true;
  }
}

/** Of those that may lead, the one that has the most of the log. */
function successorOf({ membership, progress }: RaftView, facts: RoleFacts): NodeId | undefined {
  const matchOf = (id: NodeId): number => progress.find((peer) => peer.id === id)?.match ?? 0;
  return stayingVoters(membership, facts).sort((a, b) => matchOf(b) - matchOf(a))[0];
}
