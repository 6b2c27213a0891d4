/** Weight of the newest measurement. Ten checks later, what was before weighs a tenth. */
const NEWEST_WEIGHT = 0.2;

/**
 * The response time of a target, smoothed, for a choice by latency. Only successful checks count: the time of a failure
 * says nothing about how quick a target is.
 */
export class LatencyAverage {
  #ms: number | undefined;

  /** Milliseconds, or undefined while no check has succeeded. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** @param latencyMs - 0 or more; the first one counts as it is. */
  observe(latencyMs: number): void {
    this.#ms = this.#ms === undefined ? latencyMs : this.#ms + NEWEST_WEIGHT * (latencyMs - this.#ms);
  }
}
