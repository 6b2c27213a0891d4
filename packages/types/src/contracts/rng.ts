/**
 * Random numbers from outside.
 *
 * Duties:
 * 1. `next` is uniform in [0, 1).
 * 2. `bytes` of the real implementation are unpredictable; those of the seeded one repeat with the seed.
 */
export interface Rng {
  next(): number;
  bytes(count: number): Uint8Array;
}
