import type { LogEntry } from "@dister/types";

/** A mark is set after so many payload bytes: what is asked for is known to that. */
const MARK_BYTES = 1024 * 1024;

interface Mark {
  readonly index: number;
  /** Payload bytes of everything up to this index that was added. */
  readonly bytes: number;
}

/** How many bytes lie in which part of the log, of what was applied since the start, rounded to some MiB. */
export class LogSizes {
  #marks: Mark[] = [];
  #total = 0;

  add(entries: readonly LogEntry[]): void {
    for (const { index, payload } of entries) {
      this.#total += payload.length;
      if (this.#total - (this.#marks.at(-1)?.bytes ?? 0) >= MARK_BYTES) this.#marks.push({ index, bytes: this.#total });
    }
  }

  /** Bytes behind an index, as far as they are known, and not more than there are. */
  bytesBehind(index: number): number {
    return this.#total - this.#bytesUpTo(index);
  }

  /** The index behind which there are some `bytes` up to `index`; 0 when less than that is known. */
  startOfLast(bytes: number, index: number): number {
    const wanted = this.#bytesUpTo(index) - bytes;
    return this.#marks.findLast((mark) => mark.bytes <= wanted)?.index ?? 0;
  }

  /** What lies at or below an index will not be asked for any more. */
  forget(index: number): void {
    const first = this.#marks.findIndex((mark) => mark.index > index);
    // One is kept in front, so that the bytes up to there stay known.
    if (first > 1) this.#marks = this.#marks.slice(first - 1);
  }

  /** Bytes up to the first mark at or behind an index. */
  #bytesUpTo(index: number): number {
    return this.#marks.find((mark) => mark.index >= index)?.bytes ?? this.#total;
  }
}
