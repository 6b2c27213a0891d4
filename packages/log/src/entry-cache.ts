import { invariant, type LogEntry } from "@dister/types";

/** What one entry costs beside its payload. */
const ENTRY_COST_BYTES = 128;

/** The newest entries of the log, without a gap, up to its last index. */
export class EntryCache {
  readonly #bytesMax: number;
  #entries: (LogEntry | undefined)[] = [];
  /** Entries at the front of the array that are gone already. */
  #dropped = 0;
  #bytes = 0;
  #next: number;

  constructor(nextIndex: number, bytesMax: number) {
    this.#next = nextIndex;
    this.#bytesMax = bytesMax;
  }

  /** Index of the first entry that is held; the next index of the log when there is none. */
  get firstIndex(): number {
    return this.#next - this.length;
  }

  get length(): number {
    return this.#entries.length - this.#dropped;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(index: number): LogEntry | undefined {
    const at = index - this.firstIndex;
    return at < 0 ? undefined : this.#entries[this.#dropped + at];
  }

  push(entry: LogEntry): void {
    invariant(entry.index === this.#next, "the cache has no gap");
    this.#entries.push(entry);
    this.#bytes += costOf(entry);
    this.#next++;
  }

  /** Forgets the entries from `index` on; the next one pushed is `index`. */
  cutFrom(index: number): void {
    while (this.length > 0 && this.#next > index) {
      this.#bytes -= costOf(this.#entries.pop()!);
      this.#next--;
    }
    this.#next = index;
  }

  /** Brings the size below the limit. Entries from `keptFrom` on stay: they cannot be read from the disk yet. */
  trim(keptFrom: number): void {
    let first = this.firstIndex;
    while (this.#bytes > this.#bytesMax && first < keptFrom && this.length > 0) {
      this.#bytes -= costOf(this.#entries[this.#dropped]!);
      this.#entries[this.#dropped++] = undefined;
      first++;
    }
    if (this.#dropped < 1024 || this.#dropped * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#dropped);
    this.#dropped = 0;
  }
}

function costOf(entry: LogEntry): number {
  return entry.payload.length + ENTRY_COST_BYTES;
}
