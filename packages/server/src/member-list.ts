import { DisterError, type Member, type NodeInfo, RAFT_ROLE, STATUS, stateVersionOf } from "@dister/types";
import type { Members, ShownNode } from "./api-node.ts";
import { JsonRpc } from "./cluster/json-rpc.ts";
import type { HelloAddress } from "./cluster/peer-address.ts";
import type { ServedNode } from "./served-node.ts";

/** A member that does not answer within this is shown as it was last heard, and dead. */
const ASK_MS = 300;

/** The members of the cluster as one of them sees and changes them. */
export class MemberList implements Members {
  readonly #node: ServedNode;
  readonly #json: JsonRpc;

  constructor(node: ServedNode) {
    this.#node = node;
    this.#json = new JsonRpc(node.components.rpc);
  }

  async list(): Promise<readonly ShownNode[]> {
    const members = this.#node.status?.membership.members ?? [];
    if (members.length === 0) return [{ ...this.#node.components.self.info(), voter: false }];
    return Promise.all(members.map((member) => this.#shown(member)));
  }

  async add(addresses: readonly HelloAddress[]): Promise<void> {
    const { clusterId } = this.#node.components.identity.current;
    for (const info of await Promise.all(addresses.map((address) => this.#node.discovery.hello(address)))) {
      if (clusterId === "" || info.cluster === "" || info.cluster === clusterId) continue;
      const reason =
        `${info.name} (${info.id}) belongs to cluster ${info.cluster} of this group, this node to ${clusterId}: ` +
        "run `dister node reset` there first";
      throw new DisterError("DISTER_ERR_MEMBERSHIP", { reason });
    }
  }

  remove(names: readonly string[]): Promise<void> {
    return this.#node.membered.membership.remove(names);
  }

  async #shown(member: Member): Promise<ShownNode> {
    const { self, transport, identity } = this.#node.components;
    const { id, voter, name, role, address } = member;
    if (id === self.id) return { ...self.info(), ip: self.info().ip || address.host, voter };
    try {
      if (!transport.isUp(id)) throw new Error("not connected");
      const info = await this.#json.call<null, NodeInfo>(id, "node.info", null, ASK_MS);
      return { ...info, ip: info.ip || address.host, voter };
    } catch {
      const heard = this.#node.directory.get(id)?.info;
      const { group, clusterId } = identity.current;
      const { logid, serviceid, version, boot } = heard ?? { logid: 0, serviceid: 0, version: "", boot: "" };
      const software = { version, stateVersion: stateVersionOf(member), boot };
      const fixed = { name, group, id, ip: address.host, role, ports: address.ports, cluster: clusterId };
      return { ...fixed, status: STATUS.dead, raft: RAFT_ROLE.follower, logid, serviceid, ...software, voter };
    }
  }
}
