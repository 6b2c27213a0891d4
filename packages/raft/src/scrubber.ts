import { type Clock, DisterError, type Logger, type LogStore, type StateMachine, type Timer } from "@dister/types";

/** How fast the old files of the log are read again, to find damage before it is needed. */
export interface ScrubOptions {
  /** Bytes read at a time; the event loop waits for that long. Default 256 KiB. */
  readonly scrubBytes: number;
  /** Pause between two pieces, in milliseconds; default 1,000, at most 2^31-1. With the default a gigabyte takes 70 minutes. */
  readonly scrubPauseMs: number;
}

export const SCRUB_DEFAULTS: ScrubOptions = Object.freeze({ scrubBytes: 256 * 1024, scrubPauseMs: 1_000 });

const READ_BYTES = 1024 * 1024;

/**
 * Reads what nobody reads: damage in an old file is found while the other nodes, or the own state, still have what it
 * held, and not when two nodes need it at once. Goes from the beginning to the end and begins again.
 */
export class Scrubber {
  readonly #log: LogStore;
  readonly #stateMachine: StateMachine<unknown>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: ScrubOptions;
  readonly #fail: (error: unknown) => void;
  #timer: Timer | null = null;
  #next = 0;
  #repair: Promise<void> | null = null;

  constructor(parts: {
    log: LogStore;
    stateMachine: StateMachine<unknown>;
    clock: Clock;
    logger: Logger;
    options: ScrubOptions;
    /** Damage that cannot be put right here: the node has to stop, and is made whole by others at its next start. */
    fail: (error: unknown) => void;
  }) {
    this.#log = parts.log;
    this.#stateMachine = parts.stateMachine;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#options = parts.options;
    this.#fail = parts.fail;
  }

  start(): void {
    this.#timer = this.#clock.setTimer(this.#options.scrubPauseMs, () => this.#step());
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#repair;
  }

  #step(): void {
    try {
      const found = this.#log.verify(this.#next, this.#options.scrubBytes);
      if (!found.damaged) {
        this.#next = found.next > this.#log.lastIndex() ? 0 : found.next;
        return this.start();
      }
      this.#repair = this.#putRight(found).catch(this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What is applied and durable is needed by nobody here: the file may go. Who lacks it is sent a snapshot. */
  async #putRight({ from, to, reason }: { from: number; to: number; reason: string }): Promise<void> {
    this.#logger.error("the log is damaged", { from, to, reason });
    const durable = await this.#stateMachine.checkpoint();
    if (durable.index < to && this.#stateMachine.applied().index >= to) {
      // All of it is applied, and only a snapshot that is being read keeps the state from being durable: it is looked at
      // again. Stopping for it would be a node less for nothing.
      if (this.#timer !== null) this.start();
      return;
    }
    if (durable.index < to) {
      // Reading makes the log store take note of it, so that the next start looks at this file.
      for (let index = from; index <= to; ) index += this.#log.read(index, to, READ_BYTES).length;
      throw new DisterError("DISTER_ERR_LOG_CORRUPT", { file: `entries ${from} to ${to}`, offset: 0, reason });
    }
    await this.#log.compact(to);
    this.#logger.warn("the damaged part of the log is removed: all of it is applied", { from, to });
    if (this.#timer !== null) this.start();
  }
}
