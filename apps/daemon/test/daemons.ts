import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `disterd` as users do, as a process of its own. */
export function startDaemon(args: readonly string[], folder: string, env: Record<string, string> = {}): Daemon {
  return new Daemon(args, folder, env);
}

/** One `disterd` process. */
export class Daemon {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = "";
  #stderr = "";

  constructor(args: readonly string[], folder: string, env: Record<string, string>) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("DISTER_"));
    this.process = spawn(
      process.execPath,
      ["--conditions=@dister/source", "--disable-warning=ExperimentalWarning", MAIN, ...args],
      {
        cwd: folder,
        env: { ...Object.fromEntries(inherited), ...env },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.process.stdout!.on("data", (chunk) => {
      this.#stdout += String(chunk);
    });
    this.process.stderr!.on("data", (chunk) => {
      this.#stderr += String(chunk);
    });
    this.ended = new Promise((resolve) => {
      this.process.once("close", (code, signal) =>
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr }),
      );
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  get output(): string {
    return this.#stdout + this.#stderr;
  }

  async signal(signal: NodeJS.Signals): Promise<Ended> {
    this.process.kill(signal);
    return this.ended;
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

interface Slot {
  readonly name: string;
  readonly folder: string;
  readonly ports: { readonly raft: number; readonly repl: number; readonly api: number };
  readonly minNode: number;
  readonly peers: readonly number[];
  /** Role at the next start. */
  role: string;
  daemon: Daemon | null;
}

/** Flags of every node, or those of one by its name: `node1` and so on. */
type ExtraArgs = readonly string[] | ((name: string) => readonly string[]);

/** A cluster of real processes on loopback, with their data on disk. */
export class DaemonCluster {
  readonly folder = mkdtempSync(join(tmpdir(), "dister-daemons-"));
  readonly slots: Slot[] = [];
  extraArgs: ExtraArgs = [];

  /** Founds a cluster of `count`. */
  static async start(count: number, extraArgs: ExtraArgs = []): Promise<DaemonCluster> {
    const cluster = new DaemonCluster();
    cluster.extraArgs = extraArgs;
    const ports = await freePorts(3 * count);
    const raftPorts = ports.filter((_, i) => i % 3 === 0);
    for (let i = 0; i < count; i++) {
      const [raft, repl, api] = ports.slice(3 * i, 3 * i + 3) as [number, number, number];
      cluster.#add({ ports: { raft, repl, api }, minNode: count, peers: raftPorts });
    }
    for (let i = 0; i < count; i++) cluster.run(i);
    await cluster.ready();
    return cluster;
  }

  /** One more node, which finds the others by the first one's address. */
  async grow(role = "server"): Promise<number> {
    const [raft, repl, api] = (await freePorts(3)) as [number, number, number];
    this.#add({ ports: { raft, repl, api }, minNode: 3, peers: [this.slots[0]!.ports.raft], role });
    this.run(this.slots.length - 1);
    await this.ready([this.slots.length - 1]);
    return this.slots.length - 1;
  }

  #add(slot: Pick<Slot, "ports" | "minNode" | "peers"> & { readonly role?: string }): void {
    const name = `node${this.slots.length + 1}`;
    this.slots.push({ role: "server", ...slot, name, folder: join(this.folder, name), daemon: null });
  }

  run(i: number): Daemon {
    const daemon = startDaemon(this.args(i), this.folder);
    this.slots[i]!.daemon = daemon;
    return daemon;
  }

  /** Runs a command of `disterd` with the configuration of a node, to its end. */
  async offline(i: number, command: string, ...flags: string[]): Promise<Ended> {
    return startDaemon([command, ...flags, ...this.args(i)], this.folder).ended;
  }

  /** The configuration of a node, as flags. */
  args(i: number): string[] {
    const { name, folder, ports, minNode, peers, role } = this.slots[i]!;
    return [
      `--Name=${name}`,
      `--SavePath=${folder}`,
      `--MinNode=${minNode}`,
      `--Role=${role}`,
      `--Peers=${peers.map((port) => `127.0.0.1:${port}`).join(",")}`,
      "--Ip=127.0.0.1",
      "--Listen=127.0.0.1",
      `--RaftPort=${ports.raft}`,
      `--ReplPort=${ports.repl}`,
      `--ApiPort=${ports.api}`,
      ...(typeof this.extraArgs === "function" ? this.extraArgs(name) : this.extraArgs),
    ];
  }

  /** Where a node's data lie. */
  dataFolder(i: number): string {
    return join(this.slots[i]!.folder, "dister.db");
  }

  url(i: number): string {
    return `http://127.0.0.1:${this.slots[i]!.ports.api}`;
  }

  get running(): number[] {
    return this.slots.flatMap((slot, i) => (slot.daemon === null ? [] : [i]));
  }

  /** Waits until the nodes serve. */
  async ready(which: readonly number[] = this.running): Promise<void> {
    for (const i of which) {
      await until(
        async () => (await api(this.url(i), "GET", "/health")).status === 200,
        () => this.slots[i]!.daemon?.output ?? "",
      );
    }
  }

  /** Position of the node that leads; waits until there is one. */
  async leader(): Promise<number> {
    let found = -1;
    await until(async () => {
      for (const i of this.running) {
        const reply = await api(this.url(i), "GET", "/cluster/status").catch(() => null);
        if ((reply?.data as { raft?: { role?: string } } | null)?.raft?.role !== "leader") continue;
        found = i;
        return true;
      }
      return false;
    });
    return found;
  }

  async kill(i: number, signal: NodeJS.Signals = "SIGKILL"): Promise<Ended> {
    const daemon = this.slots[i]!.daemon!;
    this.slots[i]!.daemon = null;
    return daemon.signal(signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((i) => this.kill(i)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface ApiAnswer {
  readonly status: number;
  readonly result: number;
  readonly message: string;
  readonly data: unknown;
  readonly code?: string;
}

/** One request; status 0 when nobody answered. */
export async function api(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<ApiAnswer> {
  try {
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(10_000) };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { "content-type": "application/json", ...headers };
    }
    const response = await fetch(`${url}${path}`, init);
    return { status: response.status, ...((await response.json()) as Omit<ApiAnswer, "status">) };
  } catch (error) {
    return { status: 0, result: 0, message: (error as Error).message, data: null };
  }
}

/** Waits until a condition holds; fails after 30 seconds with what `tell` says. */
export async function until(condition: () => Promise<boolean>, tell: () => string = () => ""): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`did not come true within 30 s\n${tell().slice(-4_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
