import { NamesSchema, parseOrThrow } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiNode } from "../api-node.ts";
import { parsePeerAddress } from "../cluster/peer-address.ts";
import { ok } from "./reply.ts";

/** `/node`: the members of the cluster. */
export function nodeRoutes(server: FastifyInstance, { members }: Pick<ApiNode, "members">): void {
  server.get("/node", async () => ok(await members.list()));

  server.post("/node", async (request) => {
    const addresses = parseOrThrow(NamesSchema, request.body, "body");
    await members.add(addresses.map((address, position) => parsePeerAddress(address, String(position))));
    return ok(null);
  });

  server.delete("/node", async (request) => {
    await members.remove(parseOrThrow(NamesSchema, request.body, "body"));
    return ok(null);
  });
}
