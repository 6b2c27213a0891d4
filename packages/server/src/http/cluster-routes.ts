import { parseOrThrow, TransferSchema } from "@dister/types/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiNode } from "../api-node.ts";
import { ok } from "./reply.ts";

/** `/health`, `/metrics` and `/cluster/*`: operating the node and the cluster. */
export function clusterRoutes(server: FastifyInstance, node: Pick<ApiNode, "operations" | "metrics">): void {
  const { operations, metrics } = node;

  // live: the process answers. Ready: it serves, and a load balancer may send requests here. Both look at what is in
  // memory and ask nobody, so that they are never slow.
  const ready = (_request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { leader, reason, code } = operations.health();
    const data = { live: true, ready: reason === null, leader, reason };
    if (reason === null) return reply.send(ok(data));
    return reply.status(503).send({ result: 0, message: reason, data, code });
  };
  server.get("/health/live", () => ok({ live: true }));
  server.get("/health/ready", ready);
  server.get("/health", ready);

  server.get("/metrics", async (_request, reply) => {
    reply.header("content-type", metrics.registry.contentType);
    return metrics.registry.metrics();
  });

  server.get("/cluster/status", async () => ok(await operations.status()));

  server.post("/cluster/transfer", async (request) => {
    const to = parseOrThrow(TransferSchema, request.body, "body")?.to ?? null;
    return ok({ to: await operations.transfer(to) });
  });
}
