import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCluster } from "./cluster-run.ts";
import { type Options, optionsOf, USAGE } from "./options.ts";
import { clusterReport, phaseLine, type Report, reportText } from "./report.ts";
import { runInSandbox } from "./sandbox.ts";
import { bestDiskKind } from "./small-disk.ts";

/** Exit codes: 0 no violation, 1 a violation or an unexpected exit, 2 wrong usage or a run that could not be made. */
async function main(): Promise<number> {
  let options: Options;
  try {
    options = optionsOf(process.argv.slice(2), () => Math.floor(Math.random() * 2 ** 31));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  return (await runInSandbox({ ownNetwork: options.network === "namespaces" })) ?? (await run(options));
}

async function run(options: Options): Promise<number> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), "dister-chaos-"));
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // A second one is meant.
      if (ending.signal.aborted) process.exit(1);
      console.log("ending after this phase");
      ending.abort();
    });
  }
  const diskKind = bestDiskKind(join(folder, "try"));
  console.log(
    `seed ${options.seed}, ${options.minutes} minutes, disks: ${diskKind}, network: ${options.network}, folder ${folder}`,
  );
  const startedMs = performance.now();
  const clusters = [];
  for (const size of options.nodes) {
    if (ending.signal.aborted) break;
    const result = await runCluster({
      folder: join(folder, `${size}-nodes`),
      size,
      diskKind,
      networkKind: options.network,
      seed: options.seed + size,
      totalMs: (options.minutes * 60_000) / options.nodes.length,
      nemeses: options.nemeses,
      signal: ending.signal,
      keep: options.keep,
      onPhase: (phase, of) => console.log(phaseLine({ size, of, sinceMs: performance.now() - startedMs }, phase)),
    });
    clusters.push(clusterReport(result));
  }
  const passed = clusters.every(({ violations }) => violations.length === 0);
  const report: Report = { seed: options.seed, minutes: options.minutes, passed, clusters };
  if (passed && !options.keep) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${reportText(report)}\n\nreport: ${join(folder, "report.json")}`);
  if (!passed) console.log(`everything is kept in ${folder}; to repeat: ${commandOf(options)}`);
  return passed ? 0 : 1;
}

function commandOf({ minutes, nodes, seed, nemeses, network }: Options): string {
  const what = `--minutes ${minutes} --nodes ${nodes.join(",")} --nemesis ${nemeses.join(",")}`;
  return `pnpm chaos --seed ${seed} --network ${network} ${what}`;
}

const code = await main().catch((error: unknown) => {
  console.error(error);
  return 2;
});
// Whatever may still be open belongs to clusters that are gone.
process.exit(code);
