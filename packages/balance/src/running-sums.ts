import type { Rng } from "@dister/types";

/** `sums[i]` is the sum of the weights up to and including i; with weights above 0 it rises strictly. */
export function runningSums(weights: readonly number[]): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  weights.forEach((weight, index) => {
    sum += weight;
    sums[index] = sum;
  });
  return sums;
}

/**
 * A random point from 0 up to, and never, the last sum belongs to the index whose weight it falls into: i owns the points
 * from `sums[i - 1]` up to `sums[i]`, so nothing is left over at either end. A double below 1 times a sum never rounds up
 * to the sum; a random source that returned 1 would go beyond the last point, and still gets the last index.
 * @returns -1 when there are no sums.
 */
export function drawIndex(sums: Float64Array, rng: Pick<Rng, "next">): number {
  const last = sums.length - 1;
  return last < 0 ? -1 : indexAt(sums, rng.next() * sums[last]!);
}

/** Whose weight a point falls into; the last one's, if it lies beyond. */
export function indexAt(sums: Float64Array, point: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
