import type { Deadline } from "./model.ts";
import type { Operation } from "./operation.ts";

/**
 * Who wrote what, and when it was first and last seen, for models whose writes overwrite. A cell is the text of one thing
 * that can be seen, such as a key with its value.
 */
export class WriteSightings<I, O> {
  readonly #writersOf = new Map<string, number>();
  readonly #seenOf = new Map<string, { firstAt: number; lastAt: number }>();
  readonly #unknown: { readonly operation: Operation<I, O>; readonly cells: readonly string[] }[] = [];

  /** Every write that is not refused has to be told, so that a cell with one writer is known as such. */
  wrote(operation: Operation<I, O>, cells: readonly string[]): void {
    for (const cell of cells) this.#writersOf.set(cell, (this.#writersOf.get(cell) ?? 0) + 1);
    if (operation.outcome === "unknown") this.#unknown.push({ operation, cells });
  }

  /** An answered read that completed at this time showed the cell. */
  saw(cell: string, completedAt: number): void {
    const seen = this.#seenOf.get(cell);
    if (seen === undefined) {
      this.#seenOf.set(cell, { firstAt: completedAt, lastAt: completedAt });
    } else {
      seen.firstAt = Math.min(seen.firstAt, completedAt);
      seen.lastAt = Math.max(seen.lastAt, completedAt);
    }
  }

  /**
   * A write of which no cell was seen after its invocation is unseen: taken out of any order that explains the answers, it
   * leaves an order that does. A write with a cell of its own had taken effect when that cell was first seen.
   * @param initial - cells that can be seen without any write.
   */
  deadlines(initial: ReadonlySet<string>): Map<Operation<I, O>, Deadline> {
    const deadlines = new Map<Operation<I, O>, Deadline>();
    for (const { operation, cells } of this.#unknown) {
      const seen = cells.filter((cell) => (this.#seenOf.get(cell)?.lastAt ?? -Infinity) >= operation.invokedAt);
      const own = seen.filter((cell) => this.#writersOf.get(cell) === 1 && !initial.has(cell));
      if (seen.length === 0) deadlines.set(operation, "unseen");
      else if (own.length > 0)
        deadlines.set(operation, Math.min(...own.map((cell) => this.#seenOf.get(cell)!.firstAt)));
    }
    return deadlines;
  }
}
