import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { WorkerReport } from "./worker.ts";
import { reportsOf } from "./worker-process.ts";
import { Coverage } from "./world/coverage.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));
/** A process that has found so many violations has found enough. */
const VIOLATIONS_MAX = 5;

/** What many runs came to, so far or in the end. */
export interface Sweep {
  seeds: number;
  simulatedMs: number;
  events: number;
  operations: number;
  readonly coverage: Coverage;
  readonly violations: WorkerReport["violations"][number][];
}

/**
 * Runs the seeds from `from` on, on some processes.
 * @param onProgress - called with what there is so far, several times a second.
 */
export async function sweep(
  options: { readonly from: number; readonly seeds: number; readonly jobs: number; readonly services?: boolean },
  onProgress: (sweep: Sweep) => void = () => {},
): Promise<Sweep> {
  const { from, seeds, jobs, services = false } = options;
  const coverage = new Coverage();
  const total: Sweep = { seeds: 0, simulatedMs: 0, events: 0, operations: 0, coverage, violations: [] };
  const take = (report: WorkerReport): void => {
    total.seeds += report.seeds;
    total.simulatedMs += report.simulatedMs;
    total.events += report.events;
    total.operations += report.operations;
    coverage.add(Coverage.from(report.coverage));
    total.violations.push(...report.violations);
    onProgress(total);
  };
  const shares = Array.from({ length: jobs }, (_, job) => ({
    from: from + job,
    count: Math.ceil((seeds - job) / jobs),
  }));
  const argsOf = (share: Record<string, number>): string[] => [
    ...Object.entries({ ...share, step: jobs, until: VIOLATIONS_MAX }).flatMap(([name, value]) => [
      `--${name}`,
      String(value),
    ]),
    ...(services ? ["--services"] : []),
  ];
  await Promise.all(shares.map((share) => runWorker(argsOf(share), take)));
  return total;
}

async function runWorker(args: readonly string[], take: (report: WorkerReport) => void): Promise<void> {
  const flags = ["--conditions=@dister/source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, WORKER, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const code = await reportsOf(child, take);
  if (code !== 0) throw new Error(`a worker ended with ${code}: ${args.join(" ")}`);
}
