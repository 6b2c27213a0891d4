import { type Command, type Service, showService } from "@dister/types";
import {
  ChecksQuerySchema,
  InstanceNamesSchema,
  InstancesSchema,
  ModeChangesSchema,
  parseOrThrow,
  parseServices,
  ServiceNamesSchema,
  ServiceQuerySchema,
  ServiceReportsSchema,
  ServicesSchema,
  WaitQuerySchema,
} from "@dister/types/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Answer, ApiNode, Consistency, Reads } from "../api-node.ts";
import { prometheusTargets } from "./prometheus-targets.ts";
import { foundService, ok, protectionMark, withLogId } from "./reply.ts";
import { requestIdOf } from "./request-id.ts";

/** How long the connection of a request that is held may be idle on top of its wait. */
const HELD_IDLE_MS = 30_000;

type ServiceNode = Pick<ApiNode, "reads" | "writes" | "operations">;

/** `/service`: registration and listing of whole services. */
export function serviceRoutes(server: FastifyInstance, node: ServiceNode): void {
  const { reads, writes } = node;
  server.get("/service", async (request, reply) => {
    const { name, consistency, format } = parseOrThrow(ServiceQuerySchema, request.query, "query");
    if (format === "prometheus-sd") return targetsReply(reply, await targetedServices(reads, name, consistency));
    if (name === undefined || name === "") {
      const { value: services, marks } = withLogId(reply, await reads.services(consistency));
      const shown = Object.fromEntries(services.map((service) => [service.name, showService(service)]));
      return ok(shown, { ...marks, ...protectionMark(services) });
    }
    const answer = withLogId(reply, await reads.service(name, consistency));
    const service = foundService(name, answer);
    return ok(showService(service), { ...answer.marks, ...protectionMark([service]) });
  });

  const write = async (request: FastifyRequest, command: Command) => {
    const outcome = await writes.write(command, requestIdOf(request));
    return { logid: outcome.logId, changed: outcome.changed };
  };
  const register = async (request: FastifyRequest) =>
    ok(await write(request, { type: "serviceSet", services: parseServices(ServicesSchema, request.body) }));
  server.post("/service", register);
  server.put("/service", register);

  server.delete("/service", async (request) => {
    const names = parseOrThrow(ServiceNamesSchema, request.body, "body");
    return ok(await write(request, { type: "serviceDelete", names }));
  });

  instanceRoutes(server, node, write);
}

/** `/service/…`: single instances, and what is known of them. */
function instanceRoutes(
  server: FastifyInstance,
  { operations }: Pick<ServiceNode, "operations">,
  write: (request: FastifyRequest, command: Command) => Promise<{ logid: number; changed: number }>,
): void {
  const register = async (request: FastifyRequest) =>
    ok(await write(request, { type: "instanceSet", services: parseServices(InstancesSchema, request.body) }));
  server.post("/service/instance", register);
  server.put("/service/instance", register);

  server.delete("/service/instance", async (request) => {
    const names = parseOrThrow(InstanceNamesSchema, request.body, "body");
    const instances = names.map(({ name, id }) => ({ service: name, id }));
    return ok(await write(request, { type: "instanceDelete", instances }));
  });

  server.post("/service/mode", async (request) => {
    const { wait } = parseOrThrow(WaitQuerySchema, request.query, "query");
    const asked = parseOrThrow(ModeChangesSchema, request.body, "body");
    const changes = asked.map(({ name, ...change }) => ({ service: name, ...change }));
    const done = await write(request, { type: "instanceMode", changes });
    if (wait === 0) return ok(done);
    // Nothing moves on the connection meanwhile, for longer than it may be idle. The next request on it is as all others.
    request.raw.setTimeout(wait + HELD_IDLE_MS);
    return ok({ ...done, watchers: await operations.watchersTold(done.logid, wait) });
  });

  server.get("/service/checks", async (request) => {
    const { name } = parseOrThrow(ChecksQuerySchema, request.query, "query");
    const checks = await operations.checks(name);
    return ok(checks, checks.protected ? { protected: true } : {});
  });

  server.post("/service/report", async (request) => {
    const reports = parseOrThrow(ServiceReportsSchema, request.body, "body");
    await operations.report(reports);
    return ok({ taken: reports.length });
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
