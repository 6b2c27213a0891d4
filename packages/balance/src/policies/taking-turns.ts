import type { Entry } from "../roster.ts";
import { Turns } from "../turns.ts";
import { figure, type Round, type Strategy } from "./strategy.ts";

/**
 * Policy `round-robin`: each in turn, as often as its weight says. Several at once are one turn, of the first: those behind
 * it are who would come next, and their turns are still to come. Were they charged as well, whoever always uses the first
 * and keeps the others to fall back on would, of four equal ones asked for by two, only ever use two.
 */
export class TakingTurns<T> implements Strategy<T> {
  readonly #turns = new Turns<Entry<T>>();
  /** The turns behind the one that was taken last, where somebody has looked ahead. */
  #ahead: Turns<Entry<T>> | undefined;

  update(entries: readonly Entry<T>[]): void {
    this.#turns.update(entries.map((entry) => ({ key: entry.id, item: entry, weight: entry.weight })));
  }

  next(): Entry<T> | undefined {
    return this.#turns.next();
  }

  nextOf({ taken, note }: Round): Entry<T> | undefined {
    const isFirst = taken.size === 0;
    this.#ahead = isFirst ? undefined : (this.#ahead ?? this.#turns.copy());
    const next = (this.#ahead ?? this.#turns).nextOf(({ position }) => !taken.has(position));
    if (next === undefined) return undefined;
    const when = isFirst ? "after each got its weight" : "when those chosen before have had their turns";
    note?.(`its credit of ${figure(next.credit)} is the highest, ${when}`);
    return next.item;
  }
}
