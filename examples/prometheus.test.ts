import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNode, type RunningNode } from "@dister/daemon";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { freePorts } from "./free-ports.mjs";
import { isInstalled } from "./needs.mjs";
import { outcomeOf } from "./programs.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const CONFIG = here("deploy/prometheus.yml");
const ALERTS = here("deploy/prometheus-alerts.yml");
const hasPromtool = isInstalled("promtool");

let temporary: string;
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), "dister-prometheus-"));
});
afterAll(() => rmSync(temporary, { recursive: true }));

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

function rules(): Rules["groups"][number]["rules"][number][] {
  return (parse(readFileSync(ALERTS, "utf8")) as Rules).groups.flatMap((group) => group.rules);
}

describe("alerts", () => {
  it("are about metrics that exist", () => {
    const used = rules().flatMap(({ expr }) => expr.match(/dister_\w+/g) ?? []);
    const reference = readFileSync(here("../docs/reference/metrics.md"), "utf8");
    const unknown = used.filter((name) => !reference.includes(`| \`${name.replace(/_(bucket|sum|count)$/, "")}\` |`));
    expect(used.length).toBeGreaterThan(8);
    expect(unknown).toEqual([]);
  });

  it.skipIf(!hasPromtool)("and what to scrape are understood by promtool", async () => {
    expect(await outcomeOf("promtool", ["check", "rules", ALERTS])).toMatchObject({ code: 0 });
    expect(await outcomeOf("promtool", ["check", "config", CONFIG])).toMatchObject({ code: 0 });
  });

  it.skipIf(!hasPromtool)("are silent while all is well, and each tells what it is for", async () => {
    const names = rules().map(({ alert }) => alert);
    expect(Object.keys(TROUBLES).sort()).toEqual([...names].sort());
    const firing = 'count by (alertname) (ALERTS{alertstate="firing"})';
    const scene = (changed: Record<string, string>, alerts: readonly string[]) => ({
      interval: "15s",
      input_series: Object.entries({ ...HEALTHY, ...changed }).map(([series, values]) => ({ series, values })),
      promql_expr_test: [
        {
          expr: firing,
          eval_time: "30m",
          exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
        },
      ],
    });
    const tests = [scene({}, []), ...names.map((name) => scene(TROUBLES[name]!, [name]))];
    const file = join(temporary, "alerts.test.json");
    writeFileSync(file, JSON.stringify({ rule_files: [ALERTS], evaluation_interval: "15s", tests }));
    const outcome = await outcomeOf("promtool", ["test", "rules", file]);
    expect(outcome).toEqual({ code: 0, output: expect.stringContaining("SUCCESS") });
  });
});

const NODE = 'instance="10.0.0.1:4168",cluster="example",job="dister"';
const fast = 'dister_log_append_seconds_bucket{instance="10.0.0.1:4168",le="0.01"}';
const slow = 'dister_log_append_seconds_bucket{instance="10.0.0.1:4168",le="0.1"}';
const all = 'dister_log_append_seconds_bucket{instance="10.0.0.1:4168",le="+Inf"}';

/** A node that is well and a service that is well, each 15 s for half an hour. */
const HEALTHY: Readonly<Record<string, string>> = {
  [`up{${NODE}}`]: "1x120",
  [`dister_ready{${NODE}}`]: "1x120",
  [`dister_raft_has_leader{${NODE}}`]: "1x120",
  [`dister_raft_suspect{${NODE}}`]: "0x120",
  [`dister_raft_peers_suspect{${NODE}}`]: "0x120",
  [`dister_raft_peer_lag_entries{${NODE},peer="A"}`]: "3x120",
  [`dister_raft_peer_silent_seconds{${NODE},peer="A"}`]: "0.02x120",
  [`dister_raft_terms_total{${NODE}}`]: "1x120",
  [`dister_event_loop_delay_p99_seconds{${NODE}}`]: "0.01x120",
  [`dister_disk_free_bytes{${NODE}}`]: "5e10x120",
  [fast]: "0+15x120",
  [slow]: "0+15x120",
  [all]: "0+15x120",
  [`dister_service_instances{${NODE},service="shop",state="passing"}`]: "3x120",
  [`dister_service_instances{${NODE},service="shop",state="critical"}`]: "0x120",
  [`dister_service_protected{${NODE},service="shop"}`]: "0x120",
  [`dister_checks_total{${NODE}}`]: "0+30x120",
  [`dister_checks_late_total{${NODE}}`]: "0+1x120",
  'up{instance="10.0.0.9:80",service="shop",job="services"}': "1x120",
  'prometheus_sd_http_failures_total{job="prometheus"}': "7x120",
};

/** What has to be different for each alert; no other one may come with it. */
const TROUBLES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  DisterNoLeader: { [`dister_raft_has_leader{${NODE}}`]: "0x120" },
  DisterNodeDown: { [`up{${NODE}}`]: "0x120" },
  DisterNodeNotReady: { [`dister_ready{${NODE}}`]: "0x120" },
  DisterDamagedLog: { [`dister_raft_peers_suspect{${NODE}}`]: "1x120" },
  DisterLag: { [`dister_raft_peer_silent_seconds{${NODE},peer="A"}`]: "0+15x120" },
  DisterUnsteadyLeader: { [`dister_raft_terms_total{${NODE}}`]: "1+1x120" },
  DisterSlowDisk: { [fast]: "0+12x120" },
  DisterSlowProcess: { [`dister_event_loop_delay_p99_seconds{${NODE}}`]: "0.4x120" },
  DisterDiskFull: { [`dister_disk_free_bytes{${NODE}}`]: "5e8x120" },
  DisterServiceNobodyPassing: { [`dister_service_instances{${NODE},service="shop",state="passing"}`]: "0x120" },
  DisterServiceProtected: { [`dister_service_protected{${NODE},service="shop"}`]: "1x120" },
  DisterChecksLate: { [`dister_checks_late_total{${NODE}}`]: "0+6x120" },
  DisterServiceTargetDown: { 'up{instance="10.0.0.9:80",service="shop",job="services"}': "0x120" },
  DisterServiceListOld: { 'prometheus_sd_http_failures_total{job="prometheus"}': "7+1x120" },
};

/** Blocks of the guide that relabel services, each under the line before it. */
function relabelling(): { readonly about: string; readonly block: string }[] {
  const text = readFileSync(here("../docs/guides/prometheus.md"), "utf8");
  const section = text.slice(text.indexOf("## Finding services"), text.indexOf("## Alerts"));
  return [...section.matchAll(/^(.+)\n\n```yaml\n([\s\S]*?)```/gm)].map(([, about, block]) => ({
    about: about!,
    block: block!,
  }));
}

/** A block as a whole configuration: some are a job, some its settings, some its relabelling. */
function configOf(block: string, sd: string): string {
  const job = `  - job_name: services\n    http_sd_configs: [{ url: "${sd}" }]\n`;
  if (block.startsWith("  - job_name")) return `scrape_configs:\n${block.replace(/url: \S+/, `url: ${sd}`)}`;
  return `scrape_configs:\n${job}${block.startsWith("      -") ? "    relabel_configs:\n" : ""}${block}`;
}

interface Discovered {
  readonly discoveredLabels: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

describe.skipIf(!hasPromtool)("the relabelling of the guide, as promtool does it on what a node answers", () => {
  let node: RunningNode;
  let sd: string;
  beforeAll(async () => {
    const [raft, repl, api] = (await freePorts(3)) as [number, number, number];
    const address = { Ip: "127.0.0.1", Listen: "127.0.0.1" };
    node = await createNode({ config: { SavePath: temporary, MinNode: 1, ...address, Ports: { raft, repl, api } } });
    const url = `http://127.0.0.1:${api}/service`;
    sd = `${url}?format=prometheus-sd`;
    const at = (port: number) => ({ host: "127.0.0.1", port });
    const services = [
      { name: "shop", type: "web", node: [{ url: "https://127.0.0.1:8443/health?key=s3cret" }] },
      { name: "search-1", type: "tcp", node: [at(7001), at(7002)] },
      { name: "db", type: "pgsql", node: [{ ...at(5432), user: "check" }] },
    ];
    const headers = { "content-type": "application/json" };
    const reply = await fetch(url, { method: "POST", headers, body: JSON.stringify(services) });
    expect(await reply.json()).toMatchObject({ result: 1 });
  }, 60_000);
  afterAll(() => node?.stop());

  /** What is scraped, as `scheme://address/path?target as instance`, of what relabelling keeps. */
  async function scraped(block: string, number: number): Promise<string[]> {
    const file = join(temporary, `relabelling-${number}.yml`);
    writeFileSync(file, configOf(block, sd));
    // It asks at once, and tells what it has heard when this time is over.
    const args = ["check", "service-discovery", "--timeout=5s", file, "services"];
    const { code, output } = await outcomeOf("promtool", args);
    expect([code, output]).toEqual([0, expect.stringContaining("[")]);
    const targets = JSON.parse(output) as Discovered[];
    expect(targets).toHaveLength(4);
    return targets
      .filter(({ labels }) => labels !== null && "__address__" in labels)
      .map(({ labels: of }) => {
        const target = of["__param_target"] === undefined ? "" : `?target=${of["__param_target"]}`;
        const name = of["service"] === undefined ? "" : ` of ${of["service"]}`;
        return `${of["__scheme__"]}://${of["__address__"]}${of["__metrics_path__"]}${target} is ${of["instance"]}${name}`;
      })
      .sort();
  }

  it("keeps and changes what the guide says", async () => {
    const blocks = relabelling();
    const outcomes = await Promise.all(blocks.map(({ block }, number) => scraped(block, number)));
    expect(Object.fromEntries(blocks.map(({ about }, i) => [about, outcomes[i]]))).toEqual({
      "Every node serves the list, also a [client](roles.md#a-client) on the machine of Prometheus itself.": [
        "https://127.0.0.1:8443/metrics is 127.0.0.1:8443 of shop",
      ],
      "Some services by name, all others not:": [
        "http://127.0.0.1:7001/metrics is 127.0.0.1:7001",
        "http://127.0.0.1:7002/metrics is 127.0.0.1:7002",
        "http://127.0.0.1:8443/metrics is 127.0.0.1:8443",
      ],
      "Metrics on a port of their own:": Array.from(
        { length: 4 },
        () => "http://127.0.0.1:9100/metrics is 127.0.0.1:9100",
      ),
      "Databases through the exporter on their machines, where it has the usual port:": [
        "http://127.0.0.1:9187/metrics is 127.0.0.1:9187",
      ],
      "behind the `?` of an address is not told:": [
        "http://127.0.0.1:9115/probe?target=https://127.0.0.1:8443/health is https://127.0.0.1:8443/health",
      ],
    });
  });
});
