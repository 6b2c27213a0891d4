import { DisterError, LIMITS } from "@dister/types";
import { activeWeight, type Candidate } from "./candidate.ts";

interface Slot<T> {
  readonly key: string;
  readonly candidate: T;
  readonly weight: number;
  /** What is owed to this one, in units of 1 / total weight of a pick: ideal picks * total - real picks * total. */
  credit: number;
}

/**
 * Smooth weighted round robin: in every run of as many picks as the weights sum up to, each candidate comes exactly as
 * often as its weight says, and its turns are spread over the run instead of coming in one block.
 *
 * Each pick gives every candidate its weight as credit, takes the one with most credit (the first of equals) and
 * charges it the sum of all weights. Credits are whole numbers and sum up to the same before and after a pick.
 *
 * Not random: two that start together with the same list choose alike.
 */
export class SmoothRoundRobin<T extends Candidate> {
  readonly #keyOf: (candidate: T) => string;
  #slots: Slot<T>[] = [];
  #total = 0;

  /** @param options.keyOf - what makes a candidate the same one across updates; different for each of a list. */
  constructor(options: { readonly keyOf: (candidate: T) => string }) {
    this.#keyOf = options.keyOf;
  }

  /** How many can be chosen. */
  get size(): number {
    return this.#slots.length;
  }

  /**
   * Takes a new list. A candidate that could be chosen before and still can keeps its place in the turn, whatever
   * happens to the others; one that is new, or comes back to life, starts with nothing owed.
   * @param candidates - at most `LIMITS.serviceNodesMax`.
   * @throws DisterError `DISTER_ERR_INVALID` for a weight, a key that comes twice or a list too long; the old list
   *   stays in use then.
   */
  update(candidates: readonly T[]): void {
    if (candidates.length > LIMITS.serviceNodesMax) {
      throw invalid("candidates", `${candidates.length} of them`, `at most ${LIMITS.serviceNodesMax}`);
    }
    const old = new Map(this.#slots.map((slot) => [slot.key, slot.credit]));
    const seen = new Set<string>();
    const slots: Slot<T>[] = [];
    let total = 0;
    candidates.forEach((candidate, position) => {
      const weight = activeWeight(candidate, position);
      const key = this.#keyOf(candidate);
      if (seen.has(key)) throw invalid(`candidates.${position}`, "a key that came before", "each key once");
      seen.add(key);
      if (weight === 0) return;
      slots.push({ key, candidate, weight, credit: old.get(key) ?? 0 });
      total += weight;
    });
    carryOver(slots, this.#total, total);
    this.#slots = slots;
    this.#total = total;
  }

  /** The next one; undefined when nobody can be chosen. Looks at each candidate once and allocates nothing. */
  pick(): T | undefined {
    let best: Slot<T> | undefined;
    for (const slot of this.#slots) {
      slot.credit += slot.weight;
      if (best === undefined || slot.credit > best.credit) best = slot;
    }
    if (best === undefined) return undefined;
    best.credit -= this.#total;
    return best.candidate;
  }
}

/**
 * Carries credits into a list with another sum of weights. A credit of `total` is worth one pick, so it is scaled to
 * stay worth the same; without that, one who was at -900,000 of 1,000,000 would be passed over for hundreds of
 * thousands of turns once the weights are small. Credits are then centred, since only their differences decide, and
 * kept within one pick: with that they stay below 3 * LIMITS.serviceNodesMax * total (3 * 10^14) for ever, exact in a
 * double, however often the list changes.
 */
function carryOver<T>(slots: readonly Slot<T>[], oldTotal: number, total: number): void {
  let sum = 0;
  for (const slot of slots) sum += slot.credit;
  if (total === oldTotal && sum === 0) return;
  const mean = slots.length === 0 ? 0 : sum / slots.length;
  const scale = oldTotal === 0 ? 0 : total / oldTotal;
  for (const slot of slots) {
    slot.credit = Math.max(-total, Math.min(total, Math.round((slot.credit - mean) * scale)));
  }
}

function invalid(field: string, got: string, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
}
