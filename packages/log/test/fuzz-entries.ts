import { ENTRY_KIND, type LogEntry } from "@dister/types";
import { viewOf } from "../src/item.ts";
import { encodeRecord, RECORD_HEADER_BYTES, RECORD_KIND } from "../src/record.ts";
import type { Dice } from "./fuzz-disk.ts";

const PAYLOAD_BYTES_MAX = 700;

/** Entries by index and term: what was made once for a place in a term is what a leader of that term sends again. */
export class FuzzEntries {
  readonly #dice: Dice;
  readonly #made = new Map<string, LogEntry>();
  /** Offset at which the next record of the log lies, more or less. */
  guessedOffset = 4096;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  at(index: number, term: number): LogEntry {
    const key = `${index}:${term}`;
    let entry = this.#made.get(key);
    if (entry === undefined) {
      const kind = this.#dice.chance(0.9) ? ENTRY_KIND.command : ENTRY_KIND.empty;
      entry = { index, term, r: this.#dice.between(0, 9_999), kind, payload: this.#payload(index, term) };
      this.#made.set(key, entry);
    }
    return entry;
  }

  /** The entry that was written at an index in a term; undefined when there never was one. */
  written(index: number, term: number): LogEntry | undefined {
    return this.#made.get(`${index}:${term}`);
  }

  #payload(index: number, term: number): Uint8Array {
    const dice = this.#dice;
    const length = dice.chance(0.5) ? dice.between(0, 90) : dice.between(0, PAYLOAD_BYTES_MAX);
    const form = dice.between(0, 9);
    if (form === 0) return new Uint8Array(length);
    const bytes = dice.rng.bytes(length);
    if (form === 1) bytes.fill(0, dice.between(0, length));
    if (form === 2 || form === 3) this.#fillWithRecord(bytes, index, term);
    return bytes;
  }

  /** A client may send what looks like a record, at the right offset where it guesses well. */
  #fillWithRecord(bytes: Uint8Array, index: number, term: number): void {
    const dice = this.#dice;
    const [before, inner] = [dice.of([0, 0, 10, 64]), dice.of([0, 8, 32])];
    if (bytes.length < before + RECORD_HEADER_BYTES + inner) return;
    const target = { bytes, view: viewOf(bytes) };
    const start = this.guessedOffset + RECORD_HEADER_BYTES + before;
    const fields = {
      kind: dice.of([RECORD_KIND.command, RECORD_KIND.hardState, RECORD_KIND.cutBack, RECORD_KIND.fileHeader]),
      r: 0,
      previousCrc: dice.between(0, 2 ** 32 - 1),
      index: Math.max(0, index + dice.between(-6, 6)),
      term,
      start,
      syncedEnd: dice.of([0, this.guessedOffset, start]),
      syncedIndex: Math.max(0, index + dice.between(-6, 2)),
    };
    encodeRecord(target, before, fields, dice.rng.bytes(inner));
  }
}
