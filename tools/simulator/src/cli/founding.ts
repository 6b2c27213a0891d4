import { type FoundingResult, runFounding } from "../founding/founding-run.ts";

/** Runs foundings one after the other; true when every rule held. */
export async function runFoundings({ from, seeds }: { from: number; seeds: number }): Promise<boolean> {
  const startedMs = performance.now();
  const [results, broken]: [FoundingResult[], FoundingResult[]] = [[], []];
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await runFounding(seed);
    results.push(result);
    if (result.violation === null) continue;
    broken.push(result);
    console.log(`seed ${seed}: ${result.violation}`);
  }
  const sum = (of: (result: FoundingResult) => number): number => results.reduce((all, one) => all + of(one), 0);
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
  console.log(`${results.length} foundings in ${minutes} minutes, ${sum(({ kills }) => kills)} power failures`);
  console.log(
    `${sum(({ clusters }) => clusters)} clusters; ${sum(({ members }) => members)} of ${sum(({ nodes }) => nodes)} nodes belong to one`,
  );
  console.log(broken.length === 0 ? "no violation" : `${broken.length} violations`);
  return broken.length === 0;
}
