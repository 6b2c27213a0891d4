import type { Clock, ClusterId, Logger, NodeId, NodeInfo } from "@dister/types";
import { addressOf } from "./peer-address.ts";
import type { Self } from "./self.ts";

/** Another cluster is forgotten when nobody of it was heard for this long: longer than between two hellos. */
const KEPT_MS = 30_000;

/** Another cluster of the same group that was met. */
export interface OtherCluster {
  readonly cluster: ClusterId;
  /** Its nodes that were heard. */
  readonly nodes: readonly {
    readonly id: NodeId;
    readonly name: string;
    readonly host: string;
    readonly raftPort: number;
  }[];
}

/**
 * Clusters of this node's group that are not its own. Nothing of them is taken over and nothing of this one is given: which
 * of them to keep only people know, so it is said.
 */
export class OtherClusters {
  readonly #self: Self;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #heard = new Map<NodeId, { readonly info: NodeInfo; readonly atMs: number }>();

  constructor(parts: { self: Self; clock: Clock; logger: Logger }) {
    this.#self = parts.self;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  /** Does a node belong to another cluster than this one? */
  isOther({ id, cluster }: Pick<NodeInfo, "id" | "cluster">): boolean {
    const own = this.#self.info().cluster;
    return own !== "" && cluster !== "" && cluster !== own && id !== this.#self.id;
  }

  /** Takes note of a node that belongs to another cluster of the group; false for any other node. */
  take(info: NodeInfo): boolean {
    if (!this.isOther(info)) {
      this.#heard.delete(info.id);
      return false;
    }
    const isNews = this.all.every(({ cluster }) => cluster !== info.cluster);
    this.#heard.set(info.id, { info, atMs: this.#clock.nowMs() });
    if (isNews) {
      const { id, name, cluster } = info;
      const { host, ports } = addressOf(info);
      this.#logger.error(
        "another cluster of this group was met; nothing is merged: keep one, and run `dister node reset` on the nodes of the other",
        { cluster, node: id, name, host, raftPort: ports.raft },
      );
    }
    return true;
  }

  get all(): OtherCluster[] {
    const oldestMs = this.#clock.nowMs() - KEPT_MS;
    const clusters = new Map<ClusterId, OtherCluster["nodes"][number][]>();
    for (const [id, { info, atMs }] of this.#heard) {
      if (atMs < oldestMs) {
        this.#heard.delete(id);
        continue;
      }
      const { host, ports } = addressOf(info);
      const nodes = clusters.get(info.cluster) ?? [];
      nodes.push({ id, name: info.name, host, raftPort: ports.raft });
      clusters.set(info.cluster, nodes);
    }
    return [...clusters].map(([cluster, nodes]) => ({ cluster, nodes }));
  }
}
