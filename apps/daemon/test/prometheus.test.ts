import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { api, DaemonCluster, until } from "./daemons.ts";
import { PROMETHEUS, Prometheus, type Target } from "./real-prometheus.ts";

const EXAMPLE = new URL("../../../examples/deploy/prometheus.yml", import.meta.url);

/** The configuration that operators are given, but for addresses, and for times that a test waits for. */
function configuration(asked: string, scraped: string): string {
  const replaced = readFileSync(EXAMPLE, "utf8")
    .replaceAll("127.0.0.1:4168", asked)
    .replace(/"10\.0\.0\.1:4168".*(?=\])/, `"${scraped}"`)
    .replace(/^rule_files:\n.*\n/m, "")
    .replace("scrape_interval: 15s", "scrape_interval: 1s")
    // As long as Prometheus waits for an answer as well: a client node says only after 4 s that it reaches no server.
    .replace("refresh_interval: 15s", "refresh_interval: 5s");
  expect(replaced.match(/10\.0\.0|4168|15s|alerts/g)).toBeNull();
  return replaced;
}

const SERVICES = 200;
const nameOf = (i: number): string => `worker-${i}`;
/** A node whose status is what it says of itself: two hundred of them need no port. */
const worker = (i: number, port = 20_000 + i) => ({
  name: nameOf(i),
  type: "ttl",
  node: [{ host: "127.0.0.1", port, interval: 200, ttl: 3_600_000, fall: 1 }],
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** A service's nodes as text, from what dister says and from what Prometheus knows. */
interface Known {
  readonly type: string;
  readonly node: readonly { readonly host: string; readonly port: string; readonly status: number }[];
}
const line = (name: string, type: string, address: string, status: number | string): string =>
  `${name} ${type} ${address} ${status}`;

describe.skipIf(PROMETHEUS === undefined)("a real Prometheus that asks a client node", { timeout: 120_000 }, () => {
  let cluster: DaemonCluster;
  let prometheus: Prometheus;
  let client: number;

  beforeAll(async () => {
    cluster = await DaemonCluster.start(1);
    client = await cluster.grow("client");
    const [asked, scraped] = [cluster.url(client), cluster.url(0)].map((url) => url.slice("http://".length));
    // One that lives and one that does not: both are targets.
    const web = [`${cluster.url(0)}/health/live`, "http://127.0.0.1:1/health"].map((url) => ({ url, interval: 200 }));
    await written("POST", "/service", [
      ...range(0, SERVICES).map((i) => worker(i)),
      { name: "web", type: "web", node: web },
    ]);
    prometheus = await Prometheus.start(configuration(asked!, scraped!));
  }, 120_000);
  afterAll(async () => {
    await prometheus?.end();
    await cluster?.close();
  });

  async function written(method: string, path: string, body: unknown): Promise<void> {
    expect(await api(cluster.url(0), method, path, body)).toMatchObject({ status: 200 });
  }

  async function registered(): Promise<string[]> {
    const { data } = await api(cluster.url(0), "GET", "/service");
    return Object.entries(data as Record<string, Known>)
      .filter(([, { type }]) => type === "ttl")
      .flatMap(([name, { type, node }]) => node.map((one) => line(name, type, `${one.host}:${one.port}`, one.status)))
      .sort();
  }

  async function discovered(): Promise<string[]> {
    const { dropped } = await prometheus.targets("services");
    return dropped
      .map(({ discoveredLabels: of }) => {
        const meta = (name: string): string => of[`__meta_dister_${name}`] ?? "none";
        return line(meta("service"), meta("type"), of["__address__"]!, meta("status"));
      })
      .sort();
  }

  async function webTargets(): Promise<Target[]> {
    const { active } = await prometheus.targets("services");
    return active.sort((a, b) => (a.scrapeUrl! < b.scrapeUrl! ? 1 : -1));
  }

  /** Waits until Prometheus knows what is registered, and tells it. */
  async function followed(): Promise<string[]> {
    let last: string[] = [];
    const wanted = await registered();
    await until(
      async () => {
        last = await discovered();
        return JSON.stringify(last) === JSON.stringify(wanted);
      },
      () => `wanted ${wanted.length}, Prometheus knows ${last.length}: ${last.slice(0, 3).join()}`,
    );
    return last;
  }

  it("has all 200 services as targets", async () => {
    expect(await followed()).toHaveLength(SERVICES);
  });

  it("scrapes what relabelling keeps, under the name of the service, also who is dead", async () => {
    await until(async () => (await webTargets()).every(({ health }) => health !== "unknown"));
    const at = cluster.url(0);
    expect(await webTargets()).toMatchObject([
      { health: "up", scrapeUrl: `${at}/metrics`, labels: { job: "services", service: "web", instance: at.slice(7) } },
      { health: "down", scrapeUrl: "http://127.0.0.1:1/metrics", labels: { service: "web" } },
    ]);
    await until(async () => (await prometheus.query('dister_ready{job="dister",cluster="example"}')) === 1);
    await until(async () => (await prometheus.query('dister_ready{job="services",service="web"}')) === 1);
  });

  it("follows registrations, removals, another address and other statuses", async () => {
    await written("DELETE", "/service", range(0, 60).map(nameOf));
    await written("POST", "/service", [
      ...range(300, 340).map((i) => worker(i)),
      ...range(60, 80).map((i) => worker(i, 30_000 + i)),
    ]);
    const reporting = range(80, 110).map((i) => ({ name: nameOf(i), host: "127.0.0.1", port: 20_000 + i }));
    await written("POST", "/service/report", reporting);
    await until(async () => (await registered()).filter((one) => one.endsWith(" 1")).length === reporting.length);

    const known = await followed();
    expect(known).toHaveLength(SERVICES - 60 + 40);
    expect(known).toContain("worker-339 ttl 127.0.0.1:20339 0");
    expect(known).toContain("worker-60 ttl 127.0.0.1:30060 0");
    expect(known).toContain("worker-80 ttl 127.0.0.1:20080 1");
    expect(known.filter((one) => one.startsWith("worker-0 "))).toEqual([]);
  });

  it("keeps its targets while the client node reaches no server, and while the client node itself is gone", async () => {
    const before = await discovered();
    const web = await webTargets();
    const ends = [
      { gone: 0, reason: "server returned HTTP status 503 Service Unavailable" },
      { gone: client, reason: "connection refused" },
    ];
    for (const { gone, reason } of ends) {
      await cluster.kill(gone);
      await prometheus.says(reason);
      await prometheus.settled();
      expect(await discovered()).toEqual(before);
      expect((await webTargets()).map(({ scrapeUrl }) => scrapeUrl)).toEqual(web.map(({ scrapeUrl }) => scrapeUrl));
    }
  });

  it("goes on with what has changed when both are back", async () => {
    cluster.run(0);
    cluster.run(client);
    await cluster.ready();
    await written("DELETE", "/service", range(100, 150).map(nameOf));
    expect(await followed()).toHaveLength(SERVICES - 60 + 40 - 50);
  });
});
