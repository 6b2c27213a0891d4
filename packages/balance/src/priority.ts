import type { Rng } from "@dister/types";
import { activeWeight, type Candidate } from "./candidate.ts";

/**
 * Draws one candidate at random, each with the probability weight / sum of the weights of those alive.
 * Two passes over the list and no allocation; for many picks from one list, {@link PriorityPicker} is faster and draws
 * the same candidate from the same random number.
 * @returns undefined when nobody is alive with a weight above 0.
 * @throws DisterError `DISTER_ERR_INVALID` naming the field of a weight that is not a whole number from 0 to 1,000,000.
 */
export function choosePriority<T extends Candidate>(candidates: readonly T[], rng: Pick<Rng, "next">): T | undefined {
  let total = 0;
  for (let position = 0; position < candidates.length; position++) {
    total += activeWeight(candidates[position]!, position);
  }
  if (total === 0) return undefined;
  let left = ticketOf(total, rng);
  for (let position = 0; position < candidates.length; position++) {
    left -= activeWeight(candidates[position]!, position);
    if (left < 0) return candidates[position];
  }
  return undefined;
}

/**
 * Draws from a list that was read once: a pick costs a binary search over the running sums and allocates nothing.
 * A change of the list, of a weight or of `alive` is not seen; make a new picker then.
 */
export class PriorityPicker<T extends Candidate> {
  readonly #rng: Pick<Rng, "next">;
  readonly #choosable: readonly T[];
  /** `#sums[i]` is the sum of the weights up to and including candidate i; whole numbers, strictly rising. */
  readonly #sums: Float64Array;
  readonly #total: number;

  /** @throws DisterError `DISTER_ERR_INVALID` as {@link choosePriority}. */
  constructor(components: { readonly rng: Pick<Rng, "next"> }, candidates: readonly T[]) {
    this.#rng = components.rng;
    this.#choosable = candidates.filter((candidate, position) => activeWeight(candidate, position) > 0);
    this.#sums = new Float64Array(this.#choosable.length);
    let total = 0;
    for (let position = 0; position < this.#choosable.length; position++) {
      total += this.#choosable[position]!.weight;
      this.#sums[position] = total;
    }
    this.#total = total;
  }

  /** How many of the list can be chosen at all. */
  get size(): number {
    return this.#choosable.length;
  }

  /** Draws one; undefined when nobody can be chosen. */
  pick(): T | undefined {
    if (this.#total === 0) return undefined;
    const sums = this.#sums;
    const ticket = ticketOf(this.#total, this.#rng);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > ticket) high = middle;
      else low = middle + 1;
    }
    return this.#choosable[low];
  }
}

/**
 * A whole number from 0 to `total` - 1. Candidate i owns as many of these tickets as its weight, so none is left over
 * at either end. A double below 1 times a total below 2^53 never rounds up to the total, but a random source that
 * returned 1 would go beyond the last ticket, and then nobody would be chosen: the last ticket is the limit.
 */
function ticketOf(total: number, rng: Pick<Rng, "next">): number {
  return Math.min(Math.floor(rng.next() * total), total - 1);
}
