/** Lets one of many equal events through, at most one per interval, and counts the others. */
export class Seldom {
  readonly #everyMs: number;
  #nextMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** @returns null when the event is to be passed over, else how many were since the last one that was not. */
  admit(nowMs: number): number | null {
    if (nowMs < this.#nextMs) {
      this.#leftOut++;
      return null;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#nextMs = nowMs + this.#everyMs;
    return leftOut;
  }
}
