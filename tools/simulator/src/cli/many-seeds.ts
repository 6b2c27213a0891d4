import { planFaults } from "../faults/plan.ts";
import { runSeed } from "../run.ts";
import { shrink } from "../shrink.ts";
import { type Sweep, sweep } from "../sweep.ts";
import { INTERESTING, type Interesting, OF_SERVICES } from "../world/coverage.ts";
import { settingOf } from "../world/setting.ts";
import { replayCommand } from "./replay.ts";

/** Between two lines of progress. */
const PROGRESS_MS = 30_000;
/** With fewer seeds than this, a rare state may honestly be missing. */
const SEEDS_FOR_COVERAGE = 1_000;

/** Runs many seeds on some processes; true when every rule held and every interesting state was reached. */
export async function runMany(options: {
  from: number;
  seeds: number;
  jobs: number;
  services: boolean;
}): Promise<boolean> {
  const wanted = options.services ? [...INTERESTING, ...OF_SERVICES] : INTERESTING;
  const startedMs = performance.now();
  const minutes = (): number => (performance.now() - startedMs) / 60_000;
  let [toldMs, told] = [startedMs, 0];
  const total = await sweep(options, ({ seeds, simulatedMs, violations }) => {
    // At once: the rest of a long sweep is not waited for to look into it.
    for (; told < violations.length; told++)
      console.log(`seed ${violations[told]!.seed} breaks ${violations[told]!.rule}`);
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    console.log(
      `${seeds} seeds, ${hours(simulatedMs)} h simulated, ${minutes().toFixed(1)} min, ${violations.length} violations`,
    );
  });
  report(total, { from: options.from, minutes: minutes(), wanted });
  for (const violation of total.violations) await tell(violation, options.services);
  const missing = wanted.filter((what) => total.coverage.count(what) === 0);
  const lacks = options.seeds >= SEEDS_FOR_COVERAGE && missing.length > 0;
  if (lacks) console.log(`never reached, so not tested: ${missing.join("; ")}`);
  console.log(total.violations.length === 0 ? "no violation" : `${total.violations.length} violations`);
  return total.violations.length === 0 && !lacks;
}

function hours(simulatedMs: number): string {
  return (simulatedMs / 3_600_000).toFixed(2);
}

function report(
  total: Sweep,
  { from, minutes, wanted }: { from: number; minutes: number; wanted: readonly Interesting[] },
): void {
  const { seeds, simulatedMs, events, operations, coverage } = total;
  console.log(`\n${seeds} seeds from ${from}, clusters of 1 to 7 voters, ${minutes.toFixed(1)} minutes`);
  console.log(`${hours(simulatedMs)} simulated hours, ${hours(simulatedMs / minutes)} in a minute`);
  console.log(`${events} events, ${operations} operations of clients`);
  for (const what of wanted) console.log(`  ${String(coverage.count(what)).padStart(9)}  ${what}`);
}

async function tell({ seed, rule, message }: Sweep["violations"][number], services: boolean): Promise<void> {
  console.log(`\nseed ${seed} breaks ${rule}: ${message}`);
  const planned = planFaults(settingOf(seed));
  const numbers = planned.map(({ number }) => number);
  const stillBreaks = async (faults: readonly number[]): Promise<boolean> =>
    (await runSeed(seed, { faults, services })).violation?.rule === rule;
  const kept = await shrink(numbers, stillBreaks);
  console.log(`of ${planned.length} faults these are enough:`);
  for (const number of kept) {
    const { kind, atMs, forMs } = planned[number]!;
    console.log(`  ${number} ${kind} at ${atMs.toFixed(0)} ms for ${forMs.toFixed(0)} ms`);
  }
  console.log(`replay: ${replayCommand(seed, { faults: kept, services })}`);
}
