import { type Clock, isServed, type Service, type ServiceInstance, STATUS } from "@dister/types";

/** When instances came back into use, by id, in the monotonic time of this node; those that are not back from anywhere are not in it. */
export type BackSinceMs = ReadonlyMap<string, number>;

interface Known {
  readonly service: Service;
  readonly backSinceMs: Map<string, number>;
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
    if (service === null || !startsSlowly(service)) {
      this.#known.delete(name);
      return;
    }
    const known = this.#known.get(name);
    if (known?.service.modifyIndex === service.modifyIndex) return;
    const isSameList = known?.service.definedIndex === service.definedIndex;
    this.#known.set(name, isSameList ? this.#followed(known, service) : this.#listed(known, service));
  }

  /** Since when the instances of a service are back. */
  of(service: Service): BackSinceMs {
    this.changed(service.name, service);
    return this.#known.get(service.name)?.backSinceMs ?? NOBODY;
  }

  /** A status or a mode has changed: of thousands mostly one, and the others are the same objects. */
  #followed({ service: before, backSinceMs }: Known, service: Service): Known {
    service.node.forEach((instance, position) => {
      const old = before.node[position];
      if (old !== instance) this.#put(backSinceMs, instance, { old, backMs: backSinceMs.get(instance.id) });
    });
    return { service, backSinceMs };
  }

  /** The service is new here, or was registered anew: instances may have come, gone, and changed their places. */
  #listed(known: Known | undefined, service: Service): Known {
    const before = new Map(known?.service.node.map((instance) => [instance.id, instance]));
    const backSinceMs = new Map<string, number>();
    for (const instance of service.node) {
      const { id } = instance;
      this.#put(backSinceMs, instance, { old: before.get(id), backMs: known?.backSinceMs.get(id) });
    }
    return { service, backSinceMs };
  }

  #put(backSinceMs: Map<string, number>, instance: ServiceInstance, before: Before): void {
    const backMs = isPassing(instance) ? this.#backMs(instance, before) : undefined;
    if (backMs === undefined) backSinceMs.delete(instance.id);
    else backSinceMs.set(instance.id, backMs);
  }

  #backMs({ sinceMs }: ServiceInstance, { old, backMs }: Before): number | undefined {
    const nowMs = this.#clock.nowMs();
    // What happened while this node did not look on: log time tells when, as far as the clocks agree, and never in the future.
    if (old === undefined) return nowMs - Math.max(0, this.#clock.wallMs() - sinceMs);
    if (isPassing(old)) return old.sinceMs === sinceMs ? backMs : nowMs;
    return isServed(old) ? undefined : nowMs;
  }
}

/** An instance as it was known until now, and since when it was back then. */
interface Before {
  readonly old: ServiceInstance | undefined;
  readonly backMs: number | undefined;
}

function startsSlowly({ slowstart }: Service): boolean {
  return Number(slowstart ?? 0) > 0;
}

function isPassing({ checked, status }: ServiceInstance): boolean {
  return checked && status === STATUS.alive;
}
