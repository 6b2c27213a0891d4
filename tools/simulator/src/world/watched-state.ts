import type { Store } from "@dister/store";
import type {
  CommandOutcome,
  LogEntry,
  LogPosition,
  Membership,
  SnapshotSink,
  SnapshotSource,
  StateMachine,
} from "@dister/types";
import type { Process } from "./process.ts";

/**
 * Passes everything on to the real store, tells what was applied, and keeps what would be found in the database file:
 * a database in memory ends with its process, so its bytes are put aside at every moment from which one could go on.
 */
export class WatchedState implements StateMachine<CommandOutcome> {
  readonly inner: Store;
  readonly #process: Process;

  constructor(inner: Store, process: Process) {
    this.inner = inner;
    this.#process = process;
    inner.onChange((event) => process.machine.watch.changed(process, event));
    inner.onReset((logId) => process.machine.watch.streamReset(process, logId));
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
    if (this.#process.isAlive) this.#process.machine.watch.applied(this.#process, entries, outcomes);
    return outcomes;
  }

  async checkpoint(): Promise<LogPosition> {
    const position = await this.inner.checkpoint();
    this.#keep();
    return position;
  }

  snapshot(): Promise<SnapshotSource> {
    return this.inner.snapshot();
  }

  async restore(position: LogPosition, membership: Membership): Promise<SnapshotSink> {
    const sink = await this.inner.restore(position, membership);
    let isOver = false;
    return {
      write: async (chunk) => {
        await sink.write(chunk);
        if (this.#process.isAlive) this.#process.machine.watch.pieceArrived(this.#process);
      },
      commit: async () => {
        await sink.commit();
        isOver = true;
        this.#keep();
        if (this.#process.isAlive) this.#process.machine.watch.restored(this.#process, position);
      },
      abort: () => {
        if (!isOver) this.#process.machine.world.coverage.reached("snapshot cut off");
        sink.abort();
      },
    };
  }

  /** What is committed in the database is durable from now on. */
  #keep(): void {
    const { machine } = this.#process;
    if (!this.#process.isAlive) return;
    machine.imageDurable = this.inner.image();
    machine.imageLatest = machine.imageDurable;
    machine.appliedDurable = this.inner.applied();
  }

  /** The process ends: what was committed is in the file, durable or not. */
  leaveBehind(): void {
    const { machine } = this.#process;
    machine.imageLatest = this.inner.image();
    machine.appliedLatest = this.inner.applied();
    void this.inner.close();
  }

  async close(): Promise<void> {
    await this.inner.close();
  }
}
