import { Coverage } from "./coverage.ts";
import { Dice } from "./dice.ts";
import { EventQueue, type PlannedEvent } from "./events.ts";
import type { Trace } from "./trace.ts";
import { Violation } from "./violation.ts";

/** More events at one moment than this are a loop without end. */
const STILL_MAX = 10_000;

/** True time, what is to happen in it, and what has happened. One world is one run. */
export class World {
  readonly seed: number;
  readonly trace: Trace;
  readonly coverage = new Coverage();
  readonly #queue = new EventQueue();
  #nowMs = 0;
  /** Events in a row at this moment. */
  #still = 0;
  #failure: Violation | Error | null = null;
  /** Called after every event, when all that it caused at once has happened. */
  afterEvent: () => void = () => {};
  events = 0;
  /** The run has come to its end; what still happens is tidying up. */
  isOver = false;

  constructor(seed: number, trace: Trace) {
    this.seed = seed;
    this.trace = trace;
  }

  /** True time in milliseconds since the beginning of the run; no node sees it. */
  get nowMs(): number {
    return this.#nowMs;
  }

  dice(purpose: string): Dice {
    return Dice.of(this.seed, purpose);
  }

  after(delayMs: number, label: string, run: () => void): PlannedEvent {
    return this.#queue.add(this.#nowMs + Math.max(0, delayMs), label, run);
  }

  /** Ends the run; the first failure counts. */
  fail(error: Violation | Error): void {
    this.#failure ??= error;
  }

  /**
   * Lets time go on until `untilMs` or until `isOver`.
   * @throws what was given to {@link World.fail}.
   */
  async run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    while (this.#failure === null && !isOver()) {
      const event = this.#queue.take();
      if (event === undefined || event.at > untilMs) {
        if (event !== undefined) this.#queue.add(event.at, event.label, event.run);
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        break;
      }
      this.#still = event.at > this.#nowMs ? 0 : this.#still + 1;
      this.#nowMs = event.at;
      this.events++;
      if (this.#still > STILL_MAX) this.fail(new Violation("liveness", `time stands still, for ${event.label}`));
      this.trace.event(event.at, event.label);
      try {
        event.run();
        await turn();
        this.afterEvent();
      } catch (error) {
        this.fail(error as Error);
      }
    }
    if (this.#failure !== null) throw this.#failure;
  }
}

/** One turn of the event loop: every promise that the last event settled has been followed to its end then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
