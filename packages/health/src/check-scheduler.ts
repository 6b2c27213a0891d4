import { type Clock, DisterError, LIMITS, type Logger, type Rng, type Timer } from "@dister/types";
import { assertTargets, type CheckTarget, type StatusDecision, sameDefinition } from "./check-target.ts";
import type { ProbeResult } from "./probe.ts";
import { RiseFall } from "./rise-fall.ts";

/**
 * Runs one check of a target.
 *
 * Duties:
 * 1. Settles soon after `signal` is aborted; until then it holds one of the places that checks have at once.
 * 2. A failing target is a result with `ok: false`; a rejection counts as a failure too, but is logged as an error.
 */
export type Prober<T extends CheckTarget = CheckTarget> = (target: T, signal: AbortSignal) => Promise<ProbeResult>;

export interface CheckSchedulerComponents<T extends CheckTarget> {
  readonly clock: Clock;
  readonly rng: Pick<Rng, "next">;
  readonly logger: Logger;
  readonly prober: Prober<T>;
  /**
   * Hears that the status in force is no longer right. It is told again after every check until an `update` brings the
   * decided status in, so that a decision whose proposal got lost is made good. Must not throw.
   */
  readonly onChange: (decision: StatusDecision) => void;
}

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
}

/** One target and what its results have come to. */
interface Check<T> {
  target: T;
  riseFall: RiseFall;
  /** When the next check is due, in the clock's time. */
  dueMs: number;
  timer: Timer;
}

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
  readonly #checksAtOnceMax: number;
  readonly #startSpreadMs: number;
  readonly #checks = new Map<string, Check<T>>();
  /** Checks that are due and wait for a place, first come first served. */
  readonly #waiting = new Set<Check<T>>();
  readonly #runs = new Map<string, Run>();
  #stopped = false;

  /** @throws DisterError `DISTER_ERR_INVALID` when no check could ever run. */
  constructor(components: CheckSchedulerComponents<T>, options: CheckSchedulerOptions = {}) {
    this.#components = components;
    this.#checksAtOnceMax = options.checksAtOnceMax ?? LIMITS.checksAtOnceMax;
    if (!Number.isSafeInteger(this.#checksAtOnceMax) || this.#checksAtOnceMax < 1) {
      const got = String(this.#checksAtOnceMax);
      throw new DisterError("DISTER_ERR_INVALID", { field: "checksAtOnceMax", got, allowed: "a whole number from 1" });
    }
    this.#startSpreadMs = options.startSpreadMs ?? 5_000;
  }

  /** Targets that are known, checks that run and checks that are due and wait for a place. */
  counts(): { readonly targets: number; readonly running: number; readonly waiting: number } {
    return { targets: this.#checks.size, running: this.#runs.size, waiting: this.#waiting.size };
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

  /** Ends everything: probes are aborted and `onChange` is not called any more. */
  stop(): void {
    this.#stopped = true;
    for (const key of [...this.#checks.keys()]) this.#remove(key);
  }

  #add(target: T): void {
    const { clock, rng } = this.#components;
    const delayMs = rng.next() * Math.min(target.intervalMs, this.#startSpreadMs);
    const check: Check<T> = {
      target,
      riseFall: new RiseFall({ rise: target.rise, fall: target.fall, initial: target.status }),
      dueMs: clock.nowMs() + delayMs,
      timer: clock.setTimer(delayMs, () => this.#tick(check)),
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
    const { clock } = this.#components;
    const { key, intervalMs } = check.target;
    // Counted from the time when the check was due, so that the rhythm does not drift; what a pause left out is not
    // made up for.
    const missed = Math.floor(Math.max(0, clock.nowMs() - check.dueMs) / intervalMs);
    check.dueMs += (missed + 1) * intervalMs;
    check.timer = clock.setTimer(check.dueMs - clock.nowMs(), () => this.#tick(check));

    const run = this.#runs.get(key);
    if (run?.overdue === true || (run?.dropped === true && this.#waiting.has(check))) {
      // A prober that does not even stop on abort must not leave its target alive for ever.
      this.#observe(check, { ok: false, output: "the check before has not ended" });
    } else if (run === undefined || run.dropped) {
      this.#waiting.add(check);
      this.#startWaiting();
    }
  }

  #startWaiting(): void {
    for (const check of this.#waiting) {
      if (this.#runs.size >= this.#checksAtOnceMax) return;
      // A probe of the definition before may still be ending; its place comes free like any other.
      if (this.#runs.has(check.target.key)) continue;
      this.#waiting.delete(check);
      this.#start(check);
    }
  }

  #start(check: Check<T>): void {
    const { clock, prober, logger } = this.#components;
    const { target } = check;
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
    const probe = async (): Promise<ProbeResult> => prober(target, controller.signal);
    probe().then(
      (result) => this.#settle(check, run, result),
      (error: unknown) => {
        if (!run.dropped) logger.error("a prober failed", { key: target.key, error });
        this.#settle(check, run, { ok: false, output: "the check could not be run" });
      },
    );
  }

  #settle(check: Check<T>, run: Run, result: Pick<ProbeResult, "ok" | "output">): void {
    run.timer.cancel();
    this.#runs.delete(check.target.key);
    if (!run.overdue && !run.dropped) this.#observe(check, result);
    this.#startWaiting();
  }

  #observe(check: Check<T>, result: Pick<ProbeResult, "ok" | "output">): void {
    const { logger, onChange } = this.#components;
    const { output } = result;
    const { key, definedIndex } = check.target;
    const changed = check.riseFall.observe(result.ok);
    if (changed !== undefined) logger.info("a check changed a status", { key, status: changed, output });
    const { status } = check.riseFall;
    if (status === check.target.status) return;
    try {
      onChange({ key, definedIndex, status, output });
    } catch (error) {
      logger.error("a decided status could not be handed on", { key, error });
    }
  }
}
