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

/** Orders of tags for which a service's balancers are kept; usually those who ask one node all want the same. */
const TAG_ORDERS_MAX = 8;

/** How one of a service is to be chosen. */
export interface Wish {
  readonly policy: Policy;
  /** For policy `first`: the foremost tag first. */
  readonly tagOrder?: readonly string[] | undefined;
  /** For policy `latency`; another list when they changed. */
  readonly latenciesMs?: LatenciesMs | undefined;
}

/**
 * The balancers of this node: one for each service, policy and order of tags that was asked for, so that turns go on, and
 * thousands of instances are not read at each request.
 */
export class ServiceBalancers {
  readonly #rng: Rng;
  readonly #clock: Pick<Clock, "nowMs" | "wallMs">;
  readonly #recoveries: Recoveries;
  readonly #kept = new Map<string, Map<string, Kept>>();

  constructor(rng: Rng, clock: Pick<Clock, "nowMs" | "wallMs">) {
    this.#rng = rng;
    this.#clock = clock;
    this.#recoveries = new Recoveries(clock);
  }

  /** The balancer for a service as it is now. */
  of(service: Service, wish: Wish): Balancer<Choice> {
    const { latenciesMs } = wish;
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
    const ofService = this.#kept.get(name) ?? new Map<string, Kept>();
    this.#kept.set(name, ofService);
    const way = wayOf(wish);
    const before = ofService.get(way);
    if (before !== undefined && before.slowstart === slowstart) return before;
    if (wish.tagOrder !== undefined) dropAnOrder(ofService);
    const kept = { balancer: this.#make(service, wish), slowstart, modifyIndex: -1, latenciesMs: undefined };
    ofService.set(way, kept);
    return kept;
  }

  #make({ slowstart }: Service, { policy, tagOrder }: Wish): Balancer<Choice> {
    const durationMs = Number(slowstart ?? 0);
    const components = { rng: this.#rng, nowMs: () => this.#clock.nowMs() };
    const slowStart = durationMs > 0 ? { durationMs } : undefined;
    return createBalancer<Choice>(components, { policy, idOf: ({ id }) => id, tagOrder, slowStart });
  }
}

/** What a balancer is kept under: its policy, and the order of tags, which have no blanks and no commas. */
function wayOf({ policy, tagOrder }: Wish): string {
  return tagOrder === undefined ? policy : `${policy} ${tagOrder.join()}`;
}

/** There are as many orders as anybody can think of: where enough are kept the oldest one goes, as it knows no turns. */
function dropAnOrder(ofService: Map<string, Kept>): void {
  const orders = [...ofService.keys()].filter((way) => way.includes(" "));
  if (orders.length >= TAG_ORDERS_MAX) ofService.delete(orders[0]!);
}
