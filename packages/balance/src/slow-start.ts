import { refusal } from "./candidate.ts";

/** How a candidate that has become healthy comes back: its weight grows in a straight line to the full one. */
export interface SlowStart {
  /** Milliseconds from healthy to full weight, above 0. Long: new ones idle. Short: caches are cold when the load comes. */
  readonly durationMs: number;
  /** Share of the weight at the beginning, 0.001 to 1; default {@link SLOW_START_FLOOR}. */
  readonly floor?: number | undefined;
}

export const SLOW_START_FLOOR = 0.1;

/** Steps in which the weight grows; a list is not read again more often than that. */
export const SLOW_START_STEPS = 100;

/**
 * The share of its weight that a candidate has now: `floor` when it has just become healthy (or will in the future), 1
 * after `durationMs`; never falls as time goes on.
 */
export function slowStartShare(healthySinceMs: number | undefined, nowMs: number, slowStart: SlowStart): number {
  if (healthySinceMs === undefined) return 1;
  const floor = slowStart.floor ?? SLOW_START_FLOOR;
  const passed = (nowMs - healthySinceMs) / slowStart.durationMs;
  if (passed >= 1) return 1;
  return passed <= 0 ? floor : floor + (1 - floor) * passed;
}

/** @throws DisterError `DISTER_ERR_INVALID` naming `slowStart.durationMs` or `slowStart.floor`. */
export function checkSlowStart({ durationMs, floor }: SlowStart): void {
  if (!(Number.isFinite(durationMs) && durationMs > 0)) {
    throw refusal("slowStart.durationMs", durationMs, "a finite number of milliseconds above 0");
  }
  if (floor !== undefined && !(floor >= 0.001 && floor <= 1)) {
    throw refusal("slowStart.floor", floor, "a share from 0.001 to 1");
  }
}
