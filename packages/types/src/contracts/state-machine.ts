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

/** What tells the content of one snapshot from that of another before its pieces are read. */
export interface SnapshotContent {
  /** SHA-256 over the content in hexadecimal, 64 lower-case digits; equal on every node for the same position. */
  readonly digest: string;
  /** Number of pieces, 1 or more. */
  readonly pieceCount: number;
  /** Bytes of all pieces together. */
  readonly byteCount: number;
}

/** A snapshot that lies ready to be sent, whole or from any of its pieces on, as often as it takes. */
export interface OutgoingSnapshot {
  readonly position: LogPosition;
  readonly membership: Membership;
  readonly content: SnapshotContent;
  /**
   * The pieces in order, from number `first` on, 0 to `content.pieceCount`. Each is checked when it is read.
   * @throws DisterError `DISTER_ERR_SNAPSHOT` while reading: it was discarded, or is damaged and will not be handed out again.
   */
  piecesFrom(first: number): AsyncIterable<Uint8Array>;
}

/** A snapshot that is being received; the state in use stays whole until `commit`. */
export interface SnapshotSink {
  /** Pieces that are here already, of an earlier reception that was suspended: the next to write has this number. */
  readonly pieceCount: number;
  /** Takes the next piece; when it resolves, the piece need not be sent again to this process. */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Checks the whole, puts it in the place of the state and resolves when that is durable.
   * @throws DisterError `DISTER_ERR_SNAPSHOT` when it is incomplete or damaged: the old state is still in use.
   */
  commit(): Promise<void>;
  /** Gives the reception up and removes what came in; harmless when it is over. */
  abort(): void;
  /**
   * Ends the reception for now and keeps what came in for the next `restore` of the same content. The same as `abort`
   * where the content was not named; harmless when it is over, in use or refused.
   */
  suspend(): void;
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
 * 7. What is read or put together for a snapshot is read and put together in small parts, with turns of the event loop
 *    between them.
 * 8. `outgoing` hands out one and the same snapshot until it is discarded or older than is asked for, after a restart too
 *    where the state outlasts it.
 * 9. Of a suspended reception, every piece that is sound is kept, after a restart too where the state outlasts it. A
 *    `restore` of other content removes it: there is never more than one.
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
  /**
   * A snapshot to send: the one that lies ready, when its position is at `from` or behind it, else one of now.
   * @throws DisterError `DISTER_ERR_DISK_FULL`: there is no room to put it together; nothing else changes.
   */
  outgoing(from: number): Promise<OutgoingSnapshot>;
  /** Removes the snapshot that lies ready; who reads it gets an error. Harmless when there is none. */
  discardOutgoing(): void;
  /**
   * Begins to receive a snapshot; one at a time, a second call ends the first.
   * @param content - what is announced of it; where it is named, a reception that was suspended goes on.
   */
  restore(position: LogPosition, membership: Membership, content?: SnapshotContent): Promise<SnapshotSink>;
  close(): Promise<void>;
}
