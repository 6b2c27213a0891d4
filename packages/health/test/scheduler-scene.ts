import { type Logger, NO_LOGGER, STATUS } from "@dister/types";
import { ManualClock, SeededRng } from "@dister/types/testing";
import {
  CheckScheduler,
  type CheckSchedulerOptions,
  type CheckTarget,
  type LateCheck,
  type ProbeResult,
  type Prober,
  type StatusDecision,
} from "../src/index.ts";

const { alive } = STATUS;
export const up: ProbeResult = { ok: true, latencyMs: 1, output: "up" };
export const down: ProbeResult = { ok: false, latencyMs: 1, output: "down" };

export const targetOf = (key: string, fields: Partial<CheckTarget> = {}): CheckTarget => ({
  key,
  definedIndex: 1,
  intervalMs: 1_000,
  timeoutMs: 400,
  rise: 1,
  fall: 2,
  status: alive,
  ...fields,
});

/** Lets every promise that is ready run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Started {
  readonly target: CheckTarget;
  readonly atMs: number;
  readonly signal: AbortSignal;
  end(result: ProbeResult): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** A scheduler on a clock that stands still, with a prober whose checks the test ends by hand, or at once with `answer`. */
export function scene(
  options: CheckSchedulerOptions & {
    answer?: (target: CheckTarget) => ProbeResult;
    onState?: (key: string) => void;
  } = {},
) {
  const { answer, onState = () => undefined, ...tuning } = options;
  const clock = new ManualClock();
  const started: Started[] = [];
  const decisions: StatusDecision[] = [];
  const errors: string[] = [];
  const late: LateCheck[] = [];
  const logger: Logger = { ...NO_LOGGER, error: (message) => errors.push(message) };
  const prober: Prober = (target, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
    const end = (result: ProbeResult) => {
      resolve(result);
      return settled();
    };
    const fail = (error: Error) => {
      reject(error);
      return settled();
    };
    started.push({ target, atMs: clock.nowMs(), signal, end, fail });
    if (answer !== undefined) resolve(answer(target));
    return promise;
  };
  const components = {
    clock,
    rng: new SeededRng(7),
    logger,
    prober,
    onChange: (d: StatusDecision) => decisions.push(d),
    onState,
    onLate: (one: LateCheck) => late.push(one),
  };
  const scheduler = new CheckScheduler(components, { startSpreadMs: 0, ...tuning });
  /** Moves time in steps shorter than any interval or timeout, so that probes end between their timers. */
  const advance = async (byMs: number): Promise<void> => {
    for (let leftMs = byMs; leftMs >= 0; leftMs -= 50) {
      clock.advance(Math.min(leftMs, 50));
      await settled();
    }
  };
  return { clock, scheduler, started, decisions, errors, late, advance };
}
