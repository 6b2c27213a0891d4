import type { CoreStatus } from "@dister/raft";
import type { NodeId, NodeInfo } from "@dister/types";
import { hasCaughtUp } from "./caught-up.ts";

/** What is needed of Raft's view. */
type RaftView = Pick<CoreStatus, "id" | "membership" | "progress" | "lastIndex">;

/**
 * Chooses who leads after this node. In a rolling restart the leader hands over once and its successor once more at the
 * most, when each chooses the voter that was started last: that one has its restart behind it.
 */
export class Successor {
  /** In the order in which their present processes were first heard. */
  readonly #boots = new Map<NodeId, string>();

  /** A node said who it is. */
  heard({ id, boot }: Pick<NodeInfo, "id" | "boot">): void {
    if (this.#boots.get(id) === boot) return;
    this.#boots.delete(id);
    this.#boots.set(id, boot);
  }

  /** The voter to hand over to; undefined to leave it to Raft, which takes the one that has the most. */
  of({ id: self, membership, progress, lastIndex }: RaftView, isUp: (peer: NodeId) => boolean): NodeId | undefined {
    const fit = progress.filter((peer) => {
      const { id } = peer;
      const isVoter = membership.members.some((member) => member.id === id && member.voter && id !== self);
      // What it still has to get would delay the hand-over.
      return isVoter && isUp(id) && hasCaughtUp(peer, lastIndex);
    });
    return [...this.#boots.keys()].reverse().find((id) => fit.some((peer) => peer.id === id));
  }
}
