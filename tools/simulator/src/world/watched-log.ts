import type { HardState, LogCheck, LogEntry, LogPosition, LogRecovery, LogStore, LogWrite } from "@dister/types";

/** Who is told what is handed to a log, and when it was called durable. */
export interface LogWatcher {
  handedOver(write: LogWrite): void;
  durable(): void;
  resetTo(base: LogPosition): void;
  resetDone(): void;
  compacting(index: number): void;
}

/** Passes everything on to the real log and tells the watcher. */
export class WatchedLog implements LogStore {
  readonly inner: LogStore;
  readonly #watcher: LogWatcher;

  constructor(inner: LogStore, watcher: LogWatcher) {
    this.inner = inner;
    this.#watcher = watcher;
  }

  get recovery(): LogRecovery {
    return this.inner.recovery;
  }

  firstIndex(): number {
    return this.inner.firstIndex();
  }

  lastIndex(): number {
    return this.inner.lastIndex();
  }

  base(): LogPosition {
    return this.inner.base();
  }

  hardState(): HardState {
    return this.inner.hardState();
  }

  termAt(index: number): number | undefined {
    return this.inner.termAt(index);
  }

  read(from: number, to: number, bytesMax: number): LogEntry[] {
    return this.inner.read(from, to, bytesMax);
  }

  suspect(): LogPosition {
    return this.inner.suspect();
  }

  trust(): Promise<void> {
    return this.inner.trust();
  }

  verify(from: number, bytesMax: number): LogCheck {
    return this.inner.verify(from, bytesMax);
  }

  append(write: LogWrite): Promise<void> {
    this.#watcher.handedOver(write);
    return this.inner.append(write).then(() => this.#watcher.durable());
  }

  compact(index: number): Promise<void> {
    this.#watcher.compacting(index);
    return this.inner.compact(index);
  }

  reset(base: LogPosition): Promise<void> {
    this.#watcher.resetTo(base);
    return this.inner.reset(base).then(() => this.#watcher.resetDone());
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
