import { type CommandOutcome, LIMITS, type LogId } from "@dister/types";

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
  #forgottenUpTo: LogId = 0;

  get size(): number {
    return this.#known.size;
  }

  get(requestId: string): CommandOutcome | undefined {
    return this.#known.get(requestId)?.outcome;
  }

  /** Adds the newest request; the oldest goes when there are too many. */
  remember(outcome: CommandOutcome, timeMs: number): void {
    this.#known.set(outcome.requestId, { timeMs, outcome });
    if (this.#known.size > LIMITS.requestIdsKeptMax)
      this.#forgetWhile(() => this.#known.size > LIMITS.requestIdsKeptMax);
  }

  /** Forgets what is older than `LIMITS.requestIdKeptMs` at this log time. */
  forgetBefore(logTimeMs: number): void {
    this.#forgetWhile((oldest) => logTimeMs - oldest.timeMs > LIMITS.requestIdKeptMs);
  }

  /** Log id up to which requests were forgotten since the last call, 0 for none. */
  takeForgotten(): LogId {
    const upTo = this.#forgottenUpTo;
    this.#forgottenUpTo = 0;
    return upTo;
  }

  #forgetWhile(tooMuch: (oldest: Remembered) => boolean): void {
    for (const [requestId, oldest] of this.#known) {
      if (!tooMuch(oldest)) return;
      this.#known.delete(requestId);
      this.#forgottenUpTo = oldest.outcome.logId;
    }
  }
}
