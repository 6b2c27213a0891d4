import type { Service, ServiceInstance, ServiceType, Status } from "@dister/types";

/** An instance of a service, and where it stands. */
export interface KnownInstance {
  readonly key: string;
  readonly service: string;
  readonly type: ServiceType;
  readonly instance: ServiceInstance;
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
  /** Those of which something else changed. */
  readonly changed: readonly KnownInstance[];
}

/** All instances of all services by key. Following a change costs a glance at each instance of the one service. */
export class Instances {
  readonly #byKey = new Map<string, KnownInstance>();
  readonly #services = new Map<string, Service>();

  /** Takes over all services in the place of those known. */
  load(services: readonly Service[]): void {
    this.#byKey.clear();
    this.#services.clear();
    for (const service of services) this.#put(service);
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

  take(name: string, service: Service | null): InstancesChange {
    const before = this.#services.get(name);
    if (service === null || before?.definedIndex !== service.definedIndex) {
      this.#remove(name);
      if (service !== null) this.#put(service);
      return { redefined: true, changed: [] };
    }
    // A status replaces the one instance and leaves the others the same objects.
    const changed: KnownInstance[] = [];
    service.node.forEach((instance, position) => {
      if (before.node[position] === instance) return;
      const known = { key: instanceKey(name, instance.id), service: name, type: service.type, instance };
      this.#byKey.set(known.key, known);
      changed.push(known);
    });
    this.#services.set(name, service);
    return { redefined: false, changed };
  }

  #put(service: Service): void {
    const { name, type } = service;
    this.#services.set(name, service);
    for (const instance of service.node) {
      const key = instanceKey(name, instance.id);
      this.#byKey.set(key, { key, service: name, type, instance });
    }
  }

  #remove(name: string): void {
    for (const { id } of this.#services.get(name)?.node ?? []) this.#byKey.delete(instanceKey(name, id));
    this.#services.delete(name);
  }
}
