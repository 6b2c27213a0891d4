import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Chance } from "../chance.ts";
import { Cluster } from "../cluster.ts";
import { isInSandbox, runInSandbox } from "../sandbox.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type Measured, measure } from "./measure.ts";

const USAGE = `pnpm network-faults [--runs 5] [--seconds 20] [--fault ${FAULTS.map(({ name }) => name).join(",")}] [--json]`;

interface Options {
  readonly runs: number;
  readonly faultMs: number;
  readonly faults: readonly Fault[];
  readonly json: boolean;
}

/** Exit codes: 0 no violation, 1 a violation, 2 wrong usage or a run that could not be made. */
async function main(): Promise<number> {
  let options: Options;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const code = await runInSandbox({ ownNetwork: true });
  if (code !== undefined) return code;
  if (!isInSandbox()) {
    console.error("this machine allows no network namespaces, which these measurements need");
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), "dister-network-faults-"));
  const results = await measureAll(options, folder);
  if (options.json) console.log(JSON.stringify(results));
  else console.log(table(options.faults, results));
  const violations = results.flatMap((result) => result.violations.map((violation) => `${result.fault}: ${violation}`));
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) console.error(`logs and data are kept in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  return violations.length > 0 ? 1 : 0;
}

/** @throws Error with one line for people. */
function optionsOf(argv: readonly string[]): Options {
  const { values } = parseArgs({
    // The package manager hands on the dashes that separate its own options.
    args: argv.filter((arg) => arg !== "--"),
    options: {
      runs: { type: "string", default: "5" },
      seconds: { type: "string", default: "20" },
      fault: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const names = values.fault?.split(",") ?? FAULTS.map(({ name }) => name);
  const faults = names.map((name) => {
    const fault = FAULTS.find((one) => one.name === name);
    if (fault === undefined)
      throw new Error(`--fault: got ${name}, allowed is ${FAULTS.map((one) => one.name).join(", ")}`);
    return fault;
  });
  const [runs, seconds] = [Number(values.runs), Number(values.seconds)];
  if (!Number.isInteger(runs) || runs < 1)
    throw new Error(`--runs: got ${values.runs}, allowed is a whole number from 1`);
  if (!(seconds >= 1)) throw new Error(`--seconds: got ${values.seconds}, allowed is a number from 1`);
  return { runs, faultMs: seconds * 1_000, faults, json: values.json };
}

async function measureAll({ runs, faultMs, faults, json }: Options, folder: string): Promise<Measured[]> {
  const results: Measured[] = [];
  const options = { size: 3, diskKind: "tmpfs", networkKind: "namespaces", chance: new Chance(1), folder } as const;
  const cluster = await Cluster.start(options);
  try {
    for (let run = 0; run < runs; run++) {
      for (const fault of faults) {
        const result = await measure(cluster, fault, { faultMs, run });
        results.push(result);
        if (!json) console.error(`run ${run + 1} of ${runs}: ${lineOf(result)}`);
      }
    }
    for (const { node, code, signal, stderr } of cluster.unexpectedExits) {
      const violation = `${node} ended by itself with ${code ?? signal}: ${stderr}`;
      results.push({ ...results.at(-1)!, violations: [violation] });
    }
  } finally {
    await cluster.close();
  }
  return results;
}

function lineOf({ fault, terms, termsAfter, outageMs, recoveryMs, acknowledged, violations }: Measured): string {
  const writes = `${acknowledged} writes, outage ${Math.round(outageMs)} ms, back after ${Math.round(recoveryMs)} ms`;
  return `${fault}: ${terms} + ${termsAfter} terms, ${writes}, ${violations.length} violations`;
}

/** A table in Markdown: the median of all runs, and the most in brackets. */
function table(faults: readonly Fault[], results: readonly Measured[]): string {
  const rows = faults.map(({ name, what }) => {
    const own = results.filter(({ fault }) => fault === name);
    const of = (pick: (result: Measured) => number): string => {
      const sorted = own.map(pick).sort((a, b) => a - b);
      return `${Math.round(sorted[Math.floor(sorted.length / 2)]!)} (${Math.round(sorted.at(-1)!)})`;
    };
    const { terms, after, outage, recovery } = {
      terms: of((result) => result.terms),
      after: of((result) => result.termsAfter),
      outage: of((result) => result.outageMs),
      recovery: of((result) => result.recoveryMs),
    };
    return `| ${name} | ${what} | ${terms} | ${after} | ${outage} | ${recovery} |`;
  });
  return [
    "| fault | what is cut | terms during it | terms after | no write for, ms | all nodes write again after, ms |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error);
    return 2;
  }),
);
