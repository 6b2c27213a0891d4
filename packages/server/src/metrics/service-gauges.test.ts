import { LIMITS, type Service } from "@dister/types";
import { serviceOf } from "@dister/types/testing";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { type CheckFigures, checkMetrics, latencyGauges, serviceGauges } from "./service-gauges.ts";

function exported(
  services: readonly Service[],
  latencyMs?: number,
  figures: CheckFigures | null = null,
): Promise<string> {
  const registry = new Registry();
  const source = {
    services: () => services,
    checks: () => figures,
    latenciesMs: ({ node }: Service) => node.map(() => latencyMs),
  };
  serviceGauges(registry, source);
  checkMetrics(registry, source);
  latencyGauges(registry, source);
  return registry.metrics();
}

function web(ids: readonly string[], name = "web"): Service {
  return serviceOf(
    { name, type: "tcp", node: ids.map((id) => ({ id, host: "h", port: 1 })) },
    { checked: true, status: 1 },
  );
}
const exportedValue = (text: string, series: string): string | undefined =>
  text
    .split("\n")
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1);

describe("the metrics of services", () => {
  it("count the instances of each service in every state, also those that nobody is in", async () => {
    const service = web(["a", "b", "c", "d", "e", "f"]);
    const node = service.node.map((one, at) => {
      if (at === 1) return { ...one, status: 0 as const };
      if (at === 2) return { ...one, checked: false };
      if (at === 3) return { ...one, mode: "draining" as const };
      return one;
    });
    const text = await exported([{ ...service, node, protectedMs: 5 }, web(["a"], "db")]);
    const count = (name: string, state: string) =>
      exportedValue(text, `dister_service_instances{service="${name}",state="${state}"}`);
    const states = ["passing", "critical", "unknown", "draining", "maintenance"];
    expect(states.map((state) => count("web", state))).toEqual(["3", "1", "1", "1", "0"]);
    expect(states.map((state) => count("db", state))).toEqual(["1", "0", "0", "0", "0"]);
    expect(exportedValue(text, 'dister_service_protected{service="web"}')).toBe("1");
    expect(exportedValue(text, 'dister_service_protected{service="db"}')).toBe("0");
  });

  it("forget a service that is gone", async () => {
    const registry = new Registry();
    let services = [web(["a"])];
    serviceGauges(registry, { services: () => services, checks: () => null, latenciesMs: () => [] });
    expect(await registry.metrics()).toContain('service="web"');
    services = [];
    expect(await registry.metrics()).not.toContain('service="web"');
  });

  it("are limited, and say how many services are left out", async () => {
    const services = Array.from({ length: LIMITS.metricServicesMax + 7 }, (_, n) => web(["a"], `s${n}`));
    const text = await exported(services);
    expect(text.match(/^dister_service_protected\{/gm)).toHaveLength(LIMITS.metricServicesMax);
    expect(exportedValue(text, "dister_services_left_out")).toBe("7");
    expect(exportedValue(await exported([web(["a"])]), "dister_services_left_out")).toBe("0");
  });

  it("tell the latency of each instance that is known, in seconds", async () => {
    const text = await exported([web(["a", "b"])], 12.5);
    expect(exportedValue(text, 'dister_check_latency_seconds{service="web",instance="b"}')).toBe("0.0125");
    expect(await exported([web(["a"])])).not.toContain("dister_check_latency_seconds{");
  });

  it("tell that of a thousand instances in all, and how many are left out, in the same scrape", async () => {
    const ids = Array.from({ length: 600 }, (_, n) => `i${n}`);
    const text = await exported([web(ids), web(ids, "db")], 1);
    expect(text.match(/^dister_check_latency_seconds\{/gm)).toHaveLength(LIMITS.metricInstancesMax);
    expect(exportedValue(text, "dister_check_latency_left_out")).toBe(String(1_200 - LIMITS.metricInstancesMax));
  });

  it("write whatever an instance is called so that it can be read again", async () => {
    const text = await exported([web(['quo"te', "back\\slash", "end\\", "字}=,"])], 1);
    const label = /instance="((?:[^"\\\n]|\\.)*)"\} 0\.001$/gm;
    const read = [...text.matchAll(label)].map(([, id]) =>
      id!.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char)),
    );
    expect(read).toEqual(['quo"te', "back\\slash", "end\\", "字}=,"]);
  });

  it("tell what this node checks, and nothing where it checks nothing", async () => {
    const figures = { targets: 7, checks: 100, late: 3, worstMs: 1_500 };
    const names = [
      "dister_checks_total",
      "dister_checks_late_total",
      "dister_check_targets",
      "dister_check_lateness_max_seconds",
    ];
    const values = async (found: CheckFigures | null) => {
      const text = await exported([], undefined, found);
      return names.map((name) => exportedValue(text, name));
    };
    expect(await values(figures)).toEqual(["100", "3", "7", "1.5"]);
    expect(await values(null)).toEqual(["0", "0", "0", "0"]);
  });
});
