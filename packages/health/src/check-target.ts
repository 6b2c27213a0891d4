import { DisterError, LIMITS, type Status } from "@dister/types";

/** What is to be checked, and what the cluster thinks of it now. */
export interface CheckTarget {
  /** Names the target; different for each of a list. */
  readonly key: string;
  /** Index of the entry that defined the target: another index is another target, even under the same key. */
  readonly definedIndex: number;
  /** Milliseconds from the start of one check to the start of the next. */
  readonly intervalMs: number;
  /** Milliseconds after which a check has failed. */
  readonly timeoutMs: number;
  /** Successes in a row that make the target alive. */
  readonly rise: number;
  /** Failures in a row that make it dead. */
  readonly fall: number;
  /** The status that is in force, whoever decided it; null: none yet. */
  readonly status: Status | null;
  /** As the scheduler's option, for this target alone. */
  readonly jitter?: number | undefined;
}

/** What the checks of one target have found so far. */
export interface CheckReport {
  /**
   * `unknown` until checks have decided a status, or one has spoken for the status in force; then what was found, in force or
   * not. A first check that fails says nothing yet of what is believed alive, and neither does the belief.
   */
  readonly state: "unknown" | "alive" | "dead";
  /** Output of the last check; undefined before the first. */
  readonly output: string | undefined;
  /** Smoothed time of the successful checks in milliseconds; undefined while none has succeeded. */
  readonly latencyMs: number | undefined;
  /** Checks that have ended. */
  readonly checks: number;
}

/** A check that starts too late. */
export interface LateCheck {
  readonly key: string;
  /** Milliseconds from the time when it was due to its start. */
  readonly lateMs: number;
}

/** A decision that the status in force is no longer right. */
export interface StatusDecision {
  readonly key: string;
  readonly definedIndex: number;
  readonly status: Status;
  /** The output of the probe that tipped the scale. */
  readonly output: string;
}

/** True when the checks of `before` go on as those of `after`, counters included. */
export function sameDefinition(before: CheckTarget, after: CheckTarget): boolean {
  return (
    before.definedIndex === after.definedIndex &&
    before.intervalMs === after.intervalMs &&
    before.timeoutMs === after.timeoutMs &&
    before.rise === after.rise &&
    before.fall === after.fall &&
    before.jitter === after.jitter
  );
}

/** @throws DisterError `DISTER_ERR_INVALID` naming the field, `targets.<position>.<field>`. */
export function assertTargets(targets: readonly CheckTarget[]): void {
  const keys = new Set<string>();
  targets.forEach((target, position) => {
    assertRange(position, "intervalMs", target.intervalMs, [LIMITS.checkIntervalMsMin, LIMITS.checkIntervalMsMax]);
    assertRange(position, "timeoutMs", target.timeoutMs, [1, LIMITS.checkIntervalMsMax]);
    assertRange(position, "rise", target.rise, [1, Number.MAX_SAFE_INTEGER]);
    assertRange(position, "fall", target.fall, [1, Number.MAX_SAFE_INTEGER]);
    const { jitter = 0 } = target;
    if (!(jitter >= 0 && jitter <= 0.5)) {
      throw invalid(`targets.${position}.jitter`, String(jitter), "a number from 0 to 0.5");
    }
    if (keys.has(target.key)) throw invalid(`targets.${position}.key`, "a key that came before", "each key once");
    keys.add(target.key);
  });
}

function assertRange(position: number, field: string, value: number, [min, max]: [number, number]): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw invalid(`targets.${position}.${field}`, String(value), `a whole number from ${min} to ${max}`);
}

function invalid(field: string, got: string, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
}
