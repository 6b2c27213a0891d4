import { runSeed } from "./run.ts";

/**
 * Finds fewer faults of a run that break the same rule: takes out ever smaller groups as long as it still breaks. The run
 * is the same without them but for what they caused, because every purpose draws from random numbers of its own.
 */
export async function shrink(seed: number, rule: string, faults: readonly number[]): Promise<readonly number[]> {
  const breaks = async (kept: readonly number[]): Promise<boolean> =>
    (await runSeed(seed, { faults: kept })).violation?.rule === rule;
  let kept = faults;
  for (let size = Math.ceil(kept.length / 2); size >= 1; ) {
    let smaller: readonly number[] | null = null;
    for (let from = 0; from < kept.length && smaller === null; from += size) {
      const without = kept.filter((_, at) => at < from || at >= from + size);
      if (await breaks(without)) smaller = without;
    }
    if (smaller !== null) kept = smaller;
    else if (size === 1) break;
    else size = Math.ceil(size / 2);
    size = Math.min(size, Math.max(1, kept.length));
    if (kept.length === 0) break;
  }
  return kept;
}
