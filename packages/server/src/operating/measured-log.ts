import type { Clock, HardState, LogCheck, LogEntry, LogPosition, LogRecovery, LogStore, LogWrite } from "@dister/types";

/** A write to the log that has become durable. */
export interface StoredWrite {
  readonly durationMs: number;
  readonly entryCount: number;
}

/** A log whose writes are timed, from being handed in until they are durable: what the disk costs, its queue included. */
export class MeasuredLog implements LogStore {
  readonly #log: LogStore;
  readonly #clock: Clock;
  readonly #stored: (write: StoredWrite) => void;
  /** When each write that is not durable yet was handed in, oldest first. */
  readonly #openSinceMs: number[] = [];

  constructor(log: LogStore, clock: Clock, stored: (write: StoredWrite) => void) {
    this.#log = log;
    this.#clock = clock;
    this.#stored = stored;
  }

  /** For how long the oldest write has waited for the disk, 0 when none does. */
  get waitingMs(): number {
    const [since] = this.#openSinceMs;
    return since === undefined ? 0 : this.#clock.nowMs() - since;
  }

  async append(write: LogWrite): Promise<void> {
    const sinceMs = this.#clock.nowMs();
    const stored = this.#log.append(write);
    this.#openSinceMs.push(sinceMs);
    try {
      await stored;
    } finally {
      this.#openSinceMs.shift(); // They resolve in the order of the calls.
    }
    this.#stored({ durationMs: this.#clock.nowMs() - sinceMs, entryCount: write.entries.length });
  }

  get recovery(): LogRecovery {
    return this.#log.recovery;
  }

  firstIndex(): number {
    return this.#log.firstIndex();
  }

  lastIndex(): number {
    return this.#log.lastIndex();
  }

  base(): LogPosition {
    return this.#log.base();
  }

  hardState(): HardState {
    return this.#log.hardState();
  }

  termAt(index: number): number | undefined {
    return this.#log.termAt(index);
  }

  read(from: number, to: number, bytesMax: number): LogEntry[] {
    return this.#log.read(from, to, bytesMax);
  }

  suspect(): LogPosition {
    return this.#log.suspect();
  }

  trust(): Promise<void> {
    return this.#log.trust();
  }

  verify(from: number, bytesMax: number): LogCheck {
    return this.#log.verify(from, bytesMax);
  }

  compact(index: number): Promise<void> {
    return this.#log.compact(index);
  }

  reset(base: LogPosition): Promise<void> {
    return this.#log.reset(base);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
