import { type Clock, isServed, type Service, type ServiceInstance, STATUS } from "@dister/types";

/** When instances came back into use, by id, in the monotonic time of this node; those that are not back from anywhere are not in it. */
export type BackSinceMs = ReadonlyMap<string, number>;

interface Known {
  readonly service: Service;
  readonly backSinceMs: Map<string, number>;
  /** Of those that are critical: until when a protection kept them in use. */
  readonly keptUntilMs: Map<string, number>;
}

/** What is found is published after this at the latest, as long as it stays: the usual damping. */
const PUBLISHED_WITHIN_MS = 5_000;

const NOBODY: BackSinceMs = new Map();

/**
 * Follows the instances of services with slow start, to know since when each of them is back in use. Log time alone would not do:
 * it is a leader's clock, from which this node's may differ by any time, and each may be set. Nor is everybody back who turns
 * passing: who was kept by a protection, or used before its first check, has never been away. Nor was it, to speak of, if the
 * protection ended just before: it ends when half of them are back, and the next check finds the other half.
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
  #followed(known: Known, service: Service): Known {
    const next = { ...known, service };
    service.node.forEach((instance, position) => {
      const old = known.service.node[position];
      if (old !== instance) this.#put(next, instance, before(known, instance.id, old));
    });
    return next;
  }

  /** The service is new here, or was registered anew: instances may have come, gone, and changed their places. */
  #listed(known: Known | undefined, service: Service): Known {
    const olds = new Map(known?.service.node.map((instance) => [instance.id, instance]));
    const next: Known = { service, backSinceMs: new Map(), keptUntilMs: new Map() };
    for (const instance of service.node) this.#put(next, instance, before(known, instance.id, olds.get(instance.id)));
    return next;
  }

  #put({ backSinceMs, keptUntilMs }: Known, instance: ServiceInstance, before: Before): void {
    const { id } = instance;
    backSinceMs.delete(id);
    keptUntilMs.delete(id);
    if (isPassing(instance)) {
      const backMs = this.#backMs(instance, before);
      if (backMs !== undefined) backSinceMs.set(id, backMs);
    } else if (instance.mode === "active" && !instance.kept && instance.definedIndex === before.old?.definedIndex) {
      const untilMs = before.old.kept ? this.#clock.nowMs() : before.keptMs;
      if (untilMs !== undefined) keptUntilMs.set(id, untilMs);
    }
  }

  #backMs(instance: ServiceInstance, { old, backMs, keptMs }: Before): number | undefined {
    const { sinceMs } = instance;
    const nowMs = this.#clock.nowMs();
    // What happened while this node did not look on: log time tells when, as far as the clocks agree, and never in the future.
    if (old === undefined) return nowMs - Math.max(0, this.#clock.wallMs() - sinceMs);
    if (isPassing(old)) return old.sinceMs === sinceMs ? backMs : nowMs;
    const usedMs = isServed(old) ? nowMs : keptMs;
    return usedMs !== undefined && nowMs - usedMs <= foundWithinMs(instance) ? undefined : nowMs;
  }
}

/** An instance as it was known until now. */
interface Before {
  readonly old: ServiceInstance | undefined;
  /** Since when it was back then. */
  readonly backMs: number | undefined;
  readonly keptMs: number | undefined;
}

function before(known: Known | undefined, id: string, old: ServiceInstance | undefined): Before {
  return { old, backMs: known?.backSinceMs.get(id), keptMs: known?.keptUntilMs.get(id) };
}

/** How long it takes at the most until one that is alive is known to be: its checks, each with the longest jitter. */
function foundWithinMs({ interval, rise, timeout }: ServiceInstance): number {
  return 1.5 * Number(interval) * Number(rise) + Number(timeout) + PUBLISHED_WITHIN_MS;
}

function startsSlowly({ slowstart }: Service): boolean {
  return Number(slowstart ?? 0) > 0;
}

function isPassing({ checked, status }: ServiceInstance): boolean {
  return checked && status === STATUS.alive;
}
