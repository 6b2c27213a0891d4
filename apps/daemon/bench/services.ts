// Ten thousand instances checked every two seconds by the leader of three nodes, while two hundred of them come and go at
// random: are checks late, does the event loop stay free, how often is a status published, and how soon do all nodes have it?
// Usage: node --conditions=@dister/source bench/services.ts [instances] [flapping] [seconds] [observers]
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { api, freePorts } from "../test/daemons.ts";
import { BenchNode } from "./bench-node.ts";

const [instances = 10_000, flapping = 200, seconds = 60, observers = 1] = process.argv.slice(2).map(Number);
const PER_SERVICE = 100;
const NODES = 3;
const DAMPING_MS = 5_000;

/** The backends, in the child process: one port that is always open, and so many that open and close at random. */
async function serve(): Promise<void> {
  const listen = async (server: Server, port: number): Promise<number> => {
    server.listen({ host: "127.0.0.1", port, backlog: 4_096 });
    await once(server, "listening");
    return (server.address() as { port: number }).port;
  };
  const backend = (): Server =>
    createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
    });
  const steady = await listen(backend(), 0);
  const ports: number[] = [];
  let isOver = false;
  const flap = async (port: number, first: Server): Promise<void> => {
    let server: Server | null = first;
    for (;;) {
      await sleep(500 + Math.random() * 8_000);
      if (server !== null && !isOver) {
        server.close();
        server = null;
      } else if (server === null) {
        server = backend();
        await listen(server, port);
      }
    }
  };
  for (let at = 0; at < flapping; at++) {
    const server = backend();
    const port = await listen(server, 0);
    ports.push(port);
    void flap(port, server);
  }
  process.on("message", () => {
    isOver = true;
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ steady, ports });
}

interface Shown {
  readonly name: string;
  readonly node: readonly {
    readonly id: string;
    readonly status: number;
    readonly state: string;
    readonly since?: string;
  }[];
}
interface Change {
  readonly service: string;
  readonly instance: string;
  readonly status: number;
}

async function servicesOf(node: BenchNode): Promise<Record<string, Shown>> {
  return (await api(node.url, "GET", "/service")).data as Record<string, Shown>;
}

async function roleOf(node: BenchNode): Promise<string | undefined> {
  return ((await api(node.url, "GET", "/cluster/status")).data as { raft: { role: string } | null }).raft?.role;
}

/** Numbers of one metric of a node, summed over its labels. */
async function metric(node: BenchNode, name: string): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

async function startNodes(folder: string): Promise<BenchNode[]> {
  const ports = await freePorts(3 * NODES);
  const peers = ports.filter((_, at) => at % 3 === 0).map((port) => `127.0.0.1:${port}`);
  const nodes = Array.from({ length: NODES }, (_, at) => {
    const [raft, repl, apiPort] = ports.slice(3 * at, 3 * at + 3);
    const place = { SavePath: join(folder, String(at)), Ip: "127.0.0.1", Listen: "127.0.0.1", Peers: peers };
    const checks = { observers, dampingMs: DAMPING_MS };
    const ownPorts = { raft, repl, api: apiPort };
    return new BenchNode(`node${at + 1}`, {
      Name: `node${at + 1}`,
      MinNode: NODES,
      ...place,
      Ports: ownPorts,
      Checks: checks,
    });
  });
  const said = await Promise.all(nodes.map((node) => node.said()));
  for (const [at, node] of nodes.entries()) node.url = said[at]!.url!;
  return nodes;
}

function definitions({ steady, ports }: { steady: number; ports: readonly number[] }): object[] {
  const count = Math.ceil(instances / PER_SERVICE);
  return Array.from({ length: count }, (_, service) => ({
    name: `service-${service}`,
    type: "tcp",
    node: Array.from({ length: Math.min(PER_SERVICE, instances - service * PER_SERVICE) }, (_, at) => {
      // Spread, so that no service loses many at once.
      const flaps = at * count + service < flapping ? ports[at * count + service] : undefined;
      return { id: `i${at}`, host: "127.0.0.1", port: flaps ?? steady, interval: 2_000, timeout: 2_000, fall: 1 };
    }),
  }));
}

/** Milliseconds until a node shows a status. */
async function seenAfter(node: BenchNode, { service, instance, status }: Change): Promise<number> {
  const fromMs = performance.now();
  for (;;) {
    const shown = (await api(node.url, "GET", `/service?name=${service}`)).data as Shown;
    if (shown.node.find(({ id }) => id === instance)?.status === status) return performance.now() - fromMs;
    if (performance.now() - fromMs > 4_000) return Number.POSITIVE_INFINITY;
    await sleep(10);
  }
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dister-services-"));
  const backends = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { execArgv: process.execArgv });
  const [places] = (await once(backends, "message")) as [{ steady: number; ports: number[] }];
  const nodes = await startNodes(folder);
  try {
    let leader: BenchNode | undefined;
    while (leader === undefined) {
      for (const node of nodes) if ((await roleOf(node)) === "leader") leader = node;
      await sleep(100);
    }
    await run(leader, nodes, places, () => backends.send("over"));
  } finally {
    for (const node of nodes) node.process.kill("SIGKILL");
    backends.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit();
}

async function run(
  leader: BenchNode,
  nodes: readonly BenchNode[],
  places: { steady: number; ports: number[] },
  settle: () => void,
): Promise<void> {
  const registered = await api(leader.url, "POST", "/service", definitions(places));
  if (registered.status !== 200) throw new Error(JSON.stringify(registered));
  const isKnown = async (): Promise<boolean> =>
    Object.values(await servicesOf(leader)).every(({ node }) => node.every(({ state }) => state !== "unknown"));
  while (!(await isKnown())) await sleep(500);

  const seen: Promise<number>[] = [];
  // Its lines are a sample: of many at once a node leaves some out.
  leader.onLog = (message, fields) => {
    if (message === "instance changed") for (const node of nodes) seen.push(seenAfter(node, fields as Change));
  };
  const published = new Published(nodes.find((node) => node !== leader)!);
  for (const node of nodes) await node.ask("begin");
  const [checksBefore, lateBefore] = [
    await metric(leader, "dister_checks_total"),
    await metric(leader, "dister_checks_late_total"),
  ];
  await sleep(seconds * 1_000);
  const [checks, late] = [
    await metric(leader, "dister_checks_total"),
    await metric(leader, "dister_checks_late_total"),
  ];
  const measured = await Promise.all(nodes.map(async (node) => (await node.ask("report")).measures!));
  await published.stop();
  const delays = (await Promise.all(seen)).sort((a, b) => a - b);
  settle();
  await sleep(3 * DAMPING_MS);
  const ends = await Promise.all(nodes.map(servicesOf));

  const at = (share: number): string =>
    `${delays[Math.min(delays.length - 1, Math.floor(delays.length * share))]?.toFixed(0)} ms`;
  const rows: Record<string, string | number> = {
    "instances, flapping, seconds, observers": [instances, flapping, seconds, observers].join(", "),
    "checks of the leader in a second": Math.round((checks - checksBefore) / seconds),
    "late by more than 20 % of the interval": late - lateBefore,
    "published changes": published.count,
    "of them within the window behind one of the same instance": published.tooSoon,
    "a change is seen on every node after, p50 / p99 / max": [at(0.5), at(0.99), at(1)].join(" / "),
    "nodes agree in the end": new Set(ends.map((services) => JSON.stringify(services))).size === 1 ? "yes" : "NO",
    "all passing in the end": Object.values(ends[0]!).every(({ node }) => node.every(({ status }) => status === 1))
      ? "yes"
      : "NO",
  };
  for (const [index, { loopP99Ms, loopMaxMs, cpuSeconds, rssMbMax }] of measured.entries()) {
    const who = nodes[index] === leader ? "leader" : "follower";
    rows[`${nodes[index]!.name}, ${who}: event loop late p99 / max, of one CPU, memory`] = [
      `${loopP99Ms.toFixed(1)} ms / ${loopMaxMs.toFixed(1)} ms`,
      `${Math.round((100 * cpuSeconds) / seconds)} %`,
      `${rssMbMax.toFixed(0)} MiB`,
    ].join(", ");
  }
  for (const [name, value] of Object.entries(rows)) console.log(`${name.padEnd(60)} ${value}`);
}

/** The changes that a node shows, by the times at which they were decided: looked at more often than they can come. */
class Published {
  count = 0;
  /** Changes that came sooner behind the one before of the same instance than the window allows. */
  tooSoon = 0;
  readonly #since = new Map<string, number>();
  readonly #looking: Promise<void>;
  #isOver = false;

  constructor(node: BenchNode) {
    this.#looking = this.#look(node);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#looking;
  }

  async #look(node: BenchNode): Promise<void> {
    const names = Array.from({ length: Math.ceil(instances / PER_SERVICE) }, (_, at) => `service-${at}`);
    for (let first = true; !this.#isOver; first = false) {
      for (const name of names) {
        this.#take((await api(node.url, "GET", `/service?name=${name}`)).data as Shown, first);
        await sleep(10);
      }
    }
  }

  #take({ name, node }: Shown, first: boolean): void {
    for (const { id, since } of node) {
      const [key, sinceMs] = [`${name}/${id}`, Date.parse(since ?? "")];
      const before = this.#since.get(key);
      this.#since.set(key, sinceMs);
      if (first || before === sinceMs) continue;
      this.count++;
      if (sinceMs - before! < DAMPING_MS) this.tooSoon++;
    }
  }
}

if (process.send === undefined) await measure();
else await serve();
