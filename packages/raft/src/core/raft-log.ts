import { invariant, LIMITS, type LogEntry, type LogPosition, type LogStore } from "@dister/types";

/** What the core sees of the log store. */
export type LogReader = Pick<LogStore, "firstIndex" | "lastIndex" | "base" | "termAt" | "read">;

/** One hand-over to the log store that is not durable yet. */
interface WriteUnderWay {
  readonly seq: number;
  /** Last index that becomes durable with it; lowered when a later write replaces the suffix (scenario R9). */
  last: number;
}

/**
 * The log as the core sees it: what the store has, and behind it what was decided since and not handed over yet.
 *
 *     store (durable) | store (under way) | pending
 *     base ... durableIndex ...       pendingFrom ... lastIndex
 */
export class RaftLog {
  readonly #store: LogReader;
  #pending: LogEntry[] = [];
  #durableIndex: number;
  readonly #underWay: WriteUnderWay[] = [];

  constructor(store: LogReader) {
    this.#store = store;
    this.#durableIndex = store.lastIndex();
  }

  get firstIndex(): number {
    return this.#store.firstIndex();
  }

  get base(): LogPosition {
    return this.#store.base();
  }

  get lastIndex(): number {
    return this.#pending.at(-1)?.index ?? this.#store.lastIndex();
  }

  get last(): LogPosition {
    const index = this.lastIndex;
    return { index, term: this.termAt(index)! };
  }

  /** Highest index up to which everything survives power loss on this node. */
  get durableIndex(): number {
    return this.#durableIndex;
  }

  /** Everything from here on is not handed over yet; infinity when all is. */
  get pendingFrom(): number {
    return this.#pending[0]?.index ?? Number.POSITIVE_INFINITY;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  termAt(index: number): number | undefined {
    const first = this.#pending[0]?.index;
    if (first !== undefined && index >= first) return this.#pending[index - first]?.term;
    return this.#store.termAt(index);
  }

  /** True when the log holds an entry of this index and term. */
  matches(position: LogPosition): boolean {
    return this.termAt(position.index) === position.term;
  }

  /** Raft §5.4.1: is a log that ends there at least as up to date as this one? */
  isUpToDate(other: LogPosition): boolean {
    const own = this.last;
    return other.term > own.term || (other.term === own.term && other.index >= own.index);
  }

  /** The last index at or below `index` whose term is at most `term`: where two logs may still agree. */
  lastIndexOfTermAtMost(index: number, term: number): LogPosition {
    let at = Math.min(index, this.lastIndex);
    while (at > this.base.index && this.termAt(at)! > term) at--;
    return { index: at, term: this.termAt(at) ?? 0 };
  }

  /**
   * Entries from..upTo, as many as fit the bytes and one message; never empty when `from <= upTo` and `from` is kept.
   */
  slice(from: number, upTo: number, bytesMax: number): LogEntry[] {
    const first = this.pendingFrom;
    const to = Math.min(upTo, from + LIMITS.appendEntriesMax - 1);
    if (from > to) return [];
    const stored = from < first ? this.#store.read(from, Math.min(to, first - 1), bytesMax) : [];
    if (stored.length > 0 && stored.at(-1)!.index < Math.min(to, first - 1)) return stored;
    let bytes = stored.reduce((sum, entry) => sum + entry.payload.length, 0);
    const entries = stored;
    for (let index = Math.max(from, first); index <= to; index++) {
      const entry = this.#pending[index - first];
      if (entry === undefined) break;
      bytes += entry.payload.length;
      if (entries.length > 0 && bytes > bytesMax) break;
      entries.push(entry);
    }
    return entries;
  }

  /** Adds entries; the first may replace a suffix, which the caller has proved to conflict. */
  append(entries: readonly LogEntry[]): void {
    const from = entries[0]?.index;
    if (from === undefined) return;
    invariant(from <= this.lastIndex + 1 && from > this.base.index, `append at ${from} behind ${this.lastIndex}`);
    this.#forgetFrom(from);
    const first = this.#pending[0]?.index ?? from;
    if (from <= first) this.#pending = [...entries];
    else {
      this.#pending.length = from - first;
      for (const entry of entries) this.#pending.push(entry);
    }
  }

  #forgetFrom(index: number): void {
    this.#durableIndex = Math.min(this.#durableIndex, index - 1);
    for (const write of this.#underWay) write.last = Math.min(write.last, index - 1);
  }

  /**
   * Hands pending entries over, as many as the store takes at once; the caller gives them to the store before it asks
   * this log anything again.
   */
  handOver(seq: number): readonly LogEntry[] {
    const entries = this.#pending;
    this.#pending = entries.splice(LIMITS.appendEntriesMax);
    this.#underWay.push({ seq, last: entries.at(-1)?.index ?? 0 });
    return entries;
  }

  /** The write of this number is durable. Writes become durable in order. */
  stored(seq: number): void {
    const write = this.#underWay.shift();
    invariant(write?.seq === seq, `write ${seq} stored out of order`);
    this.#durableIndex = Math.max(this.#durableIndex, write.last);
  }

  /** The store now begins behind a snapshot and holds nothing else. */
  resetTo(position: LogPosition): void {
    // A new term may be on its way to the disk, entries may not: they would count as durable behind the snapshot.
    invariant(
      this.#underWay.every((write) => write.last === 0),
      "log reset while entries are under way",
    );
    this.#pending = [];
    this.#durableIndex = position.index;
  }
}
