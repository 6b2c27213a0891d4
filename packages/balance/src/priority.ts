import type { Rng } from "@dister/types";
import { activeWeight, type Candidate } from "./candidate.ts";
import { drawIndex, runningSums } from "./running-sums.ts";

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
  readonly #sums: Float64Array;

  /** @throws DisterError `DISTER_ERR_INVALID` as {@link choosePriority}. */
  constructor(components: { readonly rng: Pick<Rng, "next"> }, candidates: readonly T[]) {
    this.#rng = components.rng;
    this.#choosable = candidates.filter((candidate, position) => activeWeight(candidate, position) > 0);
    this.#sums = runningSums(this.#choosable.map(({ weight }) => weight));
  }

  /** How many of the list can be chosen at all. */
  get size(): number {
    return this.#choosable.length;
  }

  /** Draws one; undefined when nobody can be chosen. */
  pick(): T | undefined {
    return this.#choosable[drawIndex(this.#sums, this.#rng)];
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
