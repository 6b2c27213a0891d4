import { monitorEventLoopDelay } from "node:perf_hooks";
import type { CoreStatus, SnapshotTransfer } from "@dister/raft";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { hostGauges, type MetricsSource, peerGauges, raftGauges } from "./gauges.ts";
import { reasonLabel } from "./reason-label.ts";
import { checkMetrics, latencyGauges, type ServiceMetricsSource, serviceGauges } from "./service-gauges.ts";

export type { MetricsSource } from "./gauges.ts";

/** How a call to another node ended. */
export type CallOutcome = "ok" | "refused" | "timeout" | "unreachable" | "busy";

/** From a write that a cache took to a disk that hangs. */
const DISK_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const REQUEST_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const BATCH_ENTRIES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];

/** Metrics of one node in Prometheus' form. Names are part of the interface: docs/reference/metrics.md lists them. */
export class Metrics {
  readonly registry: Registry = new Registry();
  readonly #counters: ReturnType<typeof countersOf>;
  readonly #times: ReturnType<typeof histogramsOf>;
  readonly #delay = monitorEventLoopDelay({ resolution: 100 });
  #term = 0;

  constructor(source: MetricsSource & ServiceMetricsSource) {
    this.#counters = countersOf(this.registry);
    this.#times = histogramsOf(this.registry);
    raftGauges(this.registry, source);
    peerGauges(this.registry, source);
    hostGauges(this.registry, source);
    serviceGauges(this.registry, source);
    checkMetrics(this.registry, source);
    latencyGauges(this.registry, source);
    const delay = this.#delay;
    new Gauge({
      name: "dister_event_loop_delay_p99_seconds",
      help: "Delay of the event loop since the last scrape, 99th percentile.",
      registers: [this.registry],
      collect() {
        this.set(delay.percentile(99) / 1e9);
        delay.reset();
      },
    });
    this.#delay.enable();
  }

  applied(entryCount: number, seconds: number): void {
    this.#counters.applied.inc(entryCount);
    this.#times.batch.observe(entryCount);
    this.#times.apply.observe(seconds);
  }

  /** A proposal of this node, which leads, was committed. */
  committed(seconds: number): void {
    this.#times.commit.observe(seconds);
  }

  /** A write to the log became durable. */
  stored(seconds: number): void {
    this.#times.store.observe(seconds);
  }

  statusChanged(status: CoreStatus): void {
    if (status.term > this.#term) this.#counters.terms.inc();
    this.#term = status.term;
  }

  /** This node stood for election. */
  stood(reason: CoreStatus["reason"]): void {
    this.#counters.elections.inc({ reason: reasonLabel(reason) });
  }

  /** This node knows another leader than before. */
  leaderChanged(reason: CoreStatus["reason"]): void {
    this.#counters.leaders.inc({ reason: reasonLabel(reason) });
  }

  snapshot({ direction, outcome, bytes }: SnapshotTransfer): void {
    this.#counters.snapshots.inc({ direction, outcome });
    this.#counters.snapshotBytes.inc({ direction }, bytes);
  }

  call(method: string, outcome: CallOutcome): void {
    this.#counters.calls.inc({ method, outcome });
  }

  request(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#times.requests.observe({ ...labels, status: String(labels.status) }, seconds);
  }

  stop(): void {
    this.#delay.disable();
  }
}

function countersOf(registry: Registry) {
  const registers = [registry];
  return {
    applied: new Counter({
      name: "dister_raft_applied_total",
      help: "Log entries applied since the start.",
      registers,
    }),
    terms: new Counter({ name: "dister_raft_terms_total", help: "Terms begun since the start.", registers }),
    elections: new Counter({
      name: "dister_raft_elections_total",
      help: "Elections in which this node stood.",
      labelNames: ["reason"],
      registers,
    }),
    leaders: new Counter({
      name: "dister_raft_leader_changes_total",
      help: "Leaders that this node has seen begin.",
      labelNames: ["reason"],
      registers,
    }),
    snapshots: new Counter({
      name: "dister_snapshots_total",
      help: "Snapshots sent to and received from peers.",
      labelNames: ["direction", "outcome"],
      registers,
    }),
    snapshotBytes: new Counter({
      name: "dister_snapshot_bytes_total",
      help: "Bytes of snapshots sent and received.",
      labelNames: ["direction"],
      registers,
    }),
    calls: new Counter({
      name: "dister_peer_calls_total",
      help: "Calls of this node to other nodes.",
      labelNames: ["method", "outcome"],
      registers,
    }),
  };
}

function histogramsOf(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Histogram({
      name: "dister_http_request_seconds",
      help: "Time to answer a request of the API.",
      labelNames: ["method", "route", "status"],
      buckets: REQUEST_SECONDS,
      registers,
    }),
    commit: new Histogram({
      name: "dister_raft_commit_seconds",
      help: "Time from a proposal to its commit, on the leader.",
      buckets: DISK_SECONDS,
      registers,
    }),
    store: new Histogram({
      name: "dister_log_append_seconds",
      help: "Time from handing a write to the log until it is durable.",
      buckets: DISK_SECONDS,
      registers,
    }),
    apply: new Histogram({
      name: "dister_raft_apply_seconds",
      help: "Time to apply a batch of entries.",
      buckets: DISK_SECONDS,
      registers,
    }),
    batch: new Histogram({
      name: "dister_raft_apply_batch_entries",
      help: "Entries in a batch that was applied.",
      buckets: BATCH_ENTRIES,
      registers,
    }),
  };
}
