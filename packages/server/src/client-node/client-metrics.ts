import { Counter, Gauge, type Registry } from "prom-client";

/** Figures of a client node, beside those that every node has. docs/reference/metrics.md lists them. */
export class ClientMetrics {
  readonly #hits: Counter;
  readonly #misses: Counter;

  constructor(
    registry: Registry,
    source: { cacheBytes(): number; cacheKeys(): number; servers(): number; ageSeconds(): number },
  ) {
    const registers = [registry];
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };
    this.#hits = new Counter({
      name: "dister_client_cache_hits_total",
      help: "Local reads of a key that the cache answered.",
      registers,
    });
    this.#misses = new Counter({
      name: "dister_client_cache_misses_total",
      help: "Local reads of a key that a server had to answer.",
      registers,
    });
    gauge("dister_client_cache_bytes", "Memory of the cached keys, about.", () => source.cacheBytes());
    gauge("dister_client_cache_keys", "Cached keys.", () => source.cacheKeys());
    gauge("dister_client_servers", "Servers that are connected.", () => source.servers());
    gauge("dister_client_age_seconds", "Time since a server last said that nothing is missing.", () =>
      source.ageSeconds(),
    );
  }

  hit(): void {
    this.#hits.inc();
  }

  miss(): void {
    this.#misses.inc();
  }
}
