import { spawn } from "node:child_process";
import type { WorkerReport } from "../worker.ts";
import { reportsOf } from "../worker-process.ts";
import { buildMutant } from "./build.ts";
import type { Mutation } from "./mutation.ts";

/** How the hunt for a planted bug ended. */
export interface Hunt {
  readonly name: string;
  readonly isCaught: boolean;
  /** Seeds that were run, the last of which found it. */
  readonly seeds: number;
  readonly rule: string;
  readonly message: string;
  readonly seconds: number;
}

/** A run takes a fraction of a second; one that takes this long does not end any more. */
const SILENCE_MS = 120_000;

/** Runs seeds from 1 on against a planted bug until a rule breaks. */
export async function hunt(mutation: Mutation, seedsMax = mutation.seedsMax): Promise<Hunt> {
  const worker = await buildMutant(mutation);
  const startedMs = performance.now();
  const child = spawn(process.execPath, [worker, "--from", "1", "--count", String(seedsMax)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [seeds, errors] = [0, ""];
  let found: WorkerReport["violations"][number] | undefined;
  const hang = (): NodeJS.Timeout =>
    setTimeout(() => {
      found ??= { seed: seeds + 1, rule: "hang", message: `nothing was heard for ${SILENCE_MS / 1000} s` };
      child.kill("SIGKILL");
    }, SILENCE_MS);
  let timer = hang();
  child.stderr.on("data", (data) => (errors += String(data)));
  const code = await reportsOf(child, (report) => {
    clearTimeout(timer);
    timer = hang();
    seeds += report.seeds;
    found ??= report.violations[0];
  });
  clearTimeout(timer);
  // A bug can also end the whole process, through a rejection that nobody handles.
  if (found === undefined && code !== 0) found = { seed: seeds + 1, rule: "exit", message: errors.slice(-2_000) };
  return {
    name: mutation.name,
    isCaught: found !== undefined,
    seeds: found?.seed ?? seeds,
    rule: found?.rule ?? "",
    message: found?.message ?? "",
    seconds: (performance.now() - startedMs) / 1000,
  };
}
