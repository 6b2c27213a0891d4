import { DisterError, redactNode, type Service } from "@dister/types";
import { parseOrThrow, ServiceNamesSchema, ServiceQuerySchema, ServicesSchema } from "@dister/types/schemas";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ServedNode } from "../served-node.ts";
import { readyToRead } from "./consistency.ts";
import { ok } from "./reply.ts";
import { requestIdOf } from "./request-id.ts";

/** A service as replies show it: the form of the original, secrets taken out. */
export function shownService({ name, type, node }: Service): { name: string; type: string; node: object[] } {
  return { name, type, node: node.map(redactNode) };
}

/** `/service`: registration and listing. */
export function serviceRoutes(server: FastifyInstance, node: ServedNode): void {
  const { state } = node.components;

  server.get("/service", async (request, reply) => {
    const { name, consistency } = parseOrThrow(ServiceQuerySchema, request.query, "query");
    await readyToRead(node, reply, consistency);
    if (name === undefined || name === "") {
      return ok(Object.fromEntries(state.services().map((service) => [service.name, shownService(service)])));
    }
    const service = state.service(name);
    if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
    return ok(shownService(service));
  });

  const register = async (request: FastifyRequest) => {
    const services = parseOrThrow(ServicesSchema, request.body, "body");
    const outcome = await node.membered.gateway.write({ type: "serviceSet", services }, requestIdOf(request));
    return ok({ logid: outcome.logId, changed: outcome.changed });
  };
  server.post("/service", register);
  server.put("/service", register);

  server.delete("/service", async (request) => {
    const names = parseOrThrow(ServiceNamesSchema, request.body, "body");
    const outcome = await node.membered.gateway.write({ type: "serviceDelete", names }, requestIdOf(request));
    return ok({ logid: outcome.logId, changed: outcome.changed });
  });
}
