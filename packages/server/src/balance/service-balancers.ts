import { type Balancer, createBalancer, type Policy } from "@dister/balance";
import type { Rng, Service } from "@dister/types";
import type { LatenciesMs } from "./check-latencies.ts";
import { type Choice, choicesOf } from "./choice.ts";

interface Kept {
  readonly balancer: Balancer<Choice>;
  /** What the balancer's list was made of. */
  modifyIndex: number;
  latenciesMs: LatenciesMs | undefined;
}

/** The balancers of this node: one for each service and policy that was asked for, so that turns go on. */
export class ServiceBalancers {
  readonly #rng: Rng;
  readonly #kept = new Map<string, Map<Policy, Kept>>();

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** The balancer for a service as it is now. @param latenciesMs - for policy `latency`; another list when they changed. */
  of(service: Service, policy: Policy, latenciesMs?: LatenciesMs): Balancer<Choice> {
    const ofService = this.#kept.get(service.name) ?? new Map<Policy, Kept>();
    this.#kept.set(service.name, ofService);
    const kept = ofService.get(policy) ?? {
      balancer: createBalancer<Choice>({ rng: this.#rng }, { policy, idOf: ({ id }) => id }),
      modifyIndex: -1,
      latenciesMs: undefined,
    };
    ofService.set(policy, kept);
    // Latencies change without the service.
    if (kept.latenciesMs !== latenciesMs || kept.modifyIndex !== service.modifyIndex) {
      kept.balancer.update(choicesOf(service, latenciesMs));
      kept.modifyIndex = service.modifyIndex;
      kept.latenciesMs = latenciesMs;
    }
    return kept.balancer;
  }

  /** The service is gone. */
  forget(name: string): void {
    this.#kept.delete(name);
  }
}
