import type { Clock, Timer } from "@dister/types";
import { systemClock } from "@dister/types/system";

/** Between two looks at the time. */
const LOOK_MS = 10;
/** The machine was elsewhere when a look came later than this. */
const GAP_MS_MAX = 40;

/**
 * The real time, but for the stretches in which the whole process stood still: on a busy machine all nodes of a test would
 * miss their leader's heartbeats in them, which no cluster of separate processes does.
 */
export class SteadyClock implements Clock {
  #seenMs = performance.now();
  #nowMs = 0;

  constructor() {
    setInterval(() => this.nowMs(), LOOK_MS).unref();
  }

  nowMs(): number {
    const realMs = performance.now();
    this.#nowMs += Math.min(realMs - this.#seenMs, GAP_MS_MAX);
    this.#seenMs = realMs;
    return this.#nowMs;
  }

  wallMs(): number {
    return systemClock.wallMs();
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const dueMs = this.nowMs() + delayMs;
    let timer = setTimeout(look, delayMs);
    const nowMs = (): number => this.nowMs();
    function look(): void {
      const leftMs = dueMs - nowMs();
      if (leftMs <= 0) fire();
      else timer = setTimeout(look, leftMs);
    }
    return { cancel: () => clearTimeout(timer) };
  }
}
