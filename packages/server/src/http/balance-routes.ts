import type { Explanation } from "@dister/balance";
import { type BalanceExplanation, DisterError, redactNode } from "@dister/types";
import { BalanceQuerySchema, parseOrThrow } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiNode } from "../api-node.ts";
import type { Choice } from "../balance/choice.ts";
import { ServiceBalancers } from "../balance/service-balancers.ts";
import { ok, withLogId } from "./reply.ts";

/** `/balance`: healthy nodes of a service. Served from this node's own state: the answer is a hint, not a fact. */
export function balanceRoutes(server: FastifyInstance, { reads, rng, latencies }: BalanceNode): void {
  const balancers = new ServiceBalancers(rng);
  reads.onServiceRemoved((name) => balancers.forget(name));

  server.get("/balance", async (request, reply) => {
    const { name, policy, key, count, explain } = parseOrThrow(BalanceQuerySchema, request.query, "query");
    const { value: service, marks } = withLogId(reply, await reads.service(name, "local"));
    if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
    const measured = policy === "latency" ? await latencies.of(service) : undefined;
    const balancer = balancers.of(service, policy, measured);
    if (explain === "1") return ok(shown(balancer.explain(count, key)), marks);
    const chosen = count === undefined ? oneOf(balancer.pick(key)) : balancer.pickMany(count, key);
    if (chosen.length === 0) throw new DisterError("DISTER_ERR_NO_HEALTHY_NODE");
    const nodes = chosen.map(({ node }) => redactNode(node));
    return ok(count === undefined ? nodes[0] : nodes, marks);
  });
}

type BalanceNode = Pick<ApiNode, "reads" | "rng" | "latencies">;

function oneOf(choice: Choice | undefined): readonly Choice[] {
  return choice === undefined ? [] : [choice];
}

/** Addresses and figures only: a candidate's user and password are nobody's business here. */
function shown({ policy, chosen, candidates, totalWeight, draws }: Explanation<Choice>): BalanceExplanation {
  return {
    policy,
    chosen: chosen.map(({ node }) => redactNode(node)),
    candidates: candidates.map(({ candidate: { host, port }, weight, effectiveWeight, leftOut, chosen, says }) => ({
      host,
      port,
      weight,
      effectiveWeight,
      leftOut,
      chosen,
      says,
    })),
    totalWeight,
    draws,
  };
}
