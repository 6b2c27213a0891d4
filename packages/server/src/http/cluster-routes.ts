import { DisterError, type ErrorCode } from "@dister/types";
import { parseOrThrow, TransferSchema } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import { JsonRpc } from "../cluster/json-rpc.ts";
import type { ServedNode } from "../served-node.ts";
import { ok } from "./reply.ts";

const CALL_MS = 2_000;

/** `/health`, `/metrics` and `/cluster/*`: operating the node and the cluster. */
export function clusterRoutes(server: FastifyInstance, node: ServedNode): void {
  const json = new JsonRpc(node.components.rpc);
  json.serve<{ to: string | null }, string>("cluster.transfer", (_from, { to }) =>
    node.transferLeadership(to ?? undefined),
  );

  // live: the process answers. Ready: it serves, and a load balancer may send requests here.
  server.get("/health/live", () => ok({ live: true }));
  server.get("/health", (_request, reply) => {
    const { notReady } = node;
    const leader = node.status?.leader ?? null;
    if (notReady !== undefined) reply.status(503);
    const data = { live: true, ready: notReady === undefined, leader, reason: notReady ?? null };
    return reply.send(
      notReady === undefined ? ok(data) : { result: 0, message: notReady, data, code: reasonCode(node) },
    );
  });

  server.get("/metrics", async (_request, reply) => {
    reply.header("content-type", node.metrics.registry.contentType);
    return node.metrics.registry.metrics();
  });

  server.get("/cluster/status", async () => {
    const { self, state, identity, transport } = node.components;
    const { status } = node;
    const up = (status?.membership.members ?? []).filter(({ id }) => id === self.id || transport.isUp(id));
    return ok({
      node: self.info(),
      cluster: identity.current.clusterId || null,
      waitingFor: node.notReady ?? null,
      raft: status === null ? null : { ...status, roleForMs: node.components.clock.nowMs() - status.roleSinceMs },
      up: up.map(({ id }) => id),
      appliedLogId: state.appliedLogId(),
      durableIndex: state.durable().index,
      keys: state.kvCount(),
      services: state.services().length,
    });
  });

  server.post("/cluster/transfer", async (request) => {
    const to = parseOrThrow(TransferSchema, request.body, "body")?.to ?? null;
    const { leader } = node.membered.raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    if (leader === node.components.self.id) return ok({ to: node.transferLeadership(to ?? undefined) });
    return ok({ to: await json.call<{ to: string | null }, string>(leader, "cluster.transfer", { to }, CALL_MS) });
  });
}

function reasonCode(node: ServedNode): ErrorCode {
  if (node.status === null) return "DISTER_ERR_NOT_FORMED";
  return node.status.leader === null ? "DISTER_ERR_NO_LEADER" : "DISTER_ERR_STOPPED";
}
