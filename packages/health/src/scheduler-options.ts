import { DisterError, LIMITS } from "@dister/types";

/** Tuning of a scheduler of checks. */
export interface CheckSchedulerOptions {
  /**
   * Checks that run at the same time at most, 1 or more, default `LIMITS.checksAtOnceMax`; the others wait in the
   * order of their times. Too few, and checks come later than their intervals say.
   */
  readonly checksAtOnceMax?: number;
  /**
   * The first check of a new target comes after a random part of this or of its interval, whichever is shorter; default
   * 5,000. With 0 all targets of a list are checked in the same moment, now and ever after.
   */
  readonly startSpreadMs?: number;
  /**
   * Each check comes up to this part of its interval later, drawn anew each time, 0 to 0.5, default 0. The rhythm itself
   * does not drift. Keeps schedulers apart that share a target.
   */
  readonly jitter?: number;
  /**
   * Milliseconds in which at most one change of a target is told, default 0: each is. A change that is held back is told
   * by the first check behind the window, if it is still one.
   */
  readonly dampingMs?: number;
  /** A check that starts later than this part of its interval is late, above 0, default 0.2. */
  readonly lateFrom?: number;
}

/** With the defaults. @throws DisterError `DISTER_ERR_INVALID` by the name of the option. */
export function schedulerOptions(options: CheckSchedulerOptions): Required<CheckSchedulerOptions> {
  const { checksAtOnceMax = LIMITS.checksAtOnceMax, startSpreadMs = 5_000, jitter = 0 } = options;
  const { dampingMs = 0, lateFrom = 0.2 } = options;
  const isPlace = Number.isSafeInteger(checksAtOnceMax) && checksAtOnceMax >= 1;
  if (!isPlace) throw invalid("checksAtOnceMax", checksAtOnceMax, "a whole number from 1");
  if (!(startSpreadMs >= 0)) throw invalid("startSpreadMs", startSpreadMs, "milliseconds from 0");
  if (!(jitter >= 0 && jitter <= 0.5)) throw invalid("jitter", jitter, "a number from 0 to 0.5");
  if (!(dampingMs >= 0)) throw invalid("dampingMs", dampingMs, "milliseconds from 0");
  if (!(lateFrom > 0)) throw invalid("lateFrom", lateFrom, "a number above 0");
  return { checksAtOnceMax, startSpreadMs, jitter, dampingMs, lateFrom };
}

function invalid(field: string, got: number, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", { field, got: String(got), allowed });
}
