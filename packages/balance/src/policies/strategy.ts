import type { Entry } from "../roster.ts";

/** Who is not to be chosen any more, and, when somebody wants to know, where to say why it went as it did. */
export interface Round {
  /** Positions of those chosen before, so that nobody comes twice. */
  readonly taken: ReadonlySet<number>;
  /** Called with one clause about the draw. */
  readonly note?: ((says: string) => void) | undefined;
  /** Called for each candidate that could not be taken because it has too much to do. */
  readonly overloaded?: ((position: number, says: string) => void) | undefined;
}

/** How one policy chooses. It sees only those who may be chosen. */
export interface Strategy<T> {
  /** Takes a new list, or the same with other weights. */
  update(entries: readonly Entry<T>[]): void;
  /** Chooses one, as fast as it can be done; undefined when there is nobody. */
  next(key: string | undefined): Entry<T> | undefined;
  /** Chooses one that is not taken; with nobody taken the one that `next` would have chosen. */
  nextOf(round: Round, key: string | undefined): Entry<T> | undefined;
}

/** A number in a sentence: at most four digits behind the point. */
export function figure(value: number): string {
  return String(Number(value.toFixed(4)));
}
