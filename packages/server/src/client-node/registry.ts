import type { Service } from "@dister/types";

/** The services as this client node last knew them, without secrets. They stay when no server answers any more. */
export class Registry {
  #services = new Map<string, Service>();
  readonly #listeners: ((name: string, service: Service | null) => void)[] = [];
  #isLoaded = false;

  /** False until the services were read for the first time. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get size(): number {
    return this.#services.size;
  }

  /** In the order of their names. */
  all(): Service[] {
    return [...this.#services.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  /** Takes over all services in the place of those known. */
  load(services: Iterable<Service>): void {
    const before = this.#services;
    this.#services = new Map([...services].map((service) => [service.name, service]));
    this.#isLoaded = true;
    for (const name of before.keys()) if (!this.#services.has(name)) this.#tell(name, null);
    for (const [name, service] of this.#services) this.#tell(name, service);
  }

  set(name: string, service: Service | null): void {
    if (service === null && !this.#services.delete(name)) return;
    if (service !== null) this.#services.set(name, service);
    this.#tell(name, service);
  }

  /** Listens to services that have changed; null: it is gone. */
  onChanged(listener: (name: string, service: Service | null) => void): void {
    this.#listeners.push(listener);
  }

  #tell(name: string, service: Service | null): void {
    for (const listener of this.#listeners) listener(name, service);
  }
}
