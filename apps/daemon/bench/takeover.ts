// A new node takes over a large state while the cluster writes: seconds until it is a voter, as a ratio to copying the
// same bytes, CPU time, memory, and how late the event loops of sender and receiver were meanwhile.
// Usage: node --conditions=@dister/source bench/takeover.ts [keys] [writes per second] [founding nodes]
import { closeSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { api, freePorts } from "../test/daemons.ts";
import { BenchNode } from "./bench-node.ts";

const [keys = 1_000_000, writesPerSecond = 200, founders = 3] = process.argv.slice(2).map(Number);
const BATCH = 10_000;
const VALUE = "v".repeat(100);
const folder = mkdtempSync(join(tmpdir(), "dister-takeover-"));

const ports = await freePorts(3 * (founders + 1));
function configOf(at: number): object {
  const [raft, repl, apiPort] = ports.slice(3 * at, 3 * at + 3);
  const all = ports.filter((_, i) => i % 3 === 0);
  return {
    Name: `node${at + 1}`,
    ...{ SavePath: join(folder, `node${at + 1}`), MinNode: founders, Ip: "127.0.0.1", Listen: "127.0.0.1" },
    Peers: (at < founders ? all.slice(0, founders) : all.slice(0, 1)).map((port) => `127.0.0.1:${port}`),
    Ports: { raft, repl, api: apiPort },
  };
}

async function start(at: number): Promise<BenchNode> {
  const node = new BenchNode(`node${at + 1}`, configOf(at));
  const said = node.said();
  node.url = (await said).url!;
  return node;
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

interface Status {
  readonly raft: {
    readonly role: string;
    readonly term: number;
    readonly membership: { readonly members: readonly { readonly name: string; readonly voter: boolean }[] };
  } | null;
}

async function statusOf(node: BenchNode): Promise<Status> {
  return (await api(node.url, "GET", "/cluster/status")).data as Status;
}

async function put(node: BenchNode, pairs: object): Promise<boolean> {
  return (await api(node.url, "POST", "/kv", pairs)).status === 200;
}

/** Fills by large writes, and then makes the log let go of them: what a new node lacks must be only in the state. */
async function fill(leader: BenchNode): Promise<void> {
  for (let from = 0; from < keys; from += BATCH) {
    const count = Math.min(BATCH, keys - from);
    const pairs = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`key${String(from + i).padStart(9, "0")}`, VALUE]),
    );
    if (!(await put(leader, pairs))) throw new Error("filling failed");
  }
  const filler = "f".repeat(1024 * 1024 - 64);
  const cut = new Promise<void>((resolve) => {
    leader.onLog = (message) => {
      if (message === "log compacted") resolve();
    };
  });
  let done = false;
  void cut.then(() => {
    done = true;
  });
  while (!done) await put(leader, { filler });
  leader.onLog = () => {};
}

/** Writes at an even pace until it is told to stop. */
function load(leader: BenchNode): { stop(): Promise<{ latencies: number[]; failed: number }> } {
  const latencies: number[] = [];
  const open = new Set<Promise<void>>();
  let [failed, count] = [0, 0];
  const startMs = performance.now();
  const timer = setInterval(() => {
    for (; count < ((performance.now() - startMs) / 1000) * writesPerSecond; count++) {
      const from = performance.now();
      const one = put(leader, { [`load${count % 1_000}`]: VALUE }).then((ok) => {
        if (ok) latencies.push(performance.now() - from);
        else failed++;
      });
      open.add(one);
      void one.then(() => open.delete(one));
    }
  }, 5);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      return { latencies: latencies.sort((a, b) => a - b), failed };
    },
  };
}

function tell(what: string, { latencies, failed }: { latencies: number[]; failed: number }): void {
  const at = (share: number): string =>
    (latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0).toFixed(1);
  console.log(
    `${what}: ${latencies.length} writes, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms, ${failed} failed`,
  );
}

/** Copies a file and syncs the copy: what the disk alone would take. */
function copySeconds(path: string): { seconds: number; mib: number } {
  const buffer = Buffer.alloc(1024 * 1024);
  const [from, to] = [openSync(path, "r"), openSync(join(folder, "raw"), "w")];
  const startMs = performance.now();
  for (let read = readSync(from, buffer); read > 0; read = readSync(from, buffer)) writeSync(to, buffer, 0, read);
  fsyncSync(to);
  const seconds = (performance.now() - startMs) / 1000;
  closeSync(from);
  closeSync(to);
  return { seconds, mib: statSync(path).size / 1024 / 1024 };
}

const nodes: BenchNode[] = [];
try {
  nodes.push(...(await Promise.all(Array.from({ length: founders }, (_, at) => start(at)))));
  const leader = await until(async () => {
    for (const node of nodes) if ((await statusOf(node)).raft?.role === "leader") return node;
    return undefined;
  });
  const fillStart = performance.now();
  await fill(leader);
  const { term } = (await statusOf(leader)).raft!;
  console.log(`${keys} keys in ${founders} nodes after ${((performance.now() - fillStart) / 1000).toFixed(1)} s`);

  const calm = load(leader);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  tell("before", await calm.stop());

  await leader.ask("begin");
  const busy = load(leader);
  const startMs = performance.now();
  const seconds = (): string => ((performance.now() - startMs) / 1000).toFixed(2);
  const fresh = new BenchNode("fresh", configOf(founders));
  nodes.push(fresh);
  const noteworthy = /snapshot|store restored|leader/;
  for (const node of [leader, fresh]) {
    node.onLog = (message, fields) => {
      if (noteworthy.test(message)) console.log(`  ${seconds()} s ${node.name}: ${message} ${JSON.stringify(fields)}`);
    };
  }
  fresh.url = (await fresh.said()).url!;
  await fresh.ask("begin");
  await until(async () => {
    const members = (await statusOf(leader)).raft?.membership.members ?? [];
    return members.find(({ name, voter }) => name === `node${founders + 1}` && voter);
  });
  const took = (performance.now() - startMs) / 1000;
  tell("while a node took over", await busy.stop());
  const after = (await statusOf(leader)).raft!;
  const raw = copySeconds(join(folder, `node${founders + 1}`, "dister.db", "state.db"));
  console.log(
    `voter after ${took.toFixed(2)} s = ${(took / raw.seconds).toFixed(1)} x copying ${raw.mib.toFixed(0)} MiB`,
  );
  console.log(`leader ${after.role}, terms passed: ${after.term - term}`);
  for (const node of [leader, fresh]) {
    const { loopP99Ms, loopMaxMs, rssMbAtBegin, rssMbMax, cpuSeconds } = (await node.ask("report")).measures!;
    const memory = `memory ${rssMbAtBegin.toFixed(0)} MiB, at most ${rssMbMax.toFixed(0)} MiB`;
    const delay = `event loop late p99 ${loopP99Ms.toFixed(1)} ms, max ${loopMaxMs.toFixed(1)} ms`;
    console.log(`${node === leader ? "sender" : "receiver"}: ${delay}, ${memory}, ${cpuSeconds.toFixed(1)} s CPU`);
  }
} finally {
  for (const node of nodes) node.process.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
