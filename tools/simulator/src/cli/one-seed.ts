import { runSeed } from "../run.ts";
import { settingOf } from "../world/setting.ts";

/** Runs one seed and tells about it; true when every rule held. */
export async function runOne(options: {
  seed: number;
  faults: readonly number[] | undefined;
  trace: boolean;
  services: boolean;
}): Promise<boolean> {
  const { seed, faults, trace, services } = options;
  const result = await runSeed(seed, { trace, services, ...(faults === undefined ? {} : { faults }) });
  if (trace) process.stdout.write(result.trace);
  const { voters, spares } = settingOf(seed);
  console.log(
    `seed ${seed}: ${voters} voters, ${spares} spare, ${result.operations} operations, ${result.events} events`,
  );
  for (const { number, kind, atMs, forMs } of result.faults) {
    console.log(`  fault ${number} ${kind} at ${atMs.toFixed(0)} ms for ${forMs.toFixed(0)} ms`);
  }
  console.log(`${(result.simulatedMs / 1000).toFixed(1)} simulated seconds, checksum ${result.checksum.toString(16)}`);
  if (result.violation === null) console.log("no violation");
  else console.log(`breaks ${result.violation.rule}: ${result.violation.message}`);
  return result.violation === null;
}
