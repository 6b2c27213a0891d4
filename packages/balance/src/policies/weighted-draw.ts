import type { Rng } from "@dister/types";
import type { Entry } from "../roster.ts";
import { drawIndex, runningSums } from "../running-sums.ts";
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
    const left = taken.size === 0 ? this.#entries : this.#entries.filter(({ position }) => !taken.has(position));
    if (left.length === 0) return undefined;
    const sums = taken.size === 0 ? this.#sums : runningSums(left.map(({ weight }) => weight));
    let random = 0;
    const index = drawIndex(sums, { next: () => (random = this.#rng.next()) });
    if (note !== undefined) {
      const total = sums[sums.length - 1]!;
      const range = `${figure(sums[index - 1] ?? 0)} up to ${figure(sums[index]!)}`;
      note(`drew ${figure(random * total)} of ${figure(total)}, and ${range} is its share`);
    }
    return left[index];
  }
}
