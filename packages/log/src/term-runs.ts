/** Terms of consecutive entries, kept as runs: a term seldom changes. Terms never fall as the index grows. */
export class TermRuns {
  readonly #from: number[] = [];
  readonly #term: number[] = [];

  /** Says that the entries from `index` on have this term. */
  push(index: number, term: number): void {
    if (this.#term.at(-1) === term) return;
    this.#from.push(index);
    this.#term.push(term);
  }

  /** Forgets the entries from `index` on. */
  cutFrom(index: number): void {
    while (this.#from.length > 0 && this.#from.at(-1)! >= index) {
      this.#from.pop();
      this.#term.pop();
    }
  }

  /** Term of an entry at or behind the first that was pushed. */
  at(index: number): number | undefined {
    let [low, high] = [0, this.#from.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#from[middle]! <= index) low = middle + 1;
      else high = middle;
    }
    return this.#term[low - 1];
  }
}

/**
 * Finds the runs of a stretch of entries by asking for few of them: what lies between two equal terms is equal.
 * @param termOf - reads the term of one entry.
 */
export function runsBetween(first: number, last: number, termOf: (index: number) => number): TermRuns {
  const runs = new TermRuns();
  const fill = (low: number, lowTerm: number, high: number, highTerm: number): void => {
    if (lowTerm === highTerm) return;
    if (high - low === 1) {
      runs.push(high, highTerm);
      return;
    }
    const middle = Math.floor((low + high) / 2);
    const term = termOf(middle);
    fill(low, lowTerm, middle, term);
    fill(middle, term, high, highTerm);
  };
  const firstTerm = termOf(first);
  runs.push(first, firstTerm);
  if (last > first) fill(first, firstTerm, last, termOf(last));
  return runs;
}
