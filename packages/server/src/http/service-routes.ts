import { DisterError, redactNode, type Service } from "@dister/types";
import {
  parseOrThrow,
  ServiceNamesSchema,
  ServiceQuerySchema,
  ServiceReportsSchema,
  ServicesSchema,
} from "@dister/types/schemas";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ApiNode } from "../api-node.ts";
import { ok, withLogId } from "./reply.ts";
import { requestIdOf } from "./request-id.ts";

/** A service as replies show it: the form of the original, secrets taken out. */
export function shownService({ name, type, node }: Service): { name: string; type: string; node: object[] } {
  return { name, type, node: node.map(redactNode) };
}

/** `/service`: registration and listing. */
export function serviceRoutes(
  server: FastifyInstance,
  { reads, writes, operations }: Pick<ApiNode, "reads" | "writes" | "operations">,
): void {
  server.get("/service", async (request, reply) => {
    const { name, consistency } = parseOrThrow(ServiceQuerySchema, request.query, "query");
    if (name === undefined || name === "") {
      const { value: services, marks } = withLogId(reply, await reads.services(consistency));
      return ok(Object.fromEntries(services.map((service) => [service.name, shownService(service)])), marks);
    }
    const { value: service, marks } = withLogId(reply, await reads.service(name, consistency));
    if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
    return ok(shownService(service), marks);
  });

  const register = async (request: FastifyRequest) => {
    const services = parseOrThrow(ServicesSchema, request.body, "body");
    const outcome = await writes.write({ type: "serviceSet", services }, requestIdOf(request));
    return ok({ logid: outcome.logId, changed: outcome.changed });
  };
  server.post("/service", register);
  server.put("/service", register);

  server.post("/service/report", async (request) => {
    const reports = parseOrThrow(ServiceReportsSchema, request.body, "body");
    await operations.report(reports);
    return ok({ taken: reports.length });
  });

  server.delete("/service", async (request) => {
    const names = parseOrThrow(ServiceNamesSchema, request.body, "body");
    const outcome = await writes.write({ type: "serviceDelete", names }, requestIdOf(request));
    return ok({ logid: outcome.logId, changed: outcome.changed });
  });
}
