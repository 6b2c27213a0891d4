import { monitorEventLoopDelay } from "node:perf_hooks";
import type { CoreStatus } from "@dister/raft";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Where the figures come from that are read when somebody asks. */
export interface MetricsSource {
  status(): CoreStatus | null;
  notReady(): string | undefined;
  keyCount(): number;
}

/** Metrics of one node in Prometheus' form. Names are part of the interface: docs/reference/metrics.md lists them. */
export class Metrics {
  readonly registry: Registry = new Registry();
  readonly #applied: Counter;
  readonly #elections: Counter;
  readonly #requests: Histogram<"method" | "route" | "status">;
  readonly #delay = monitorEventLoopDelay({ resolution: 100 });
  #term = 0;

  constructor(source: MetricsSource) {
    const registers = [this.registry];
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
    this.#applied = new Counter({
      name: "dister_raft_applied_total",
      help: "Log entries applied since the start.",
      registers,
    });
    this.#elections = new Counter({ name: "dister_raft_terms_total", help: "Terms begun since the start.", registers });
    this.#requests = new Histogram({
      name: "dister_http_request_seconds",
      help: "Time to answer a request of the API.",
      labelNames: ["method", "route", "status"],
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    gauge("dister_raft_term", "Current term.", () => source.status()?.term ?? 0);
    gauge("dister_raft_is_leader", "1 while this node leads.", () => (source.status()?.role === "leader" ? 1 : 0));
    gauge("dister_raft_commit_index", "Highest index known to be committed.", () => source.status()?.commitIndex ?? 0);
    gauge("dister_raft_applied_index", "Highest index applied.", () => source.status()?.appliedIndex ?? 0);
    gauge("dister_raft_last_index", "Last index of the log.", () => source.status()?.lastIndex ?? 0);
    gauge("dister_raft_first_index", "First index that the log still has.", () => source.status()?.firstIndex ?? 0);
    gauge("dister_raft_members", "Members of the cluster.", () => source.status()?.membership.members.length ?? 0);
    gauge("dister_raft_suspect", "1 while this node's log is damaged and made whole.", () =>
      source.status()?.suspect === true ? 1 : 0,
    );
    gauge("dister_raft_peers_suspect", "Members whose logs are damaged or have lost entries, on the leader.", () => {
      return source.status()?.progress.filter(({ suspect, lostData }) => suspect || lostData).length ?? 0;
    });
    gauge("dister_ready", "1 while this node serves.", () => (source.notReady() === undefined ? 1 : 0));
    gauge("dister_kv_keys", "Keys in the applied state.", () => source.keyCount());
    gauge("dister_process_resident_bytes", "Resident memory of the process.", () => process.memoryUsage.rss());
    gauge(
      "dister_event_loop_delay_p99_seconds",
      "Delay of the event loop since the last scrape, 99th percentile.",
      () => {
        const seconds = this.#delay.percentile(99) / 1e9;
        this.#delay.reset();
        return seconds;
      },
    );
    this.#delay.enable();
  }

  applied(entries: number): void {
    this.#applied.inc(entries);
  }

  statusChanged(status: CoreStatus): void {
    if (status.term > this.#term) this.#elections.inc();
    this.#term = status.term;
  }

  request(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#requests.observe({ ...labels, status: String(labels.status) }, seconds);
  }

  stop(): void {
    this.#delay.disable();
  }
}
