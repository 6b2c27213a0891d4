import type { Clock, Logger, Timer } from "@dister/types";
import type { MeasuredLog, StoredWrite } from "./measured-log.ts";
import { Seldom } from "./seldom.ts";

const LOOK_MS = 250;
/** A timer that fires so much too late means that nothing else was done either: heartbeats, requests, probes. */
const LATE_MS = 250;
/** A sound disk stores a write in a few milliseconds; a heartbeat interval is a good deal more. */
const SLOW_WRITE_MS = 100;
/** A write that takes this long is said before it ends: it may never. */
const HANGING_WRITE_MS = 1_000;
/** Between two lines about the same, at least. */
const TELL_MS = 10_000;

/** Says when the process or its disk is too slow for what depends on them; each at most once in ten seconds. */
export class SlownessWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #late = new Seldom(TELL_MS);
  readonly #slow = new Seldom(TELL_MS);
  readonly #hanging = new Seldom(TELL_MS);
  #log: Pick<MeasuredLog, "waitingMs"> | null = null;
  #timer: Timer | null = null;

  constructor(parts: { clock: Clock; logger: Logger }) {
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  start(log: Pick<MeasuredLog, "waitingMs">): void {
    this.#log = log;
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** A write to the log has become durable. */
  stored({ durationMs, entryCount }: StoredWrite): void {
    if (durationMs < SLOW_WRITE_MS) return;
    const leftOut = this.#slow.admit(this.#clock.nowMs());
    if (leftOut === null) return;
    const fields = { durationMs: Math.round(durationMs), entryCount, thresholdMs: SLOW_WRITE_MS, leftOut };
    this.#logger.warn("a write to the log was slow", fields);
  }

  #look(): void {
    const dueMs = this.#clock.nowMs() + LOOK_MS;
    this.#timer = this.#clock.setTimer(LOOK_MS, () => {
      this.#tellLate(this.#clock.nowMs() - dueMs);
      this.#tellHanging(this.#log!.waitingMs);
      this.#look();
    });
  }

  #tellLate(lateMs: number): void {
    if (lateMs < LATE_MS) return;
    const leftOut = this.#late.admit(this.#clock.nowMs());
    if (leftOut === null) return;
    this.#logger.warn("the process was late", { lateMs: Math.round(lateMs), thresholdMs: LATE_MS, leftOut });
  }

  #tellHanging(waitingMs: number): void {
    if (waitingMs < HANGING_WRITE_MS) return;
    if (this.#hanging.admit(this.#clock.nowMs()) === null) return;
    this.#logger.error("the disk does not answer", { waitingMs: Math.round(waitingMs) });
  }
}
