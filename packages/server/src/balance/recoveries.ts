import { type Clock, isServed, type Service, type ServiceInstance, STATUS } from "@dister/types";

/** When instances came back into use, by id, in the monotonic time of this node; those that are not back from anywhere are not in it. */
export type BackSinceMs = ReadonlyMap<string, number>;

interface Known {
  readonly modifyIndex: number;
  readonly instances: ReadonlyMap<string, ServiceInstance>;
  readonly backSinceMs: BackSinceMs;
}

const NOBODY: BackSinceMs = new Map();

/**
 * Follows the instances of services with slow start, to know since when each of them is back in use. Log time alone would not do:
 * it is a leader's clock, from which this node's may differ by any time, and each may be set. Nor is everybody back who turns
 * passing: who was kept by a protection, or used before its first check, has never been away.
 */
export class Recoveries {
  readonly #clock: Pick<Clock, "nowMs" | "wallMs">;
  readonly #known = new Map<string, Known>();

  constructor(clock: Pick<Clock, "nowMs" | "wallMs">) {
    this.#clock = clock;
  }

  /** Takes over a service that has changed just now; null: it is gone. */
  changed(name: string, service: Service | null): void {
    if (service === null || !startsSlowly(service)) this.#known.delete(name);
    else if (this.#known.get(name)?.modifyIndex !== service.modifyIndex) this.#take(service);
  }

  /** Since when the instances of a service are back. */
  of(service: Service): BackSinceMs {
    this.changed(service.name, service);
    return this.#known.get(service.name)?.backSinceMs ?? NOBODY;
  }

  #take({ name, node, modifyIndex }: Service): void {
    const known = this.#known.get(name);
    const backSinceMs = new Map<string, number>();
    for (const instance of node) {
      const { id } = instance;
      if (!isPassing(instance)) continue;
      const sinceMs = this.#sinceMs(instance, known?.instances.get(id), known?.backSinceMs.get(id));
      if (sinceMs !== undefined) backSinceMs.set(id, sinceMs);
    }
    const instances = new Map(node.map((instance) => [instance.id, instance]));
    this.#known.set(name, { modifyIndex, instances, backSinceMs });
  }

  /** @param before - the instance as it was known until now, and `knownMs` since when it was back then. */
  #sinceMs(
    instance: ServiceInstance,
    before: ServiceInstance | undefined,
    knownMs: number | undefined,
  ): number | undefined {
    const nowMs = this.#clock.nowMs();
    // What happened while this node did not look on: log time tells when, as far as the clocks agree, and never in the future.
    if (before === undefined) return nowMs - Math.max(0, this.#clock.wallMs() - instance.sinceMs);
    if (isPassing(before)) return before.sinceMs === instance.sinceMs ? knownMs : nowMs;
    return isServed(before) ? undefined : nowMs;
  }
}

function startsSlowly({ slowstart }: Service): boolean {
  return Number(slowstart ?? 0) > 0;
}

function isPassing({ checked, status }: ServiceInstance): boolean {
  return checked && status === STATUS.alive;
}
