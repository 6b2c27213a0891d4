import type { Clock, Service, ServiceInstance, ServiceType, Status } from "@dister/types";

/** An instance of a service, and where it stands. */
export interface KnownInstance {
  readonly key: string;
  readonly service: string;
  readonly type: ServiceType;
  readonly instance: ServiceInstance;
  /** When its checks last decided another status, in this node's clock's time; before all time while they have not. */
  readonly changedMs: number;
}

/** Names an instance among those of all services: no service's name holds a slash. */
export function instanceKey(service: string, id: string): string {
  return `${service}/${id}`;
}

/** The status in force; null while checks have not decided any. */
export function statusInForce({ checked, status }: ServiceInstance): Status | null {
  return checked ? status : null;
}

/** What a change of a service came to. */
export interface InstancesChange {
  /** Instances came or went, or are defined anew: what is checked has to be looked at as a whole. */
  readonly redefined: boolean;
  /** All of a service that is defined anew, else those of which something changed. */
  readonly changed: readonly KnownInstance[];
}

/** All instances of all services by key. Following a change costs a glance at each instance of the one service. */
export class Instances {
  readonly #clock: Pick<Clock, "nowMs" | "wallMs">;
  #byKey = new Map<string, KnownInstance>();
  readonly #services = new Map<string, Service>();

  constructor(clock: Pick<Clock, "nowMs" | "wallMs">) {
    this.#clock = clock;
  }

  /** Takes over all services in the place of those known. */
  load(services: readonly Service[]): void {
    const before = this.#byKey;
    this.#byKey = new Map();
    this.#services.clear();
    for (const service of services) {
      this.#services.set(service.name, service);
      for (const instance of service.node) {
        this.#put(service, instance, before.get(instanceKey(service.name, instance.id)), this.#longAgoMs(instance));
      }
    }
  }

  get(key: string): KnownInstance | undefined {
    return this.#byKey.get(key);
  }

  all(): IterableIterator<KnownInstance> {
    return this.#byKey.values();
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** Takes over a service that has changed just now; null: it was removed. */
  take(name: string, service: Service | null): InstancesChange {
    const before = this.#services.get(name);
    const nowMs = this.#clock.nowMs();
    if (service === null || before?.definedIndex !== service.definedIndex) {
      const known = new Map(before?.node.map(({ id }) => [id, this.#byKey.get(instanceKey(name, id))]));
      for (const id of known.keys()) this.#byKey.delete(instanceKey(name, id));
      this.#services.delete(name);
      if (service === null) return { redefined: true, changed: [] };
      this.#services.set(name, service);
      const changed = service.node.map((instance) => this.#put(service, instance, known.get(instance.id), nowMs));
      return { redefined: true, changed };
    }
    // A status replaces the one instance and leaves the others the same objects.
    const changed: KnownInstance[] = [];
    service.node.forEach((instance, position) => {
      if (before.node[position] === instance) return;
      changed.push(this.#put(service, instance, this.#byKey.get(instanceKey(name, instance.id)), nowMs));
    });
    this.#services.set(name, service);
    return { redefined: false, changed };
  }

  /** @param changedMs - when its status has changed, if it is not that of `before`. */
  #put(
    { name, type }: Service,
    instance: ServiceInstance,
    before: KnownInstance | undefined,
    changedMs: number,
  ): KnownInstance {
    const key = instanceKey(name, instance.id);
    const asBefore = before !== undefined && isSameFinding(before.instance, instance);
    const since = asBefore ? before.changedMs : instance.checked ? changedMs : Number.NEGATIVE_INFINITY;
    const known: KnownInstance = { key, service: name, type, instance, changedMs: since };
    this.#byKey.set(key, known);
    return known;
  }

  /** What changed while this node did not look on: log time tells when, as far as the clocks agree, and never in the future. */
  #longAgoMs({ sinceMs }: ServiceInstance): number {
    return this.#clock.nowMs() - Math.max(0, this.#clock.wallMs() - sinceMs);
  }
}

/** Log time stands still while a clock that was set back catches up: it alone does not tell two findings apart. */
function isSameFinding(a: ServiceInstance, b: ServiceInstance): boolean {
  return a.checked === b.checked && a.status === b.status && a.sinceMs === b.sinceMs;
}
