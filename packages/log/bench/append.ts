import { fdatasync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ENTRY_KIND, type LogEntry, NO_LOGGER } from "@dister/types";
import { NodeFileSystem, openLog } from "../src/index.ts";

/**
 * Appends to a log against the same bytes written raw into a zero-filled, synced file with one fdatasync per batch:
 * the most that this disk gives. Both by turns in one run, medians; ratios travel between machines, rates do not.
 * Set TMPDIR to a folder on the disk that is to be measured.
 */
const REPETITIONS = 7;
const PAYLOAD_BYTES = 150;
const CASES = [
  { batch: 1, batches: 1500 },
  { batch: 16, batches: 1000 },
  { batch: 64, batches: 800 },
  { batch: 512, batches: 300 },
] as const;

interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

const datasync = promisify(fdatasync);
const folder = mkdtempSync(join(tmpdir(), "dister-bench-"));

async function measure(records: number, run: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await run();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: records / seconds, cpuMicros: (user + system) / records };
}

async function openBench(name: string): Promise<Awaited<ReturnType<typeof openLog>>> {
  return openLog({
    components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER },
    options: {
      directory: join(folder, name),
      identity: { group: "bench", nodeId: "00000000000000AB", clusterId: "" },
    },
  });
}

const payload = new Uint8Array(PAYLOAD_BYTES).fill(7);

/** One append of `batch` entries at a time, each awaited. */
async function appendOneByOne(log: Awaited<ReturnType<typeof openLog>>, batch: number, batches: number): Promise<void> {
  for (let round = 0; round < batches; round++) await log.append({ entries: entriesBehind(log.lastIndex(), batch) });
}

/** `batch` appends of one entry each that wait at the same time, as proposals of many clients do. */
async function appendTogether(log: Awaited<ReturnType<typeof openLog>>, batch: number, batches: number): Promise<void> {
  for (let round = 0; round < batches; round++) {
    const calls: Promise<void>[] = [];
    for (let call = 0; call < batch; call++) calls.push(log.append({ entries: entriesBehind(log.lastIndex(), 1) }));
    await Promise.all(calls);
  }
}

function entriesBehind(index: number, count: number): LogEntry[] {
  return Array.from({ length: count }, (_, at) => ({
    index: index + 1 + at,
    term: 1,
    r: 1234,
    kind: ENTRY_KIND.command,
    payload,
  }));
}

/** The same bytes without any of what makes them a log. */
async function writeRaw(batch: number, batches: number): Promise<Measured> {
  const bytes = Buffer.alloc(batch * (64 + PAYLOAD_BYTES), 7);
  const descriptor = openSync(join(folder, "raw"), "w");
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < bytes.length * batches; at += zeros.length) writeSync(descriptor, zeros, 0, zeros.length, at);
  await datasync(descriptor);
  return measure(batch * batches, async () => {
    for (let round = 0; round < batches; round++) {
      writeSync(descriptor, bytes, 0, bytes.length, round * bytes.length);
      await datasync(descriptor);
    }
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

console.log(`payload ${PAYLOAD_BYTES} bytes, medians of ${REPETITIONS}, ratio to the raw file in the same repetition`);
console.log("batch  way          records/s   CPU us/record   rate ratio   CPU ratio");
for (const { batch, batches } of CASES) {
  const ways = { "one append": appendOneByOne, "many appends": appendTogether } as const;
  const seen: Record<string, { rate: number[]; cpu: number[]; rateRatio: number[]; cpuRatio: number[] }> = {};
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const raw = await writeRaw(batch, batches);
    const results: [string, Measured][] = [["raw", raw]];
    for (const [way, run] of Object.entries(ways)) {
      const log = await openBench(`${way}-${batch}-${repetition}`.replace(" ", "-"));
      // What is prepared at the beginning of a file belongs to no append.
      await run(log, batch, 50);
      await new Promise((resolve) => setTimeout(resolve, 100));
      results.push([way, await measure(batch * batches, () => run(log, batch, batches))]);
      await log.close();
    }
    for (const [way, { perSecond, cpuMicros }] of results) {
      seen[way] ??= { rate: [], cpu: [], rateRatio: [], cpuRatio: [] };
      seen[way].rate.push(perSecond);
      seen[way].cpu.push(cpuMicros);
      seen[way].rateRatio.push(perSecond / raw.perSecond);
      seen[way].cpuRatio.push(cpuMicros / raw.cpuMicros);
    }
  }
  for (const [way, { rate, cpu, rateRatio, cpuRatio }] of Object.entries(seen)) {
    const cells = [
      Math.round(median(rate)),
      median(cpu).toFixed(2),
      median(rateRatio).toFixed(2),
      median(cpuRatio).toFixed(2),
    ];
    console.log([String(batch).padEnd(6), way.padEnd(12), ...cells.map((cell) => String(cell).padStart(12))].join(" "));
  }
}
rmSync(folder, { recursive: true });
