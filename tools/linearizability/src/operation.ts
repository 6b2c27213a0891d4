/**
 * What a client knows about the end of an operation: `ok` it was done and answered; `refused` it surely was not done and
 * never will be; `unknown` it may take effect at any time after its invocation, or never.
 */
export type Outcome = "ok" | "refused" | "unknown";

/**
 * One operation of a history. Times are numbers of one clock, in any unit; of two operations one came before the other
 * only when it had completed strictly earlier than the other was invoked, so equal times count as concurrent.
 */
export interface Operation<I, O> {
  readonly client: number;
  /** Plain data: it is printed, and two unknown operations with equal text are taken for interchangeable. */
  readonly input: I;
  readonly invokedAt: number;
  /** Not read when the outcome is `unknown`. */
  readonly completedAt: number;
  readonly outcome: Outcome;
  /** Only read when the outcome is `ok`; a read that is `ok` must have one. */
  readonly output?: O;
}

/** When the operation can no longer take effect. */
export function endOf(operation: Operation<unknown, unknown>): number {
  return operation.outcome === "unknown" ? Number.POSITIVE_INFINITY : operation.completedAt;
}

/**
 * Refuses what no client can have seen: a wrong history must not become a verdict.
 * @throws TypeError naming the operation.
 */
export function assertTimes(operation: Operation<unknown, unknown>): void {
  const { invokedAt, completedAt, outcome } = operation;
  const whole = Number.isFinite(invokedAt) && (outcome === "unknown" || completedAt >= invokedAt);
  if (!whole) throw new TypeError(`an operation without possible times: ${JSON.stringify(operation)}`);
}
