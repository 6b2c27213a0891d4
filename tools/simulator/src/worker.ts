import { parseArgs } from "node:util";
import { runSeed } from "./run.ts";
import { Coverage } from "./world/coverage.ts";

/** What a worker tells about its share of seeds, one line of JSON at the end of each batch. */
export interface WorkerReport {
  readonly seeds: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly operations: number;
  readonly coverage: Record<string, number>;
  readonly violations: readonly { readonly seed: number; readonly rule: string; readonly message: string }[];
}

/** Errors are part of the daily work of a node in trouble; all of a long stack is wanted of none. */
Error.stackTraceLimit = 6;

/** Seeds between two reports. */
const BATCH = 20;

/** Runs every `step`-th seed from `from` on, `count` of them, and reports as it goes. */
async function work(): Promise<void> {
  const { values } = parseArgs({
    options: {
      from: { type: "string", default: "1" },
      count: { type: "string", default: "1" },
      step: { type: "string", default: "1" },
      until: { type: "string", default: "1" },
      services: { type: "boolean", default: false },
    },
  });
  const { services } = values;
  const [from, count, step, until] = [
    Number(values.from),
    Number(values.count),
    Number(values.step),
    Number(values.until),
  ];
  let found = 0;
  for (let done = 0; done < count && found < until; done += BATCH) {
    const coverage = new Coverage();
    const violations: WorkerReport["violations"][number][] = [];
    let [simulatedMs, events, operations, seeds] = [0, 0, 0, 0];
    for (let at = done; at < Math.min(count, done + BATCH) && found < until; at++) {
      const seed = from + at * step;
      const result = await runSeed(seed, { services });
      coverage.add(result.coverage);
      simulatedMs += result.simulatedMs;
      events += result.events;
      operations += result.operations;
      seeds++;
      if (result.violation === null) continue;
      violations.push({ seed, ...result.violation });
      found++;
    }
    const report = { seeds, simulatedMs, events, operations, coverage: coverage.toJSON(), violations };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
}

await work();
