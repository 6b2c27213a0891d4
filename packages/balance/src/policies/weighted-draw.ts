import type { Rng } from "@dister/types";
import type { Entry } from "../roster.ts";
import { drawIndex, indexAt, runningSums } from "../running-sums.ts";
import { figure, type Round, type Strategy } from "./strategy.ts";

/** Policies `priority` and `latency`: random, each with the probability weight / sum of the weights. */
export class WeightedDraw<T> implements Strategy<T> {
  readonly #rng: Pick<Rng, "next">;
  #entries: readonly Entry<T>[] = [];
  #sums: Float64Array = new Float64Array(0);

  constructor(rng: Pick<Rng, "next">) {
    this.#rng = rng;
  }

  update(entries: readonly Entry<T>[]): void {
    this.#entries = entries;
    this.#sums = runningSums(entries.map(({ weight }) => weight));
  }

  next(): Entry<T> | undefined {
    return this.#entries[drawIndex(this.#sums, this.#rng)];
  }

  nextOf({ taken, note }: Round): Entry<T> | undefined {
    const gaps = [...taken].map((position) => this.#indexOf(position)).sort((a, b) => a - b);
    if (gaps.length >= this.#entries.length) return undefined;
    const total = gaps.reduce((left, gap) => left - this.#entries[gap]!.weight, this.#sums.at(-1)!);
    const point = this.#rng.next() * total;
    // The others lie side by side on the line of all; what was taken is stepped over.
    let skipped = 0;
    for (const gap of gaps) if (point + skipped >= this.#startOf(gap)) skipped += this.#entries[gap]!.weight;
    let index = indexAt(this.#sums, point + skipped);
    // Fractions may be rounded across the border of a gap.
    while (gaps.includes(index)) index = (index + 1) % this.#entries.length;
    if (note !== undefined) {
      const range = `${figure(this.#startOf(index) - skipped)} up to ${figure(this.#sums[index]! - skipped)}`;
      note(`drew ${figure(point)} of ${figure(total)}, and ${range} is its share`);
    }
    return this.#entries[index];
  }

  #startOf(index: number): number {
    return index === 0 ? 0 : this.#sums[index - 1]!;
  }

  /** Entries are in the order of their positions. */
  #indexOf(position: number): number {
    let low = 0;
    let high = this.#entries.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
