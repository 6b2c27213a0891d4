import type { Clock, Timer } from "@dister/types";
import type { World } from "./world.ts";

/** Milliseconds of true time; far more than the numbers of a run can lose, far less than anything in it takes. */
const HAIR_MS = 1e-9;

/** Runs something inside a process: later when it is paused, never when it has ended. */
export type RunInside = (run: () => void) => void;

/** The clocks of one machine: they may run fast or slow, and the wall clock may jump. */
export class MachineClock {
  readonly #world: World;
  readonly name: string;
  /** Milliseconds that pass here in one of true time, and where it stood when that was last set. */
  #rate = 1;
  #sinceTrueMs = 0;
  #sinceLocalMs: number;
  #wallOffsetMs = 1_700_000_000_000;

  constructor(world: World, name: string, startMs: number) {
    this.#world = world;
    this.name = name;
    this.#sinceLocalMs = startMs;
  }

  get nowMs(): number {
    return this.#sinceLocalMs + (this.#world.nowMs - this.#sinceTrueMs) * this.#rate;
  }

  get wallMs(): number {
    return Math.floor(this.nowMs + this.#wallOffsetMs);
  }

  setRate(rate: number): void {
    this.#sinceLocalMs = this.nowMs;
    this.#sinceTrueMs = this.#world.nowMs;
    this.#rate = rate;
  }

  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** The clock that one process sees. Timers never fire early by it, and late when the process was paused. */
  inside(run: RunInside): Clock {
    return {
      nowMs: () => this.nowMs,
      wallMs: () => this.wallMs,
      setTimer: (delayMs, fire) => this.#timer(this.nowMs + Math.max(0, delayMs), fire, run),
    };
  }

  /** A time that is left and too short for true time to move by it would be left for ever. */
  #trueMsTo(dueMs: number): number {
    const trueMs = (dueMs - this.nowMs) / this.#rate;
    const { nowMs } = this.#world;
    return trueMs > 0 && nowMs + trueMs === nowMs ? HAIR_MS : trueMs;
  }

  #timer(dueMs: number, fire: () => void, run: RunInside): Timer {
    let cancelled = false;
    const plan = (): { cancelled: boolean } =>
      this.#world.after(this.#trueMsTo(dueMs), `${this.name} timer`, () =>
        run(() => {
          if (cancelled) return;
          // The rate may have changed meanwhile; a hair is left over by the arithmetic.
          if (dueMs - this.nowMs > 1e-6) event = plan();
          else fire();
        }),
      );
    let event = plan();
    return {
      cancel: () => {
        cancelled = true;
        event.cancelled = true;
      },
    };
  }
}
