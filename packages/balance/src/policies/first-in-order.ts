import type { Candidate } from "../candidate.ts";
import type { Entry } from "../roster.ts";
import type { Round, Strategy } from "./strategy.ts";

/**
 * Policy `first`: the first of the list, or, with an order of tags, the first of those with the foremost tag. Weights
 * count only in so far as 0 is never chosen.
 */
export class FirstInOrder<T extends Candidate> implements Strategy<T> {
  readonly #ranks: ReadonlyMap<string, number>;
  #ordered: readonly Entry<T>[] = [];

  constructor(tagOrder: readonly string[]) {
    // Of a tag that is named twice the first place counts.
    this.#ranks = new Map([...new Set(tagOrder)].map((tag, rank) => [tag, rank]));
  }

  update(entries: readonly Entry<T>[]): void {
    // Sorting is stable: equals stay in the order of the list.
    this.#ordered = [...entries].sort((a, b) => this.#rankOf(a) - this.#rankOf(b));
  }

  next(): Entry<T> | undefined {
    return this.#ordered[0];
  }

  nextOf({ taken, note }: Round): Entry<T> | undefined {
    const first = this.#ordered.find(({ position }) => !taken.has(position));
    if (first === undefined) return undefined;
    const before = taken.size === 0 ? "" : " behind those chosen before";
    const order = this.#ranks.size === 0 ? "the list" : "the order of tags";
    note?.(`it is the first in ${order}${before}`);
    return first;
  }

  /** Those without a tag of the order come behind all others. */
  #rankOf({ candidate }: Entry<T>): number {
    let best = this.#ranks.size;
    for (const tag of candidate.tags ?? []) best = Math.min(best, this.#ranks.get(tag) ?? best);
    return best;
  }
}
