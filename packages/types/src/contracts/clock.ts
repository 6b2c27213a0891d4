/** A running timer. */
export interface Timer {
  /** Stops the timer; harmless when it has fired or was stopped. After this the callback is not called any more. */
  cancel(): void;
}

/**
 * Time from outside.
 *
 * Duties:
 * 1. `nowMs` never goes back and does not jump when the wall clock is set.
 * 2. A timer never fires before its time, and never inside `setTimer`.
 * 3. Timers do not keep a process alive by themselves longer than their owner wants: the owner cancels them.
 */
export interface Clock {
  /** Monotonic time in milliseconds, with fractions; its zero means nothing. */
  nowMs(): number;
  /** Wall clock in whole milliseconds since 1970; may jump. Only to stamp commands and log lines. */
  wallMs(): number;
  /** Calls `fire` once, `delayMs` or later from now. */
  setTimer(delayMs: number, fire: () => void): Timer;
}
