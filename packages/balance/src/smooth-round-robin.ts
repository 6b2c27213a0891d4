import { LIMITS } from "@dister/types";
import { activeWeight, type Candidate, refusal } from "./candidate.ts";
import { type Turn, Turns } from "./turns.ts";

/**
 * Smooth weighted round robin: in every run of as many picks as the weights sum up to, each candidate comes exactly as
 * often as its weight says, and its turns are spread over the run instead of coming in one block.
 *
 * Not random: two that start together with the same list choose alike.
 */
export class SmoothRoundRobin<T extends Candidate> {
  readonly #keyOf: (candidate: T) => string;
  readonly #turns = new Turns<T>();

  /** @param options.keyOf - what makes a candidate the same one across updates; different for each of a list. */
  constructor(options: { readonly keyOf: (candidate: T) => string }) {
    this.#keyOf = options.keyOf;
  }

  /** How many can be chosen. */
  get size(): number {
    return this.#turns.size;
  }

  /**
   * Takes a new list. A candidate that could be chosen before and still can keeps its place in the turn, whatever
   * happens to the others; one that is new, or comes back to life, starts with nothing owed.
   * @param candidates - at most `LIMITS.serviceNodesMax`.
   * @throws DisterError `DISTER_ERR_INVALID` for a weight, a key that comes twice or a list too long; the old list
   *   stays in use then.
   */
  update(candidates: readonly T[]): void {
    checkListLength(candidates);
    const seen = new Set<string>();
    const turns: Turn<T>[] = [];
    candidates.forEach((candidate, position) => {
      const weight = activeWeight(candidate, position);
      const key = this.#keyOf(candidate);
      if (seen.has(key)) throw refusal(`candidates.${position}`, "a key that came before", "each key once");
      seen.add(key);
      if (weight > 0) turns.push({ key, item: candidate, weight });
    });
    this.#turns.update(turns);
  }

  /** The next one; undefined when nobody can be chosen. Looks at each candidate once and allocates nothing. */
  pick(): T | undefined {
    return this.#turns.next();
  }
}

/** @throws DisterError `DISTER_ERR_INVALID` naming `candidates`. */
export function checkListLength(candidates: readonly unknown[]): void {
  if (candidates.length > LIMITS.serviceNodesMax) {
    throw refusal("candidates", `${candidates.length} of them`, `at most ${LIMITS.serviceNodesMax}`);
  }
}
