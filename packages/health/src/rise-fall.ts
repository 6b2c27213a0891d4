import { DisterError, STATUS, type Status } from "@dister/types";

/** How many results in a row change a status. */
export interface RiseFallOptions {
  /** Successes in a row that make the dead alive, 1 or more. */
  readonly rise: number;
  /** Failures in a row that make the living dead, 1 or more. */
  readonly fall: number;
  /** Null: not known; `rise` successes or `fall` failures in a row then decide for the first time. */
  readonly initial: Status | null;
}

/** Decides a status from single results, so that one lost packet does not take a node out. Knows no time and no I/O. */
export class RiseFall {
  readonly #rise: number;
  readonly #fall: number;
  #status: Status | null;
  #found: Status | null = null;
  /** Results in a row that speak for another status, and which. */
  #against: { status: Status; count: number } = { status: STATUS.dead, count: 0 };

  /** @throws DisterError `DISTER_ERR_INVALID` when `rise` or `fall` is not a whole number from 1. */
  constructor(options: RiseFallOptions) {
    this.#rise = countOf("rise", options.rise);
    this.#fall = countOf("fall", options.fall);
    this.#status = options.initial;
  }

  /** Null while nothing was given or decided. */
  get status(): Status | null {
    return this.#status;
  }

  /** The status, once a result has spoken for it: what was given may have been over when the first came. Null before. */
  get found(): Status | null {
    return this.#found;
  }

  /** Takes the result of a check and returns the new status if it changed. A result that fits the status starts anew. */
  observe(ok: boolean): Status | undefined {
    const status = ok ? STATUS.alive : STATUS.dead;
    const count = status === this.#status ? 0 : status === this.#against.status ? this.#against.count + 1 : 1;
    this.#against = { status, count };
    if (status === this.#status) this.#found = status;
    if (count < (ok ? this.#rise : this.#fall)) return undefined;
    this.#against.count = 0;
    this.#status = status;
    this.#found = status;
    return status;
  }
}

function countOf(field: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new DisterError("DISTER_ERR_INVALID", { field, got: String(count), allowed: "a whole number from 1" });
}
