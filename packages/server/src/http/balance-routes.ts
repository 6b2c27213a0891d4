import type { Explanation } from "@dister/balance";
import { type BalanceExplanation, DisterError, type ServiceInstance, showInstance, stateOf } from "@dister/types";
import { BalanceQuerySchema, parseOrThrow } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiNode } from "../api-node.ts";
import type { Choice } from "../balance/choice.ts";
import { ServiceBalancers } from "../balance/service-balancers.ts";
import { ok, protectionMark, withLogId } from "./reply.ts";

/** `/balance`: healthy nodes of a service. Served from this node's own state: the answer is a hint, not a fact. */
export function balanceRoutes(server: FastifyInstance, { reads, rng, clock, latencies }: BalanceNode): void {
  const balancers = new ServiceBalancers(rng, clock);
  reads.onServiceRemoved((name) => balancers.forget(name));

  server.get("/balance", async (request, reply) => {
    const { name, policy, key, count, tags, explain } = parseOrThrow(BalanceQuerySchema, request.query, "query");
    const { value: service, marks: source } = withLogId(reply, await reads.service(name, "local"));
    if (service === undefined) throw new DisterError("DISTER_ERR_SERVICE_NOT_FOUND", { name });
    const measured = policy === "latency" ? await latencies.of(service) : undefined;
    const balancer = balancers.of(service, { policy, tagOrder: tags, latenciesMs: measured });
    const marks = { ...source, ...protectionMark([service]) };
    if (explain === "1") return ok(shown(balancer.explain(count, key)), marks);
    const chosen = count === undefined ? oneOf(balancer.pick(key)) : balancer.pickMany(count, key);
    if (chosen.length === 0) throw new DisterError("DISTER_ERR_NO_HEALTHY_NODE");
    const nodes = chosen.map(({ instance }) => showInstance(instance));
    return ok(count === undefined ? nodes[0] : nodes, marks);
  });
}

type BalanceNode = Pick<ApiNode, "reads" | "rng" | "clock" | "latencies">;

function oneOf(choice: Choice | undefined): readonly Choice[] {
  return choice === undefined ? [] : [choice];
}

/** Addresses and figures only: a candidate's user and password are nobody's business here. */
function shown({ policy, chosen, candidates, totalWeight, draws }: Explanation<Choice>): BalanceExplanation {
  return {
    policy,
    chosen: chosen.map(({ instance }) => showInstance(instance)),
    candidates: candidates.map(({ candidate, weight, effectiveWeight, leftOut, chosen, says }) => {
      const { id, host, port, instance } = candidate;
      const told = inStates({ leftOut, says }, instance);
      return { id, host, port, weight, effectiveWeight, leftOut: told.leftOut, chosen, says: told.says };
    }),
    totalWeight,
    draws,
  };
}

/** The balancer knows the living and the dead; people know states, and that one may be used on though it is critical. */
function inStates(
  { leftOut, says }: { leftOut: string | null; says: string },
  instance: ServiceInstance,
): { leftOut: string | null; says: string } {
  if (instance.kept) return { leftOut, says: `${says}; critical, used on as its service is protected` };
  if (leftOut !== "dead") return { leftOut, says };
  const state = stateOf(instance);
  return { leftOut: state, says: `left out, ${state}` };
}
