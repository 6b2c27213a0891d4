import type { Logger, LogStore, StateMachine } from "@dister/types";

/** When to make a checkpoint, and how much of the log to keep behind it. */
export interface CompactionOptions {
  /** Applied entries between two checkpoints; default 50,000. Fewer cost disk writes, more cost disk space. */
  readonly checkpointEntries: number;
  /** Entries kept behind the checkpoint, so that a follower that was away for a moment needs no snapshot; default 20,000. */
  readonly keepEntries: number;
}

export const COMPACTION_DEFAULTS: CompactionOptions = Object.freeze({
  checkpointEntries: 50_000,
  keepEntries: 20_000,
});

/**
 * Makes the applied state durable from time to time and lets the log go behind it. Only behind what is durable: an
 * entry that is nowhere else must stay in the log (scenario S7).
 */
export class Compactor {
  readonly #log: LogStore;
  readonly #stateMachine: StateMachine<unknown>;
  readonly #logger: Logger;
  readonly #options: CompactionOptions;
  #underWay: Promise<void> | null = null;

  constructor(parts: {
    log: LogStore;
    stateMachine: StateMachine<unknown>;
    logger: Logger;
    options: CompactionOptions;
  }) {
    this.#log = parts.log;
    this.#stateMachine = parts.stateMachine;
    this.#logger = parts.logger;
    this.#options = parts.options;
  }

  /** Entries were applied. Starts a checkpoint when it is time; a failure is the caller's to act on. */
  applied(index: number, failed: (error: unknown) => void): void {
    const due = index - this.#stateMachine.durable().index >= this.#options.checkpointEntries;
    if (!due || this.#underWay !== null) return;
    this.#underWay = this.run()
      .catch(failed)
      .finally(() => {
        this.#underWay = null;
      });
  }

  /** Makes a checkpoint now and compacts. */
  async run(): Promise<void> {
    const durable = await this.#stateMachine.checkpoint();
    const first = this.#log.firstIndex();
    await this.#log.compact(durable.index - this.#options.keepEntries);
    if (this.#log.firstIndex() > first) {
      this.#logger.info("log compacted", { durable: durable.index, firstIndex: this.#log.firstIndex() });
    }
  }

  /** Resolves when no checkpoint is under way. */
  async idle(): Promise<void> {
    await this.#underWay;
  }
}
