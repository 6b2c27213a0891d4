import { DisterError } from "@dister/types";
import type { Members, ShownNode } from "./api-node.ts";
import { JsonRpc } from "./cluster/json-rpc.ts";
import type { HelloAddress } from "./cluster/peer-address.ts";
import { membersReport } from "./operating/members-report.ts";
import type { ServedNode } from "./served-node.ts";

/** The members of the cluster as one of them sees and changes them. */
export class MemberList implements Members {
  readonly #node: ServedNode;
  readonly #json: JsonRpc;

  constructor(node: ServedNode) {
    this.#node = node;
    this.#json = new JsonRpc(node.components.rpc);
  }

  list(): Promise<readonly ShownNode[]> {
    return membersReport(this.#node, this.#json);
  }

  async add(addresses: readonly HelloAddress[]): Promise<void> {
    const { otherClusters, discovery, components } = this.#node;
    for (const info of await Promise.all(addresses.map((address) => discovery.hello(address)))) {
      if (!otherClusters.isOther(info)) continue;
      const { clusterId } = components.identity.current;
      const reason =
        `${info.name} (${info.id}) belongs to cluster ${info.cluster} of this group, this node to ${clusterId}: ` +
        "run `dister node reset` there first";
      throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason });
    }
  }

  remove(names: readonly string[]): Promise<void> {
    return this.#node.membered.membership.remove(names);
  }
}
