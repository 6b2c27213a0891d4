// Puts and linearizable gets per second over HTTP against three real nodes, and the CPU that the nodes spend on one, beside
// what the disk alone can sync in the same minute. Usage: node --conditions=@dister/source bench/throughput.ts [seconds]
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DaemonCluster } from "../test/daemons.ts";

const [seconds = 4] = process.argv.slice(2).map(Number);
const TICKS_PER_SECOND = 100;
const VALUE = "v".repeat(128);

/** CPU time of processes, in microseconds. */
function cpuUs(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks * 1e6) / TICKS_PER_SECOND;
}

/** Syncs of 4 KiB into a file that has its size, one after the other. */
function rawSyncsPerSecond(): number {
  const folder = mkdtempSync(join(tmpdir(), "dister-raw-"));
  const descriptor = openSync(join(folder, "raw"), "w");
  const page = Buffer.alloc(4_096, 1);
  for (let i = 0; i < 4_096; i++) writeSync(descriptor, page, 0, 4_096, i * 4_096);
  fdatasyncSync(descriptor);
  const end = performance.now() + 500;
  let count = 0;
  for (; performance.now() < end; count++) {
    writeSync(descriptor, page, 0, 4_096, count * 4_096);
    fdatasyncSync(descriptor);
  }
  closeSync(descriptor);
  rmSync(folder, { recursive: true });
  return count * 2;
}

interface Measured {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

async function load(cluster: DaemonCluster, connections: number, kind: "put" | "get"): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const pids = cluster.slots.map((slot) => slot.daemon!.pid);
  const latencies: number[] = [];
  let failed = 0;
  let next = 0;
  const one = (port: number, body: string | null, path: string): Promise<boolean> =>
    new Promise((resolve) => {
      const headers =
        body === null ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request(
        { agent, port, host: "127.0.0.1", method: body === null ? "GET" : "POST", path, headers },
        (reply) => {
          reply.resume();
          reply.on("end", () => resolve(reply.statusCode === 200));
        },
      );
      sent.on("error", () => resolve(false));
      sent.end(body ?? undefined);
    });
  const leader = await cluster.leader();
  const port = cluster.slots[leader]!.ports.api;
  const end = performance.now() + seconds * 1000;
  const before = cpuUs(pids);
  const start = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const key = `k${next++ % 100_000}`;
      const from = performance.now();
      const done =
        kind === "put" ? one(port, `{"${key}":"${VALUE}"}`, "/kv") : one(port, null, `/kv?k=k${next % 1_000}`);
      if (await done) latencies.push(performance.now() - from);
      else failed++;
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const took = (performance.now() - start) / 1000;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const count = latencies.length;
  return {
    perSecond: count / took,
    cpuUs: (cpuUs(pids) - before) / count,
    p50Ms: latencies[count >> 1] ?? 0,
    p99Ms: latencies[Math.floor(count * 0.99)] ?? 0,
    failed,
  };
}

const cluster = await DaemonCluster.start(3);
try {
  await load(cluster, 16, "put");
  for (const kind of ["put", "get"] as const) {
    for (const connections of [1, 16, 64, 256]) {
      const raw = rawSyncsPerSecond();
      const { perSecond, cpuUs: us, p50Ms, p99Ms, failed } = await load(cluster, connections, kind);
      const ratio = (perSecond / raw).toFixed(2);
      const times = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(1)} ms`;
      console.log(
        `${kind} C=${connections}: ${perSecond.toFixed(0)}/s = ${ratio} of raw syncs (${raw}/s), ${us.toFixed(0)} us CPU, ${times}, ${failed} failed`,
      );
    }
  }
} finally {
  await cluster.close();
}
