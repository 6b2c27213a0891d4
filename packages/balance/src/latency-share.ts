/** Latencies below this count as this: on one machine a check takes a fraction of it, and the difference is noise. */
export const LATENCY_FLOOR_MS = 1;

/** The slowest candidate keeps this share of its weight: it is never left out for being slow. */
export const LATENCY_SHARE_MIN = 0.05;

/**
 * The shares of their weights that candidates have by latency: the fastest all of it, one that takes twice as long half
 * of it, and so on down to {@link LATENCY_SHARE_MIN}. One that was not measured yet counts as the median of the others.
 * @param latenciesMs - of those who may be chosen; finite, 0 or more, undefined where nothing was measured.
 */
export function latencyShares(latenciesMs: readonly (number | undefined)[]): number[] {
  const measured = latenciesMs
    .filter((latency) => latency !== undefined)
    .map((latency) => Math.max(latency, LATENCY_FLOOR_MS))
    .sort((a, b) => a - b);
  if (measured.length === 0) return latenciesMs.map(() => 1);
  const fastest = measured[0]!;
  const median = measured[Math.floor((measured.length - 1) / 2)]!;
  return latenciesMs.map((latency) => {
    const counted = latency === undefined ? median : Math.max(latency, LATENCY_FLOOR_MS);
    return Math.max(fastest / counted, LATENCY_SHARE_MIN);
  });
}
