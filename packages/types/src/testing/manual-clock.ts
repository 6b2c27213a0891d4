import type { Clock, Timer } from "../contracts/clock.ts";

/** A clock that stands still until a test moves it. Timers fire in order of time, then of making. */
export class ManualClock implements Clock {
  #now = 0;
  #wallOffset = 1_700_000_000_000;
  #made = 0;
  readonly #timers = new Map<number, { at: number; fire: () => void }>();

  nowMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return Math.floor(this.#now) + this.#wallOffset;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const id = this.#made++;
    this.#timers.set(id, { at: this.#now + Math.max(0, delayMs), fire });
    return { cancel: () => this.#timers.delete(id) };
  }

  /** Moves the wall clock alone, as an operator or time service does. */
  jumpWall(byMs: number): void {
    this.#wallOffset += byMs;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on and fires what falls due on the way, each timer at its own time. */
  advance(byMs: number): void {
    const end = this.#now + byMs;
    for (;;) {
      const next = this.#due(end);
      if (next === undefined) break;
      const timer = this.#timers.get(next)!;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, timer.at);
      timer.fire();
    }
    this.#now = end;
  }

  #due(end: number): number | undefined {
    let found: number | undefined;
    let at = Number.POSITIVE_INFINITY;
    for (const [id, timer] of this.#timers) {
      if (timer.at <= end && timer.at < at) {
        found = id;
        at = timer.at;
      }
    }
    return found;
  }
}
