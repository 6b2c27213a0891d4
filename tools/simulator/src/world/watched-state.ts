import type { Store } from "@dister/store";
import type {
  ChangeEvent,
  CommandOutcome,
  LogEntry,
  LogId,
  LogPosition,
  Membership,
  OutgoingSnapshot,
  SnapshotContent,
  SnapshotSink,
  SnapshotSource,
  StateMachine,
} from "@dister/types";

/** The database as one could go on with it, and where it stands. */
export interface DatabaseImage {
  readonly bytes: Uint8Array;
  readonly applied: LogPosition;
}

/** Who is told what happens to a state; nothing of a process that has ended. */
export interface StateWatcher {
  applied(entries: readonly LogEntry[], outcomes: readonly (CommandOutcome | undefined)[]): void;
  changed(event: ChangeEvent): void;
  streamReset(logId: LogId): void;
  pieceArrived(): void;
  sinkAborted(): void;
  receptionResumed(): void;
  restored(position: LogPosition): void;
  /** What is committed in the database is durable from now on. */
  durable(image: DatabaseImage): void;
}

/**
 * Passes everything on to the real store, tells what was applied, and keeps what would be found in the database file:
 * a database in memory ends with its process, so its bytes are put aside at every moment from which one could go on.
 */
export class WatchedState implements StateMachine<CommandOutcome> {
  readonly inner: Store;
  readonly #watcher: StateWatcher;

  constructor(inner: Store, watcher: StateWatcher) {
    this.inner = inner;
    this.#watcher = watcher;
    inner.onChange((event) => watcher.changed(event));
    inner.onReset((logId) => watcher.streamReset(logId));
  }

  applied(): LogPosition {
    return this.inner.applied();
  }

  durable(): LogPosition {
    return this.inner.durable();
  }

  restoredFrom(): LogPosition {
    return this.inner.restoredFrom();
  }

  membership(): Membership | undefined {
    return this.inner.membership();
  }

  async apply(entries: readonly LogEntry[]): Promise<readonly (CommandOutcome | undefined)[]> {
    const outcomes = await this.inner.apply(entries);
    this.#watcher.applied(entries, outcomes);
    return outcomes;
  }

  async checkpoint(): Promise<LogPosition> {
    const position = await this.inner.checkpoint();
    this.#watcher.durable(this.image());
    return position;
  }

  snapshot(): Promise<SnapshotSource> {
    return this.inner.snapshot();
  }

  outgoing(from: number): Promise<OutgoingSnapshot> {
    return this.inner.outgoing(from);
  }

  discardOutgoing(): void {
    this.inner.discardOutgoing();
  }

  async restore(position: LogPosition, membership: Membership, content?: SnapshotContent): Promise<SnapshotSink> {
    const sink = await this.inner.restore(position, membership, content);
    if (sink.pieceCount > 0) this.#watcher.receptionResumed();
    let isOver = false;
    return {
      pieceCount: sink.pieceCount,
      write: async (chunk) => {
        await sink.write(chunk);
        this.#watcher.pieceArrived();
      },
      commit: async () => {
        await sink.commit();
        isOver = true;
        this.#watcher.durable(this.image());
        this.#watcher.restored(position);
      },
      abort: () => {
        if (!isOver) this.#watcher.sinkAborted();
        sink.abort();
      },
      suspend: () => {
        if (!isOver) this.#watcher.sinkAborted();
        sink.suspend();
      },
    };
  }

  image(): DatabaseImage {
    return { bytes: this.inner.image(), applied: this.inner.applied() };
  }

  async close(): Promise<void> {
    await this.inner.close();
  }
}
