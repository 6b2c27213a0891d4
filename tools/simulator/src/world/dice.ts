import { SeededRng } from "@dister/types/testing";

/** Random numbers of one purpose. Each purpose has its own, so that taking a fault away leaves the rest as it was. */
export class Dice extends SeededRng {
  static of(seed: number, purpose: string): Dice {
    let mixed = seed | 0;
    for (let at = 0; at < purpose.length; at++)
      mixed = (Math.imul(mixed ^ purpose.charCodeAt(at), 0x01000193) + at) | 0;
    return new Dice(mixed);
  }

  /** A number in [from, to). */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
}
