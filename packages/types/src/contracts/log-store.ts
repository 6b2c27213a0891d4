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
  /** What was damaged, for people; the log then ends before the damage and is {@link LogStore.suspect}. */
  readonly damage?: string;
}

/** What verifying a piece of the log found. */
export type LogCheck =
  /** Everything up to before `next` is sound; behind the last entry `next` is `lastIndex() + 1`. */
  | { readonly damaged: false; readonly next: number }
  /** An entry of the file that holds `from` to `to`, both included, is damaged. */
  | { readonly damaged: true; readonly from: number; readonly to: number; readonly reason: string };

/**
 * Durable storage of one node's log and hard state.
 *
 * Duties:
 * 1. What `append` was given can be read at once; it is durable when the promise resolves, and not sooner.
 * 2. Promises of `append` resolve in the order of the calls. Many calls may share one sync.
 * 3. Entries are consecutive: never a gap, neither in memory nor after any crash. After a crash the log is what had been
 *    acknowledged, possibly with some of what had not, in order.
 * 4. Entries and hard state of one call become durable together. After a crash the one may be there without the other
 *    only if that call was never acknowledged.
 * 5. Any failed write or sync is final: the promise and every later call reject, nothing is retried (fsync may lie later).
 * 6. Every read verifies the checksum; damage is `DISTER_ERR_LOG_CORRUPT` and never a wrong entry.
 * 7. Payloads that were handed in or out are shared: nobody writes to them.
 * 8. A hard state that was acknowledged survives damage of any one place on the disk, or opening fails: a node must never
 *    forget a vote and go on.
 * 9. Entries that were acknowledged and cannot be read any more make the log suspect, durably, until `trust`. Their bytes
 *    are kept aside for people. Where the entries are not known by number, opening fails with `DISTER_ERR_LOG_CORRUPT`.
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
   * `{0, 0}` while the log is whole. Otherwise damage has cut it: `index` is the highest index that this node may have
   * acknowledged, `term` the term of the hard state when the damage was found. The owner neither votes nor stands until
   * a leader has sent it everything again. Survives restarts, crashes, `append` and `reset`; ends with `trust`.
   */
  suspect(): LogPosition;
  /** The log holds again everything that it may have acknowledged: ends being suspect, durably when it resolves. */
  trust(): Promise<void>;
  /**
   * Reads entries from `from` on, about `bytesMax` of them, straight from the disk and past every cache, and checks all
   * that can be checked. Only complete files are looked at: the last one is checked whenever the log is opened.
   * Blocks for that long; the caller does it piece by piece.
   */
  verify(from: number, bytesMax: number): LogCheck;
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
