import { DisterError, STATUS, type Status } from "@dister/types";

/** How many results in a row change a status. */
export interface RiseFallOptions {
  /** Successes in a row that make the dead alive, 1 or more. */
  readonly rise: number;
  /** Failures in a row that make the living dead, 1 or more. */
  readonly fall: number;
  readonly initial: Status;
}

/** Decides a status from single results, so that one lost packet does not take a node out. Knows no time and no I/O. */
export class RiseFall {
  readonly #rise: number;
  readonly #fall: number;
  #status: Status;
  /** Results in a row that speak against the status. */
  #against = 0;

  /** @throws DisterError `DISTER_ERR_INVALID` when `rise` or `fall` is not a whole number from 1. */
  constructor(options: RiseFallOptions) {
    this.#rise = countOf("rise", options.rise);
    this.#fall = countOf("fall", options.fall);
    this.#status = options.initial;
  }

  get status(): Status {
    return this.#status;
  }

  /** Takes the result of a check and returns the new status if it changed. A result that fits the status starts anew. */
  observe(ok: boolean): Status | undefined {
    const alive = this.#status === STATUS.alive;
    if (ok === alive) {
      this.#against = 0;
      return undefined;
    }
    this.#against += 1;
    if (this.#against < (alive ? this.#fall : this.#rise)) return undefined;
    this.#against = 0;
    this.#status = alive ? STATUS.dead : STATUS.alive;
    return this.#status;
  }
}

function countOf(field: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new DisterError("DISTER_ERR_INVALID", { field, got: String(count), allowed: "a whole number from 1" });
}
