import { createHash } from "node:crypto";
import { SeededRng } from "@dister/types/testing";

/** Draws that repeat with the seed. */
export class Chance {
  readonly #seed: number;
  readonly #rng: SeededRng;

  constructor(seed: number) {
    this.#seed = seed;
    this.#rng = new SeededRng(seed);
  }

  /** Draws of its own for one purpose, so that what others draw meanwhile does not change them. */
  fork(purpose: string): Chance {
    return new Chance(createHash("sha256").update(`${this.#seed} ${purpose}`).digest().readInt32BE(0));
  }

  /** True with this probability. */
  is(probability: number): boolean {
    return this.#rng.next() < probability;
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.#rng.next() * (high - low + 1));
  }

  /** A number from `low` to `high` whose order of magnitude is even: short times come as often as long ones. */
  magnitude(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.#rng.next());
  }

  one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#rng.next() * of.length)]!;
  }

  /** So many different ones, in any order; all when there are fewer. */
  some<T>(of: readonly T[], count: number): T[] {
    const left = [...of];
    for (let i = left.length - 1; i > 0; i--) {
      const j = this.whole(0, i);
      [left[i], left[j]] = [left[j]!, left[i]!];
    }
    return left.slice(0, count);
  }
}
