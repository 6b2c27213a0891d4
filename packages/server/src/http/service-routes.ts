import { DisterError, redactNode, type Service } from "@dister/types";
import {
  parseOrThrow,
  ServiceNamesSchema,
  ServiceQuerySchema,
  ServiceReportsSchema,
  ServicesSchema,
} from "@dister/types/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Answer, ApiNode, Consistency, Reads } from "../api-node.ts";
import { prometheusTargets } from "./prometheus-targets.ts";
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
    const { name, consistency, format } = parseOrThrow(ServiceQuerySchema, request.query, "query");
    if (format === "prometheus-sd") return targetsReply(reply, await targetedServices(reads, name, consistency));
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

/** A service that is not there has no targets, which is no error: Prometheus may be told of it before it is registered. */
async function targetedServices(
  reads: Reads,
  name: string | undefined,
  consistency: Consistency,
): Promise<Answer<readonly Service[]>> {
  if (name === undefined || name === "") return reads.services(consistency);
  const { value: service, logId } = await reads.service(name, consistency);
  return { value: service === undefined ? [] : [service], logId };
}

/** Without the envelope of other replies: Prometheus reads a bare list. */
function targetsReply(reply: FastifyReply, answer: Answer<readonly Service[]>): FastifyReply {
  const { value: services } = withLogId(reply, answer);
  return reply.type("application/json").send(JSON.stringify(prometheusTargets(services)));
}
