import type { Operation } from "./operation.ts";

/** When the answered reads that showed a cell were under way. */
export interface Sighting {
  readonly firstCompletedAt: number;
  readonly lastCompletedAt: number;
  readonly lastInvokedAt: number;
}

/**
 * Who wrote what and when it was seen, for models whose writes overwrite. A cell is the text of one thing that can be
 * seen, such as a key with its value.
 */
export class WriteSightings {
  readonly #writersOf = new Map<string, number>();
  readonly #sightingOf = new Map<string, Sighting>();

  /** Every write that is not refused has to be told. */
  wrote(cell: string): void {
    this.#writersOf.set(cell, (this.#writersOf.get(cell) ?? 0) + 1);
  }

  /** An answered read showed the cell. */
  saw(cell: string, { invokedAt, completedAt }: Operation<unknown, unknown>): void {
    const before = this.#sightingOf.get(cell);
    this.#sightingOf.set(cell, {
      firstCompletedAt: Math.min(completedAt, before?.firstCompletedAt ?? completedAt),
      lastCompletedAt: Math.max(completedAt, before?.lastCompletedAt ?? completedAt),
      lastInvokedAt: Math.max(invokedAt, before?.lastInvokedAt ?? invokedAt),
    });
  }

  /** True when no read that saw the cell can have seen this write of it. */
  isUnseen(cell: string, write: Operation<unknown, unknown>): boolean {
    const sighting = this.#sightingOf.get(cell);
    return sighting === undefined || sighting.lastCompletedAt < write.invokedAt;
  }

  /** The reads of a cell that only one write can have caused; undefined when there are several writers or no reads. */
  ofOnlyWriter(cell: string): Sighting | undefined {
    return this.#writersOf.get(cell) === 1 ? this.#sightingOf.get(cell) : undefined;
  }
}
