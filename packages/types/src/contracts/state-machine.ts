import type { LogEntry, LogPosition } from "../log-entry.ts";
import type { Membership } from "../membership.ts";

/** A snapshot that can be read. */
export interface SnapshotSource {
  readonly position: LogPosition;
  readonly membership: Membership;
  /** The pieces in order, each at most `LIMITS.snapshotChunkBytes`; equal on every node for the same position. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Lets go of what the snapshot holds; must be called, also after an error. */
  close(): void;
}

/** A snapshot that is being received; the state in use stays whole until `commit`. */
export interface SnapshotSink {
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Checks the whole, puts it in the place of the state and resolves when that is durable.
   * @throws DisterError `DISTER_ERR_SNAPSHOT` when it is incomplete or damaged: the old state is still in use.
   */
  commit(): Promise<void>;
  abort(): void;
}

/**
 * What the log is applied to. `R` is what applying a command entry comes to.
 *
 * Duties:
 * 1. Applying is a function of the state and the entry: no clock, no random, no order of a hash, no outside world.
 * 2. The entries and the applied position change in one transaction: a crash leaves both or neither.
 * 3. `applied` is visible to readers; `durable` survives power loss; `durable <= applied`.
 * 4. A membership entry is remembered as the membership as of its index.
 * 5. An entry at or below `applied` is a broken invariant, as is a gap. A command that cannot be decoded is an error
 *    that stops the node; a command that is refused is a result like any other.
 * 6. A snapshot holds the state of one position, whatever is applied while it is read.
 */
export interface StateMachine<R = unknown> {
  applied(): LogPosition;
  durable(): LogPosition;
  /** Position of the snapshot that this state was last restored from, `{0, 0}` for none. */
  restoredFrom(): LogPosition;
  /** Membership as of `applied`, undefined while no membership entry was applied and no snapshot restored. */
  membership(): Membership | undefined;
  /** Applies consecutive entries; one result for each, undefined for entries that are not commands. */
  apply(entries: readonly LogEntry[]): Promise<readonly (R | undefined)[]>;
  /** Makes everything that is applied durable and says up to where. */
  checkpoint(): Promise<LogPosition>;
  snapshot(): Promise<SnapshotSource>;
  /** Begins to receive a snapshot; one at a time, a second call aborts the first. */
  restore(position: LogPosition, membership: Membership): Promise<SnapshotSink>;
  close(): Promise<void>;
}
