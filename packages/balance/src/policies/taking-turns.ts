import type { Entry } from "../roster.ts";
import { Turns } from "../turns.ts";
import { figure, type Round, type Strategy } from "./strategy.ts";

/** Policy `round-robin`: each in turn, as often as its weight says. */
export class TakingTurns<T> implements Strategy<T> {
  readonly #turns = new Turns<Entry<T>>();

  update(entries: readonly Entry<T>[]): void {
    this.#turns.update(entries.map((entry) => ({ key: entry.id, item: entry, weight: entry.weight })));
  }

  next(): Entry<T> | undefined {
    return this.#turns.next();
  }

  nextOf({ taken, note }: Round): Entry<T> | undefined {
    const next = this.#turns.nextOf(({ position }) => !taken.has(position));
    if (next === undefined) return undefined;
    note?.(`its credit of ${figure(next.credit)} is the highest, after each got its weight`);
    return next.item;
  }

  settle(): void {
    this.#turns.settle();
  }
}
