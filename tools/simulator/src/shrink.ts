/**
 * Finds fewer faults that still break something: takes out ever smaller groups as long as it still breaks.
 * A run without some of its faults is the same but for what they caused, because every purpose draws from random numbers
 * of its own.
 * @param breaks - runs with these faults and says whether the same rule is broken; must be so for `faults`.
 * @returns faults of which none can be left out alone.
 */
export async function shrink(
  faults: readonly number[],
  breaks: (kept: readonly number[]) => Promise<boolean>,
): Promise<readonly number[]> {
  let kept = faults;
  for (let size = Math.ceil(kept.length / 2); size >= 1 && kept.length > 0; ) {
    const smaller = await withoutSome(kept, size, breaks);
    if (smaller !== null) kept = smaller;
    else if (size === 1) return kept;
    size = smaller === null ? Math.ceil(size / 2) : Math.max(1, Math.min(size, kept.length));
  }
  return kept;
}

async function withoutSome(
  kept: readonly number[],
  size: number,
  breaks: (kept: readonly number[]) => Promise<boolean>,
): Promise<readonly number[] | null> {
  for (let from = 0; from < kept.length; from += size) {
    const without = kept.filter((_, at) => at < from || at >= from + size);
    if (await breaks(without)) return without;
  }
  return null;
}
