import type { Explanation } from "@dister/balance";
import {
  type BalanceExplanation,
  DisterError,
  type Service,
  type ServiceInstance,
  showInstance,
  stateOf,
} from "@dister/types";
import { BalanceQuerySchema, parseOrThrow } from "@dister/types/schemas";
import type { FastifyInstance } from "fastify";
import type { Answer, ApiNode } from "../api-node.ts";
import type { LatenciesMs } from "../balance/asked-latencies.ts";
import type { Choice } from "../balance/choice.ts";
import { ServiceBalancers } from "../balance/service-balancers.ts";
import { foundService, ok, protectionMark, withLogId } from "./reply.ts";

/** `/balance`: healthy nodes of a service. Served from this node's own state: the answer is a hint, not a fact. */
export function balanceRoutes(server: FastifyInstance, { reads, rng, clock, latencies }: BalanceNode): void {
  const balancers = new ServiceBalancers(rng, clock);
  reads.onServiceChanged((name, service) => balancers.changed(name, service));

  const read = async (name: string): Promise<Measured> => ({ answer: await reads.service(name, "local") });
  const measured = async (name: string): Promise<Measured> => {
    const { value: before } = await reads.service(name, "local");
    const latenciesMs = before === undefined ? undefined : await latencies.of(before);
    // A leader that hangs lets them wait, and who was taken out meanwhile must not be given any more.
    const answer = await reads.service(name, "local");
    // Positions mean nothing in another definition.
    return answer.value?.definedIndex === before?.definedIndex ? { answer, latenciesMs } : { answer };
  };

  server.get("/balance", async (request, reply) => {
    const { name, policy, key, count, tags, explain } = parseOrThrow(BalanceQuerySchema, request.query, "query");
    const { answer, latenciesMs } = await (policy === "latency" ? measured(name) : read(name));
    const service = foundService(name, withLogId(reply, answer));
    const balancer = balancers.of(service, { policy, tagOrder: tags, latenciesMs });
    const marks = { ...answer.marks, ...protectionMark([service]) };
    if (explain === "1") return ok(shown(balancer.explain(count, key)), marks);
    const chosen = count === undefined ? oneOf(balancer.pick(key)) : balancer.pickMany(count, key);
    if (chosen.length === 0) throw new DisterError("DISTER_ERR_NO_HEALTHY_NODE");
    const nodes = chosen.map(({ instance }) => showInstance(instance));
    return ok(count === undefined ? nodes[0] : nodes, marks);
  });
}

/** A service as it is now, and how long the checks of its instances take where that was asked for. */
interface Measured {
  readonly answer: Answer<Service | undefined>;
  readonly latenciesMs?: LatenciesMs | undefined;
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
  if (instance.kept && leftOut === null)
    return { leftOut, says: `${says}; critical, used on as its service is protected` };
  if (leftOut !== "dead") return { leftOut, says };
  const state = stateOf(instance);
  return { leftOut: state, says: `left out, ${state}` };
}
