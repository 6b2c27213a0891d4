import { type CommandOutcome, LIMITS, type LogId } from "@dister/types";

/** Removing a row at a time would write a page more for every put. */
const ROWS_REMOVED_TOGETHER = 1_000;

interface Remembered {
  readonly timeMs: number;
  readonly outcome: CommandOutcome;
}

/**
 * The requests that are remembered, oldest first. The order of the log is that of log time too, because log time never
 * goes back, so forgetting always begins at the front, and what is forgotten is a function of the log alone.
 */
export class RequestIds {
  readonly #known = new Map<string, Remembered>();
  /**
   * The same in order, from `#first` on. A map keeps its order too, but walks over what was deleted at its front every
   * time it is asked for its first.
   */
  #order: Remembered[] = [];
  #first = 0;
  #forgotten = 0;

  get size(): number {
    return this.#known.size;
  }

  get(requestId: string): CommandOutcome | undefined {
    return this.#known.get(requestId)?.outcome;
  }

  /** Adds the newest request; the oldest goes when there are too many. */
  remember(outcome: CommandOutcome, timeMs: number): void {
    const newest = { timeMs, outcome };
    this.#known.set(outcome.requestId, newest);
    this.#order.push(newest);
    while (this.#known.size > LIMITS.requestIdsKeptMax) this.#forgetOldest();
  }

  /** Forgets what is older than `LIMITS.requestIdKeptMs` at this log time. */
  forgetBefore(logTimeMs: number): void {
    for (;;) {
      const oldest = this.#order[this.#first];
      if (oldest === undefined || logTimeMs - oldest.timeMs <= LIMITS.requestIdKeptMs) return;
      this.#forgetOldest();
    }
  }

  /** Log id of the oldest request that is remembered; everything older is forgotten, its row may still be there. */
  oldestLogId(): LogId {
    return this.#order[this.#first]?.outcome.logId ?? Number.MAX_SAFE_INTEGER;
  }

  /** True from time to time, when enough was forgotten for its rows to be removed together. */
  takeDue(): boolean {
    if (this.#forgotten < ROWS_REMOVED_TOGETHER) return false;
    this.#forgotten = 0;
    return true;
  }

  #forgetOldest(): void {
    this.#known.delete(this.#order[this.#first++]!.outcome.requestId);
    this.#forgotten++;
    if (this.#first * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
  }
}
