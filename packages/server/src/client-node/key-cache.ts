import type { KvRecord, LogId } from "@dister/types";

/** What an entry takes beside its key and value, about: the map, the record, the numbers. */
const ENTRY_BYTES = 256;
/** Changes that are remembered so that a read that was on its way meanwhile is judged. */
const CHANGES_KEPT_MAX = 10_000;

/** A key as it was at a log id, and is since, as far as changes were told. */
export interface CachedKey {
  /** Null: the key is not there. */
  readonly record: KvRecord | null;
  readonly logId: LogId;
}

interface Entry extends CachedKey {
  readonly bytes: number;
}

/**
 * Keys that were read, the least recently used dropped first. It never keeps a value behind a change of its key, in
 * whatever order reads and changes come: a change drops what is older than it, and is remembered, so that a read that
 * was older and comes later is not kept.
 */
export class KeyCache {
  readonly bytesMax: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  /** Last change of a key, the oldest first; whatever is older than `#from` is not known any more. */
  readonly #changes = new Map<string, LogId>();
  /** Reads from before this are not kept; null: changes are not followed, so nothing is. */
  #from: LogId | null = null;

  /** @param bytesMax - memory of keys and values, about; 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): CachedKey | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** Keeps what was read, if no change of it is known or may have been missed. */
  put(key: string, { record, logId }: CachedKey): void {
    if (this.#from === null || logId < this.#from || (this.#changes.get(key) ?? 0) > logId) return;
    if ((this.#entries.get(key)?.logId ?? 0) > logId) return;
    const bytes = ENTRY_BYTES + bytesOf(key) + (record === null ? 0 : bytesOf(record.key) + bytesOf(record.value));
    this.#drop(key);
    if (bytes > this.bytesMax) return;
    this.#entries.set(key, { record, logId, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.bytesMax) break;
      this.#drop(oldest);
    }
  }

  /** The key was changed by the entry of this log id. */
  changed(key: string, logId: LogId): void {
    if (this.#from === null) return;
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.logId < logId) this.#drop(key);
    const known = this.#changes.get(key) ?? 0;
    this.#changes.delete(key);
    this.#changes.set(key, Math.max(known, logId));
    if (this.#changes.size <= CHANGES_KEPT_MAX) return;
    const [oldest, itsLogId] = this.#changes.entries().next().value!;
    this.#changes.delete(oldest);
    this.#from = Math.max(this.#from, itsLogId);
  }

  /** Forgets everything. @param from - changes behind this log id will be told; null: none will, nothing is kept. */
  reset(from: LogId | null): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#changes.clear();
    this.#from = from;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

/** Memory of a string: one byte for each unit where all are below 256, else two. */
function bytesOf(text: string): number {
  return WIDE.test(text) ? 2 * text.length : text.length;
}
const WIDE = /[\u0100-\uffff]/;
