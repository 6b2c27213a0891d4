import { choosePriority, SmoothRoundRobin } from "@dister/balance";
import { DisterError, redactNode, type Service, type ServiceNode, STATUS } from "@dister/types";
import { BalanceQuerySchema, parseOrThrow } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiNode } from "../api-node.ts";
import { ok, withLogId } from "./reply.ts";

interface Choice {
  readonly key: string;
  readonly weight: number;
  readonly alive: boolean;
  readonly node: ServiceNode;
}

function choicesOf(service: Service): Choice[] {
  return service.node.map((node, position) => ({
    key: String(position),
    weight: Number(node.priority),
    alive: node.status === STATUS.alive,
    node,
  }));
}

/** `/balance`: one healthy node of a service. Served from this node's own state: the answer is a hint, not a fact. */
export function balanceRoutes(server: FastifyInstance, { reads, rng }: Pick<ApiNode, "reads" | "rng">): void {
  const roundRobins = new Map<string, { modifyIndex: number; picker: SmoothRoundRobin<Choice> }>();
  reads.onServiceRemoved((name) => roundRobins.delete(name));

  const nextInTurn = (service: Service): Choice | undefined => {
    let turn = roundRobins.get(service.name);
    if (turn?.modifyIndex !== service.modifyIndex) {
      const picker = turn?.picker ?? new SmoothRoundRobin<Choice>({ keyOf: (choice) => choice.key });
      picker.update(choicesOf(service));
      turn = { modifyIndex: service.modifyIndex, picker };
      roundRobins.set(service.name, turn);
    }
    return turn.picker.pick();
  };

  server.get("/balance", async (request, reply) => {
    const { name, policy } = parseOrThrow(BalanceQuerySchema, request.query, "query");
    const { value: service, marks } = withLogId(reply, await reads.service(name, "local"));
    if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
    const chosen = policy === "priority" ? choosePriority(choicesOf(service), rng) : nextInTurn(service);
    if (chosen === undefined) throw new DisterError("DISTER_ERR_NO_HEALTHY_NODE");
    return ok(redactNode(chosen.node), marks);
  });
}
