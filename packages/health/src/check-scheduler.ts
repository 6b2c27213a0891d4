import { type Clock, DisterError, type Logger, type Rng, STATUS, type Status, type Timer } from "@dister/types";
import {
  assertTargets,
  type CheckReport,
  type CheckTarget,
  type LateCheck,
  type StatusDecision,
  sameDefinition,
} from "./check-target.ts";
import { LatencyAverage } from "./latency-average.ts";
import type { ProbeResult } from "./probe.ts";
import { RiseFall } from "./rise-fall.ts";
import { type CheckSchedulerOptions, schedulerOptions } from "./scheduler-options.ts";

/**
 * Runs one check of a target.
 *
 * Duties:
 * 1. Settles soon after `signal` is aborted; until then it holds one of the places that checks have at once.
 * 2. A failing target is a result with `ok: false`; a rejection counts as a failure too, but is logged as an error.
 * 3. Null says that nothing could be found out yet: the check counts for nothing.
 */
export type Prober<T extends CheckTarget = CheckTarget> = (
  target: T,
  signal: AbortSignal,
) => Promise<ProbeResult | null>;

export interface CheckSchedulerComponents<T extends CheckTarget> {
  readonly clock: Clock;
  readonly rng: Pick<Rng, "next">;
  readonly logger: Logger;
  readonly prober: Prober<T>;
  /**
   * Hears that the status in force is no longer right. It is told again after every check until `update` or `inForce`
   * brings the decided status in, so that a decision whose proposal got lost is made good. Must not throw.
   */
  readonly onChange?: (decision: StatusDecision) => void;
  /**
   * Hears that what the checks of a target come to has changed, be it back to the status in force, and of its first check;
   * `report` then says it. Must not throw.
   */
  readonly onState?: (key: string) => void;
  /** Hears of each check that starts late: the machine is too slow or the places are too few. Must not throw. */
  readonly onLate?: (late: LateCheck) => void;
}

/** One target and what its results have come to. */
interface Check<T> {
  target: T;
  riseFall: RiseFall;
  /** When the next check is due, in the clock's time, but for jitter. */
  dueMs: number;
  /** When the timer is to fire: jitter included. */
  plannedMs: number;
  timer: Timer;
  /** When the check that waits for a place was to start. */
  waitingSinceMs: number;
  readonly latency: LatencyAverage;
  /** Checks that have ended, and what the last one said. */
  checks: number;
  output: string | undefined;
  /** The last change that was told, and when. */
  told: { readonly status: Status; readonly atMs: number } | undefined;
}

/** What a check came to; one that did not end by itself has no latency. */
type Finding = Pick<ProbeResult, "ok" | "output"> & Partial<Pick<ProbeResult, "latencyMs">>;

/** A probe under way. */
interface Run {
  readonly controller: AbortController;
  timer: Timer;
  /** Its time is over and it was counted as a failure, but it has not settled. */
  overdue: boolean;
  /** Its target is gone or was redefined: whatever it finds means nothing. */
  dropped: boolean;
}

/**
 * Checks targets again and again and tells when a status in force is no longer right.
 *
 * A target is checked every `intervalMs`, counted from start to start; a check that is due while the one before still
 * runs or waits is left out. There are never two checks of one key at once, not even of an old and a new definition.
 */
export class CheckScheduler<T extends CheckTarget = CheckTarget> {
  readonly #components: CheckSchedulerComponents<T>;
  readonly #options: Required<CheckSchedulerOptions>;
  readonly #checks = new Map<string, Check<T>>();
  /** Checks that are due and wait for a place, first come first served. */
  readonly #waiting = new Set<Check<T>>();
  readonly #runs = new Map<string, Run>();
  readonly #lateness = { checks: 0, late: 0, worstMs: 0 };
  #stopped = false;

  /** @throws DisterError `DISTER_ERR_INVALID` by the name of the option. */
  constructor(components: CheckSchedulerComponents<T>, options: CheckSchedulerOptions = {}) {
    this.#components = components;
    this.#options = schedulerOptions(options);
  }

  /** Targets that are known, checks that run and checks that are due and wait for a place. */
  counts(): { readonly targets: number; readonly running: number; readonly waiting: number } {
    return { targets: this.#checks.size, running: this.#runs.size, waiting: this.#waiting.size };
  }

  /** Checks that were started, how many of them late, and the latest of all in milliseconds behind its time. */
  lateness(): { readonly checks: number; readonly late: number; readonly worstMs: number } {
    return { ...this.#lateness };
  }

  /** What the checks of a target have found; undefined for a key that is not in the list. */
  report(key: string): CheckReport | undefined {
    const check = this.#checks.get(key);
    if (check === undefined) return undefined;
    const { checks, output, latency, riseFall } = check;
    const { found } = riseFall;
    const state = found === null ? "unknown" : found === STATUS.alive ? "alive" : "dead";
    return { state, output, latencyMs: latency.ms, checks };
  }

  /**
   * Takes the whole list of targets. One that is defined as before goes on undisturbed, with its counters, also when
   * its `status` is another; one that is defined anew starts from its `status`; one that is missing is let go.
   * @throws DisterError `DISTER_ERR_INVALID` (the old list stays in force), `DISTER_ERR_STOPPED`.
   */
  update(targets: readonly T[]): void {
    if (this.#stopped) throw new DisterError("DISTER_ERR_STOPPED", { what: "the check scheduler" });
    assertTargets(targets);
    const keys = new Set(targets.map((target) => target.key));
    for (const key of [...this.#checks.keys()]) if (!keys.has(key)) this.#remove(key);
    for (const target of targets) {
      const check = this.#checks.get(target.key);
      if (check !== undefined && sameDefinition(check.target, target)) {
        check.target = target;
        continue;
      }
      this.#remove(target.key);
      this.#add(target);
    }
  }

  /**
   * Another status is in force, and the targets are not all handed in again for that: a target of which nothing has been
   * found yet is counted from there. What was found stays, and whatever is not in the list is passed over.
   */
  inForce(key: string, status: Status | null): void {
    const check = this.#checks.get(key);
    if (check === undefined) return;
    check.target = { ...check.target, status };
    if (check.riseFall.found !== null || check.riseFall.status === status) return;
    const { rise, fall } = check.target;
    check.riseFall = new RiseFall({ rise, fall, initial: status });
  }

  /** Ends everything: probes are aborted and `onChange` is not called any more. */
  stop(): void {
    this.#stopped = true;
    for (const key of [...this.#checks.keys()]) this.#remove(key);
  }

  #add(target: T): void {
    const { clock, rng } = this.#components;
    const delayMs = rng.next() * Math.min(target.intervalMs, this.#options.startSpreadMs);
    const dueMs = clock.nowMs() + delayMs;
    const check: Check<T> = {
      target,
      riseFall: new RiseFall({ rise: target.rise, fall: target.fall, initial: target.status }),
      dueMs,
      plannedMs: dueMs,
      timer: clock.setTimer(delayMs, () => this.#tick(check)),
      waitingSinceMs: dueMs,
      latency: new LatencyAverage(),
      checks: 0,
      output: undefined,
      told: undefined,
    };
    this.#checks.set(target.key, check);
  }

  #remove(key: string): void {
    const check = this.#checks.get(key);
    if (check === undefined) return;
    check.timer.cancel();
    this.#checks.delete(key);
    this.#waiting.delete(check);
    const run = this.#runs.get(key);
    if (run === undefined) return;
    // It keeps its place until it has settled: an aborted probe may still hold a socket.
    run.dropped = true;
    run.timer.cancel();
    run.controller.abort();
  }

  #tick(check: Check<T>): void {
    const { clock, rng } = this.#components;
    const { key, intervalMs, jitter = this.#options.jitter } = check.target;
    const { plannedMs } = check;
    // Counted from the time when the check was due, so that the rhythm does not drift; what a pause left out is not
    // made up for.
    const missed = Math.floor(Math.max(0, clock.nowMs() - check.dueMs) / intervalMs);
    check.dueMs += (missed + 1) * intervalMs;
    check.plannedMs = check.dueMs + (jitter === 0 ? 0 : rng.next() * jitter * intervalMs);
    check.timer = clock.setTimer(check.plannedMs - clock.nowMs(), () => this.#tick(check));

    const run = this.#runs.get(key);
    if (run?.overdue === true || (run?.dropped === true && this.#waiting.has(check))) {
      // A prober that does not even stop on abort must not leave its target alive for ever.
      this.#observe(check, { ok: false, output: "the check before has not ended" });
    } else if (run === undefined || run.dropped) {
      // One that waits already keeps its place in the row, and the time since when.
      if (!this.#waiting.has(check)) check.waitingSinceMs = plannedMs;
      this.#waiting.add(check);
      this.#startWaiting();
    }
  }

  #startWaiting(): void {
    for (const check of this.#waiting) {
      if (this.#runs.size >= this.#options.checksAtOnceMax) return;
      // A probe of the definition before may still be ending; its place comes free like any other.
      if (this.#runs.has(check.target.key)) continue;
      this.#waiting.delete(check);
      this.#start(check);
    }
  }

  #start(check: Check<T>): void {
    const { clock, prober, logger } = this.#components;
    const { target } = check;
    this.#noteLateness(check);
    const controller = new AbortController();
    const run: Run = {
      controller,
      overdue: false,
      dropped: false,
      timer: clock.setTimer(target.timeoutMs, () => {
        run.overdue = true;
        controller.abort();
        this.#observe(check, { ok: false, output: `timed out after ${target.timeoutMs} ms` });
      }),
    };
    this.#runs.set(target.key, run);
    const probe = async (): Promise<ProbeResult | null> => prober(target, controller.signal);
    probe().then(
      (result) => this.#settle(check, run, result),
      (error: unknown) => {
        if (!run.dropped) logger.error("a prober failed", { key: target.key, error });
        this.#settle(check, run, { ok: false, output: "the check could not be run" });
      },
    );
  }

  #noteLateness({ target: { key, intervalMs }, waitingSinceMs }: Check<T>): void {
    const { clock, logger, onLate } = this.#components;
    const lateMs = clock.nowMs() - waitingSinceMs;
    this.#lateness.checks += 1;
    this.#lateness.worstMs = Math.max(this.#lateness.worstMs, lateMs);
    if (lateMs <= this.#options.lateFrom * intervalMs) return;
    this.#lateness.late += 1;
    try {
      onLate?.({ key, lateMs });
    } catch (error) {
      logger.error("a late check could not be told", { key, error });
    }
  }

  #settle(check: Check<T>, run: Run, result: Finding | null): void {
    run.timer.cancel();
    this.#runs.delete(check.target.key);
    if (result !== null && !run.overdue && !run.dropped) this.#observe(check, result);
    this.#startWaiting();
  }

  #observe(check: Check<T>, { ok, output, latencyMs }: Finding): void {
    const { logger } = this.#components;
    const { key } = check.target;
    check.checks += 1;
    check.output = output;
    if (ok && latencyMs !== undefined) check.latency.observe(latencyMs);
    const before = check.riseFall.found;
    const changed = check.riseFall.observe(ok);
    if (changed !== undefined) logger.debug("a check changed a status", { key, status: changed, output });
    try {
      if (check.riseFall.found !== before || check.checks === 1) this.#components.onState?.(key);
      this.#tellChange(check, output);
    } catch (error) {
      logger.error("a decided status could not be handed on", { key, error });
    }
  }

  #tellChange(check: Check<T>, output: string): void {
    const { onChange } = this.#components;
    const { status } = check.riseFall;
    if (onChange === undefined || status === null) return;
    const { key, definedIndex, status: inForce } = check.target;
    if (status !== inForce && !this.#isDamped(check, status)) onChange({ key, definedIndex, status, output });
  }

  /** Whether a change comes too soon behind another one. What is told again because it got lost is no other one. */
  #isDamped(check: Check<T>, status: Status): boolean {
    const nowMs = this.#components.clock.nowMs();
    if (check.told?.status === status) return false;
    if (check.told !== undefined && nowMs - check.told.atMs < this.#options.dampingMs) return true;
    check.told = { status, atMs: nowMs };
    return false;
  }
}
