import type { Clock } from "@dister/types";

/** Resolves after `ms` milliseconds of the given clock. */
export function rest(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(ms, resolve));
}
