import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { planFaults } from "../faults/plan.ts";
import { shrink } from "../shrink.ts";
import type { WorkerReport } from "../worker.ts";
import { Coverage, INTERESTING } from "../world/coverage.ts";
import { settingOf } from "../world/setting.ts";
import { replayCommand } from "./replay.ts";

const WORKER = fileURLToPath(new URL("../worker.ts", import.meta.url));
/** Between two lines of progress. */
const PROGRESS_MS = 30_000;
/** With fewer seeds than this, a rare state may honestly be missing. */
const SEEDS_FOR_COVERAGE = 1_000;

/** Runs many seeds on some processes; true when every rule held and every interesting state was reached. */
export async function runMany(options: { from: number; seeds: number; jobs: number }): Promise<boolean> {
  const { from, seeds, jobs } = options;
  const startedMs = performance.now();
  const coverage = new Coverage();
  const violations: WorkerReport["violations"][number][] = [];
  let [done, simulatedMs, events, operations, toldMs] = [0, 0, 0, 0, startedMs];
  const hours = (): string => (simulatedMs / 3_600_000).toFixed(2);
  const minutes = (): number => (performance.now() - startedMs) / 60_000;
  const take = (report: WorkerReport): void => {
    done += report.seeds;
    simulatedMs += report.simulatedMs;
    events += report.events;
    operations += report.operations;
    coverage.add(Coverage.from(report.coverage));
    violations.push(...report.violations);
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    console.log(
      `${done} seeds, ${hours()} simulated hours, ${minutes().toFixed(1)} minutes, ${violations.length} violations`,
    );
  };
  const counts = Array.from({ length: jobs }, (_, job) => Math.ceil((seeds - job) / jobs));
  await Promise.all(counts.map((count, job) => runWorker({ from: from + job, count, step: jobs }, take)));

  const rate = (simulatedMs / 3_600_000 / minutes()).toFixed(2);
  console.log(
    `\n${done} seeds from ${from}: ${hours()} simulated hours, ${rate} in a minute; ${events} events, ${operations} operations`,
  );
  for (const what of INTERESTING) console.log(`  ${String(coverage.count(what)).padStart(9)}  ${what}`);
  for (const violation of violations) await tell(violation);
  const missing = INTERESTING.filter((what) => coverage.count(what) === 0);
  const lacks = seeds >= SEEDS_FOR_COVERAGE && missing.length > 0;
  if (lacks) console.log(`never reached, so not tested: ${missing.join("; ")}`);
  console.log(violations.length === 0 ? "no violation" : `${violations.length} violations`);
  return violations.length === 0 && !lacks && done === seeds;
}

async function runWorker(
  share: { from: number; count: number; step: number },
  take: (report: WorkerReport) => void,
): Promise<void> {
  const options = { ...share, until: 5 };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(
    process.execPath,
    ["--conditions=@dister/source", "--disable-warning=ExperimentalWarning", WORKER, ...args],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line) as WorkerReport);
  const code = await ended;
  if (code !== 0) throw new Error(`a worker ended with ${code}: ${args.join(" ")}`);
}

async function tell({ seed, rule, message }: WorkerReport["violations"][number]): Promise<void> {
  console.log(`\nseed ${seed} breaks ${rule}: ${message}`);
  const faults = planFaults(settingOf(seed));
  const kept = await shrink(
    seed,
    rule,
    faults.map(({ number }) => number),
  );
  console.log(`of ${faults.length} faults these are enough:`);
  for (const number of kept) {
    const { kind, atMs, forMs } = faults[number]!;
    console.log(`  ${number} ${kind} at ${atMs.toFixed(0)} ms for ${forMs.toFixed(0)} ms`);
  }
  console.log(`replay: ${replayCommand(seed, kept)}`);
}
