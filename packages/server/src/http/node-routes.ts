import { type Member, type NodeInfo, RAFT_ROLE, STATUS } from "@dister/types";
import { NamesSchema, parseOrThrow } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import { JsonRpc } from "../cluster/json-rpc.ts";
import { parsePeerAddress } from "../cluster/peer-address.ts";
import type { ServedNode } from "../served-node.ts";
import { ok } from "./reply.ts";

/** A member that does not answer within this is shown as it was last heard, and dead. */
const ASK_MS = 300;

/** A node as `GET /node` shows it: the original's fields, and whether it votes. */
type ShownNode = NodeInfo & { readonly voter: boolean };

/** `/node`: the members of the cluster. */
export function nodeRoutes(server: FastifyInstance, node: ServedNode): void {
  const { self, rpc, transport } = node.components;
  const json = new JsonRpc(rpc);

  const shown = async (member: Member): Promise<ShownNode> => {
    const { id, voter, name, role, address } = member;
    if (id === self.id) return { ...self.info(), ip: self.info().ip || address.host, voter };
    try {
      if (!transport.isUp(id)) throw new Error("not connected");
      const info = await json.call<null, NodeInfo>(id, "node.info", null, ASK_MS);
      return { ...info, ip: info.ip || address.host, voter };
    } catch {
      const heard = node.directory.get(id)?.info;
      const { group, clusterId } = node.components.identity.current;
      const { logid, serviceid, version } = heard ?? { logid: 0, serviceid: 0, version: "" };
      const fixed = { name, group, id, ip: address.host, role, ports: address.ports, cluster: clusterId };
      return { ...fixed, status: STATUS.dead, raft: RAFT_ROLE.follower, logid, serviceid, version, voter };
    }
  };

  server.get("/node", async () => {
    const members = node.status?.membership.members ?? [];
    if (members.length === 0) return ok([{ ...self.info(), voter: false }]);
    return ok(await Promise.all(members.map(shown)));
  });

  server.post("/node", async (request) => {
    const addresses = parseOrThrow(NamesSchema, request.body, "body");
    const parsed = addresses.map((address, position) => parsePeerAddress(address, String(position)));
    await Promise.all(parsed.map((address) => node.discovery.hello(address)));
    return ok(null);
  });

  server.delete("/node", async (request) => {
    const names = parseOrThrow(NamesSchema, request.body, "body");
    await node.membered.membership.remove(names);
    return ok(null);
  });
}
