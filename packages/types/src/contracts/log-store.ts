import type { HardState, LogEntry, LogPosition } from "../log-entry.ts";

/** What is to be made durable together. */
export interface LogWrite {
  /**
   * Consecutive entries, at most `LIMITS.appendEntriesMax`; may be empty. The first may lie at or below the last index:
   * everything from there on is then replaced.
   */
  readonly entries: readonly LogEntry[];
  /** The new hard state, absent when it is unchanged. */
  readonly hardState?: HardState;
}

/** What opening found. */
export interface LogRecovery {
  readonly entryCount: number;
  /** Bytes of a last batch that was cut by a crash before it was acknowledged, and that are gone. */
  readonly tornBytes: number;
  /** Index items that were rebuilt from the records. */
  readonly itemsRebuilt: number;
}

/**
 * Durable storage of one node's log and hard state.
 *
 * Duties:
 * 1. What `append` was given can be read at once; it is durable when the promise resolves, and not sooner.
 * 2. Promises of `append` resolve in the order of the calls. Many calls may share one sync.
 * 3. Entries are consecutive: never a gap, neither in memory nor after any crash. After a crash the log is what had been
 *    acknowledged, possibly with some of what had not, in order.
 * 4. Entries and hard state of one call become durable together or, after a crash, the entries may be there without
 *    the hard state of the same call only if that call was never acknowledged.
 * 5. Any failed write or sync is final: the promise and every later call reject, nothing is retried (fsync may lie later).
 * 6. Every read verifies the checksum; damage is `DISTER_ERR_LOG_CORRUPT` and never a wrong entry.
 * 7. Payloads that were handed in or out are shared: nobody writes to them.
 *
 * Promises of the caller: one owner; `append` is not called again after it rejected; nothing at or below the commit
 * index is ever replaced.
 */
export interface LogStore {
  readonly recovery: LogRecovery;
  /** Index of the first entry that is kept; `lastIndex() + 1` when there is none. */
  firstIndex(): number;
  /** Index of the last entry that was appended, durable or not; `base().index` when there is none. */
  lastIndex(): number;
  /** The entry right before the first that is kept: where the log was cut, or `{0, 0}`. */
  base(): LogPosition;
  /** The last hard state that was handed in, durable or not. */
  hardState(): HardState;
  /** Term of the entry at `index`, also of `base()`; undefined outside of that. */
  termAt(index: number): number | undefined;
  /**
   * Entries `from` to `to`, both included, as many as fit `bytesMax` of payload, but at least one.
   * @throws DisterError `DISTER_ERR_LOG_COMPACTED`, `DISTER_ERR_LOG_CORRUPT`.
   */
  read(from: number, to: number, bytesMax: number): LogEntry[];
  /**
   * Appends entries, replaces a suffix, changes the hard state.
   * @throws DisterError `DISTER_ERR_LOG_GAP` (nothing is changed), `DISTER_ERR_TOO_LARGE` (nothing is changed),
   *   `DISTER_ERR_DISK_FULL`, `DISTER_ERR_DISK` (final).
   */
  append(write: LogWrite): Promise<void>;
  /** Allows to forget entries up to `index`; only what fills whole files really goes. Reads of what is left are undisturbed. */
  compact(index: number): Promise<void>;
  /** Forgets every entry and goes on behind `base`, durably; the hard state is kept. For a snapshot beyond the log. */
  reset(base: LogPosition): Promise<void>;
  /** Waits for what was handed in and closes; later calls reject. */
  close(): Promise<void>;
}
