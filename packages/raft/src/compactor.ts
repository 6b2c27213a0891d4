import type { LogEntry, Logger, LogStore, StateMachine } from "@dister/types";
import { LogSizes } from "./log-sizes.ts";

/** When to make a checkpoint, and how much of the log to keep behind it. */
export interface CompactionOptions {
  /** Applied entries between two checkpoints; default 50,000. Fewer cost disk writes, more cost disk space. */
  readonly checkpointEntries: number;
  /** Payload bytes of applied entries between two checkpoints, whichever comes first; default 64 MiB. */
  readonly checkpointBytes: number;
  /** Entries kept behind the checkpoint, so that a follower that was away for a moment needs no snapshot; default 20,000. */
  readonly keepEntries: number;
  /** Payload bytes of those entries, whichever is less; default 64 MiB. */
  readonly keepBytes: number;
  /** Entries kept at most for a follower that is being sent a snapshot, or has just got one; default 1,000,000. */
  readonly holdEntries: number;
  /** Payload bytes of those entries, whichever is less; default 512 MiB. Beyond it the follower starts anew. */
  readonly holdBytes: number;
}

const MIB = 1024 * 1024;

export const COMPACTION_DEFAULTS: CompactionOptions = Object.freeze({
  checkpointEntries: 50_000,
  checkpointBytes: 64 * MIB,
  keepEntries: 20_000,
  keepBytes: 64 * MIB,
  holdEntries: 1_000_000,
  holdBytes: 512 * MIB,
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
  readonly #heldFrom: () => number;
  readonly #sizes = new LogSizes();
  #underWay: Promise<void> | null = null;

  constructor(parts: {
    log: LogStore;
    stateMachine: StateMachine<unknown>;
    logger: Logger;
    options: CompactionOptions;
    /** Index behind which a follower needs the log; infinite for none. */
    heldFrom: () => number;
  }) {
    this.#log = parts.log;
    this.#stateMachine = parts.stateMachine;
    this.#logger = parts.logger;
    this.#options = parts.options;
    this.#heldFrom = parts.heldFrom;
  }

  /** Entries were applied. Starts a checkpoint when it is time; a failure is the caller's to act on. */
  applied(entries: readonly LogEntry[], failed: (error: unknown) => void): void {
    this.#sizes.add(entries);
    if (this.#underWay !== null || !this.#isDue(entries.at(-1)!.index)) return;
    this.#underWay = this.run()
      .catch(failed)
      .finally(() => {
        this.#underWay = null;
      });
  }

  #isDue(index: number): boolean {
    const { checkpointEntries, checkpointBytes } = this.#options;
    const durable = this.#stateMachine.durable().index;
    return index - durable >= checkpointEntries || this.#sizes.bytesBehind(durable) >= checkpointBytes;
  }

  /** Makes a checkpoint now and compacts. */
  async run(): Promise<void> {
    const durable = await this.#stateMachine.checkpoint();
    const first = this.#log.firstIndex();
    await this.#log.compact(this.#cutBehind(durable.index));
    this.#sizes.forget(this.#log.base().index);
    if (this.#log.firstIndex() > first) {
      this.#logger.info("log compacted", { durable: durable.index, firstIndex: this.#log.firstIndex() });
    }
  }

  #cutBehind(durable: number): number {
    const { keepEntries, keepBytes, holdEntries, holdBytes } = this.#options;
    const keptFrom = Math.max(durable - keepEntries, this.#sizes.startOfLast(keepBytes, durable));
    const heldAtMost = Math.max(durable - holdEntries, this.#sizes.startOfLast(holdBytes, durable));
    return Math.min(keptFrom, Math.max(this.#heldFrom(), heldAtMost));
  }

  /** Resolves when no checkpoint is under way. */
  async idle(): Promise<void> {
    await this.#underWay;
  }
}
