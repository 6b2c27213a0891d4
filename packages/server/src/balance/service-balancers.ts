import { type Balancer, createBalancer, type Policy } from "@dister/balance";
import type { Clock, Rng, Service } from "@dister/types";
import type { LatenciesMs } from "./asked-latencies.ts";
import { type Choice, choicesOf } from "./choice.ts";
import { Recoveries } from "./recoveries.ts";

interface Kept {
  readonly balancer: Balancer<Choice>;
  /** What the balancer was made for. */
  readonly slowstart: string | undefined;
  /** What the balancer's list was made of. */
  modifyIndex: number;
  latenciesMs: LatenciesMs | undefined;
}

/** How one of a service is to be chosen. */
export interface Wish {
  readonly policy: Policy;
  /** For policy `first`: the foremost tag first. */
  readonly tagOrder?: readonly string[] | undefined;
  /** For policy `latency`; another list when they changed. */
  readonly latenciesMs?: LatenciesMs | undefined;
}

/** The balancers of this node: one for each service and policy that was asked for, so that turns go on. */
export class ServiceBalancers {
  readonly #rng: Rng;
  readonly #clock: Pick<Clock, "nowMs" | "wallMs">;
  readonly #recoveries: Recoveries;
  readonly #kept = new Map<string, Map<Policy, Kept>>();

  constructor(rng: Rng, clock: Pick<Clock, "nowMs" | "wallMs">) {
    this.#rng = rng;
    this.#clock = clock;
    this.#recoveries = new Recoveries(clock);
  }

  /** The balancer for a service as it is now. */
  of(service: Service, wish: Wish): Balancer<Choice> {
    const { tagOrder, latenciesMs } = wish;
    // One that knows no turns need not be kept, and there are as many orders as anybody can think of.
    if (tagOrder !== undefined) return this.#make(service, wish, this.#choices(service));
    const kept = this.#keptFor(service, wish);
    // Latencies change without the service.
    if (kept.latenciesMs !== latenciesMs || kept.modifyIndex !== service.modifyIndex) {
      kept.balancer.update(this.#choices(service, latenciesMs));
      kept.modifyIndex = service.modifyIndex;
      kept.latenciesMs = latenciesMs;
    }
    return kept.balancer;
  }

  /** A service has changed just now; null: it is gone. */
  changed(name: string, service: Service | null): void {
    this.#recoveries.changed(name, service);
    if (service === null) this.#kept.delete(name);
  }

  #choices(service: Service, latenciesMs?: LatenciesMs): Choice[] {
    return choicesOf(service, { latenciesMs, backSinceMs: this.#recoveries.of(service) });
  }

  /** The one that was made before, unless it was made for another slow start; its list may be an old one. */
  #keptFor(service: Service, wish: Wish): Kept {
    const { name, slowstart } = service;
    const ofService = this.#kept.get(name) ?? new Map<Policy, Kept>();
    this.#kept.set(name, ofService);
    const before = ofService.get(wish.policy);
    if (before !== undefined && before.slowstart === slowstart) return before;
    const kept = { balancer: this.#make(service, wish), slowstart, modifyIndex: -1, latenciesMs: undefined };
    ofService.set(wish.policy, kept);
    return kept;
  }

  #make({ slowstart }: Service, { policy, tagOrder }: Wish, choices: readonly Choice[] = []): Balancer<Choice> {
    const durationMs = Number(slowstart ?? 0);
    const components = { rng: this.#rng, nowMs: () => this.#clock.nowMs() };
    const slowStart = durationMs > 0 ? { durationMs } : undefined;
    return createBalancer<Choice>(components, { policy, idOf: ({ id }) => id, tagOrder, slowStart }, choices);
  }
}
