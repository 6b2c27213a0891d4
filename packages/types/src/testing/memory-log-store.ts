import type { LogCheck, LogRecovery, LogStore, LogWrite } from "../contracts/log-store.ts";
import { DisterError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { HARD_STATE_START, type HardState, LOG_START, type LogEntry, type LogPosition } from "../log-entry.ts";

/** A log in memory. Durable means "survives {@link MemoryLogStore.crash}"; by default every append is durable at once. */
export class MemoryLogStore implements LogStore {
  #base: LogPosition = LOG_START;
  #entries: LogEntry[] = [];
  #hardState: HardState = HARD_STATE_START;
  #durable = { base: LOG_START, entries: [] as LogEntry[], hardState: HARD_STATE_START };
  #waiting: { resolve: () => void; after: () => void }[] = [];
  #held = false;
  #closed = false;
  #suspect: LogPosition = LOG_START;
  #damage: string | undefined;

  get recovery(): LogRecovery {
    const found = { entryCount: this.#entries.length, tornBytes: 0, itemsRebuilt: 0 };
    return this.#damage === undefined ? found : { ...found, damage: this.#damage };
  }

  firstIndex(): number {
    return this.#base.index + 1;
  }

  lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  base(): LogPosition {
    return this.#base;
  }

  hardState(): HardState {
    return this.#hardState;
  }

  termAt(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term;
  }

  read(from: number, to: number, bytesMax: number): LogEntry[] {
    if (from <= this.#base.index) {
      throw new DisterError("DISTER_ERR_LOG_COMPACTED", { index: from, firstIndex: this.firstIndex() });
    }
    const found: LogEntry[] = [];
    let bytes = 0;
    for (let index = from; index <= Math.min(to, this.lastIndex()); index++) {
      const entry = this.#entries[index - this.#base.index - 1]!;
      bytes += entry.payload.length;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(entry);
    }
    return found;
  }

  suspect(): LogPosition {
    return this.#suspect;
  }

  trust(): Promise<void> {
    this.#suspect = LOG_START;
    return Promise.resolve();
  }

  verify(_from: number, _bytesMax: number): LogCheck {
    return { damaged: false, next: this.lastIndex() + 1 };
  }

  append(write: LogWrite): Promise<void> {
    try {
      this.#take(write);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve) => {
      const state = this.#held ? { base: this.#base, entries: [...this.#entries], hardState: this.#hardState } : null;
      const after = (): void => {
        if (state !== null) this.#durable = state;
      };
      this.#waiting.push({ resolve, after });
      if (!this.#held) this.sync();
    });
  }

  #take({ entries, hardState }: LogWrite): void {
    if (this.#closed) throw new DisterError("DISTER_ERR_STOPPED", { what: "the log" });
    let next = entries[0]?.index ?? 0;
    if (entries.length > 0 && (next > this.lastIndex() + 1 || next <= this.#base.index)) {
      throw new DisterError("DISTER_ERR_LOG_GAP", { lastIndex: this.lastIndex(), index: next });
    }
    for (const entry of entries) {
      if (entry.index !== next++) {
        throw new DisterError("DISTER_ERR_LOG_GAP", { lastIndex: next - 2, index: entry.index });
      }
      const bytes = entry.payload.length;
      if (bytes > LIMITS.entryPayloadBytesMax) {
        throw new DisterError("DISTER_ERR_TOO_LARGE", {
          field: "payload",
          bytes,
          allowed: LIMITS.entryPayloadBytesMax,
        });
      }
    }
    if (entries.length > 0) this.#entries.length = entries[0]!.index - this.#base.index - 1;
    this.#entries.push(...entries);
    if (hardState !== undefined) this.#hardState = hardState;
  }

  compact(index: number): Promise<void> {
    const upTo = Math.min(index, this.lastIndex());
    if (upTo > this.#base.index) {
      const base = { index: upTo, term: this.termAt(upTo)! };
      this.#entries = this.#entries.slice(upTo - this.#base.index);
      this.#base = base;
      this.sync();
    }
    return Promise.resolve();
  }

  reset(base: LogPosition): Promise<void> {
    this.#entries = [];
    this.#base = base;
    this.sync();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.sync();
    this.#closed = true;
    return Promise.resolve();
  }

  /**
   * Cuts the log behind `lastIndex`, as a start does that finds damage there: it is suspect from now on, and `recovery`
   * tells of the damage until the next crash. Everything must be durable.
   */
  damageBehind(lastIndex: number): void {
    this.#suspect = { index: Math.max(this.#suspect.index, this.lastIndex()), term: this.#hardState.term };
    this.#damage = `entries behind ${lastIndex} were lost`;
    this.#entries.length = lastIndex - this.#base.index;
    this.sync();
  }

  /** From now on appends stay undurable until {@link sync}. */
  hold(): void {
    this.#held = true;
  }

  /** Makes everything durable and resolves the appends that wait. */
  sync(): void {
    this.#durable = { base: this.#base, entries: [...this.#entries], hardState: this.#hardState };
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Makes the oldest append that waits durable, and no other; for a store that is held. */
  syncOldest(): void {
    const oldest = this.#waiting.shift();
    oldest?.after();
    oldest?.resolve();
  }

  /** Loses everything that is not durable, as a power loss does; what waits never resolves. The store can go on. */
  crash(): void {
    this.#base = this.#durable.base;
    this.#entries = [...this.#durable.entries];
    this.#hardState = this.#durable.hardState;
    this.#damage = undefined;
    this.#waiting = [];
    this.#held = false;
    this.#closed = false;
  }
}
