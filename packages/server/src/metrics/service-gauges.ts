import { type InstanceState, LIMITS, type Service, stateOf } from "@dister/types";
import { Counter, Gauge, type Registry } from "prom-client";
import type { LatenciesMs } from "../balance/asked-latencies.ts";

/** What a member's checks come to; null while the node belongs to no cluster, and on one that checks nothing. */
export interface CheckFigures {
  /** Instances that are checked here. */
  readonly targets: number;
  /** Checks that were started, and those of them that began late. */
  readonly checks: number;
  readonly late: number;
  /** The latest of all, in milliseconds behind its time. */
  readonly worstMs: number;
}

/** A node that checks nothing. */
const NO_CHECKS: CheckFigures = { targets: 0, checks: 0, late: 0, worstMs: 0 };

/** Where the figures of services come from. */
export interface ServiceMetricsSource {
  /** In the order of their names, as this node knows them. */
  services(): readonly Service[];
  checks(): CheckFigures | null;
  /** By position in the service: how long successful checks take, in milliseconds; undefined where this node knows nothing. */
  latenciesMs(service: Service): LatenciesMs;
}

const MS_PER_SECOND = 1_000;
/** Every state has a series, also one that no instance is in: an alert cannot compare what is not there. */
const NONE: Readonly<Record<InstanceState, number>> = {
  passing: 0,
  critical: 0,
  unknown: 0,
  draining: 0,
  maintenance: 0,
};

/** Gauges of each service, from what this node knows itself. */
export function serviceGauges(registry: Registry, source: ServiceMetricsSource): void {
  const registers = [registry];
  const shown = (): readonly Service[] => source.services().slice(0, LIMITS.metricServicesMax);
  new Gauge({
    name: "dister_service_instances",
    help: "Instances of a service, by their state.",
    labelNames: ["service", "state"],
    registers,
    collect() {
      this.reset();
      for (const service of shown()) {
        const counts = { ...NONE };
        for (const instance of service.node) counts[stateOf(instance)] += 1;
        for (const [state, count] of Object.entries(counts)) this.set({ service: service.name, state }, count);
      }
    },
  });
  new Gauge({
    name: "dister_service_protected",
    help: "1 while a service is protected against a mass failure: critical instances are used on.",
    labelNames: ["service"],
    registers,
    collect() {
      this.reset();
      for (const { name, protectedMs } of shown()) this.set({ service: name }, protectedMs > 0 ? 1 : 0);
    },
  });
  new Gauge({
    name: "dister_services_left_out",
    help: "Services that have no metrics, because there are too many.",
    registers,
    collect() {
      this.set(Math.max(0, source.services().length - LIMITS.metricServicesMax));
    },
  });
}

/** How long the checks of each instance take, on whoever leads, and how many have no place. */
export function latencyGauges(registry: Registry, source: ServiceMetricsSource): void {
  const registers = [registry];
  let leftOut = 0;
  new Gauge({
    name: "dister_check_latency_seconds",
    help: "Smoothed time of the successful checks of an instance, on the leader.",
    labelNames: ["service", "instance"],
    registers,
    collect() {
      this.reset();
      let shown = 0;
      leftOut = 0;
      for (const service of source.services()) {
        // What has no place is counted and not looked up: of ten thousand that would hold up the event loop.
        const latenciesMs = shown < LIMITS.metricInstancesMax ? source.latenciesMs(service) : null;
        service.node.forEach(({ id }, position) => {
          const ms = latenciesMs?.[position];
          if (shown === LIMITS.metricInstancesMax) leftOut++;
          else if (ms !== undefined) {
            this.set({ service: service.name, instance: id }, ms / MS_PER_SECOND);
            shown++;
          }
        });
      }
    },
  });
  // A scrape reads the metrics in the order in which they were added.
  new Gauge({
    name: "dister_check_latency_left_out",
    help: "Instances whose check latency is not shown, because there are too many.",
    registers,
    collect() {
      this.set(leftOut);
    },
  });
}

/** Counters and gauges of the checks that this node runs. */
export function checkMetrics(registry: Registry, source: ServiceMetricsSource): void {
  const registers = [registry];
  const figures = (): CheckFigures => source.checks() ?? NO_CHECKS;
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
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
  counter("dister_checks_total", "Checks that this node has started.", () => figures().checks);
  counter("dister_checks_late_total", "Checks that this node has started late.", () => figures().late);
  gauge("dister_check_targets", "Instances that this node checks.", () => figures().targets);
  gauge(
    "dister_check_lateness_max_seconds",
    "The longest time by which a check began late.",
    () => figures().worstMs / MS_PER_SECOND,
  );
}
