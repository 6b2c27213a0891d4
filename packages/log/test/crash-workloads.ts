import type { HardState } from "@dister/types";
import type { LogTuning } from "../src/index.ts";
import type { Turns } from "./crash-run.ts";
import { type Call, entriesOf } from "./log-model.ts";

/** Calls during which a crash comes, and the tuning of the log. */
export interface Workload {
  readonly turns: Turns;
  readonly tuning?: Partial<LogTuning>;
}

const hard = (term: number, commit: number, vote: string | null = "00000000000000AB"): HardState => {
  return { term, vote, commit };
};

function append(from: number, to: number, term: number, more: { bytes?: number; hardState?: HardState } = {}): Call {
  const entries = entriesOf(from, to, term, more.bytes);
  return { type: "append", entries, ...(more.hardState === undefined ? {} : { hardState: more.hardState }) };
}

const state = (hardState: HardState): Call => ({ type: "append", entries: [], hardState });
const compact = (index: number): Call => ({ type: "compact", index });
const reset = (index: number, term: number): Call => ({ type: "reset", base: { index, term } });

/** Data of a file before its first entry: two records, one of them with the name of the group. */
const FIRST_RECORDS_BYTES = 64 + 80 + 4 + 64 + 32;
/** A file that ends exactly behind its third entry of 500 bytes. */
const EXACT_BYTES = FIRST_RECORDS_BYTES + 3 * (64 + 500);

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  "single appends": {
    turns: [
      [append(1, 1, 1)],
      [append(2, 2, 1, { bytes: 900 })],
      [append(3, 3, 1, { bytes: 1 })],
      [append(4, 4, 2, { bytes: 3000, hardState: hard(2, 3) })],
      [append(5, 5, 2, { bytes: 4400 })],
    ],
  },
  batches: {
    tuning: { entriesPerFile: 30 },
    turns: [
      [append(1, 3, 1, { bytes: 800 }), append(4, 4, 1), append(5, 6, 2, { bytes: 600, hardState: hard(2, 3) })],
      [append(7, 14, 2, { bytes: 500 })],
      [append(15, 16, 2, { bytes: 1200 }), state(hard(3, 9)), append(17, 18, 3, { bytes: 900 })],
    ],
  },
  "a batch over file boundaries": {
    turns: [
      [append(1, 3, 1)],
      [append(4, 12, 2, { bytes: 700, hardState: hard(2, 4) })],
      [append(13, 13, 2), append(14, 17, 3, { bytes: 900, hardState: hard(3, 13) })],
    ],
  },
  "a conflicting suffix is replaced inside a file": {
    tuning: { entriesPerFile: 12 },
    turns: [
      [append(1, 6, 1, { bytes: 300, hardState: hard(1, 1) })],
      [append(2, 5, 2, { bytes: 900 })],
      [append(3, 3, 3, { hardState: hard(3, 2) }), append(4, 7, 3, { bytes: 700 }), append(5, 6, 4, { bytes: 600 })],
      [append(3, 3, 5, { bytes: 3000 })],
      [append(3, 9, 6, { bytes: 400 })],
    ],
  },
  "a conflicting suffix is replaced over file boundaries": {
    turns: [
      [append(1, 13, 1, { hardState: hard(1, 2) })],
      [append(4, 4, 2, { bytes: 2700, hardState: hard(2, 3) })],
      [append(5, 12, 2, { bytes: 500 })],
      [append(6, 6, 3), append(7, 8, 3, { bytes: 900, hardState: hard(3, 4) })],
      [append(6, 11, 4, { bytes: 600 })],
      [append(5, 5, 5), append(5, 12, 6)],
    ],
  },
  "ten long entries, then three short ones that end where one of the long ones did": {
    tuning: { entriesPerFile: 16 },
    turns: [
      [append(1, 10, 1, { bytes: 700 })],
      [append(1, 3, 2, { bytes: 700 - 64 })],
      [append(2, 3, 3, { bytes: (700 - 64) / 2 })],
    ],
  },
  "the hard state alone": {
    turns: [
      [state(hard(1, 0, null))],
      [state(hard(1, 0))],
      [append(1, 2, 1), state(hard(2, 0, null)), state(hard(2, 1, "00000000000000AC"))],
      [state(hard(3, 1)), state(hard(4, 1)), state(hard(5, 2)), state(hard(6, 2)), state(hard(7, 2, null))],
      [...Array.from({ length: 30 }, (_, at) => state(hard(8 + at, 2)))],
    ],
  },
  "the hard state with entries": {
    tuning: { entriesPerFile: 7 },
    turns: [
      [append(1, 4, 1, { bytes: 700, hardState: hard(1, 0) })],
      [append(5, 9, 2, { bytes: 700, hardState: hard(2, 4) }), append(10, 10, 2, { hardState: hard(3, 5) })],
      [append(8, 11, 4, { bytes: 800, hardState: hard(4, 7) })],
    ],
  },
  "compaction of several files": {
    turns: [
      [append(1, 22, 1, { hardState: hard(1, 12) })],
      [compact(12)],
      [append(23, 26, 1, { bytes: 900, hardState: hard(1, 26) })],
      [compact(26)],
      [append(27, 33, 2, { bytes: 600 })],
    ],
  },
  "reset by a snapshot": {
    turns: [
      [append(1, 7, 1, { bytes: 500, hardState: hard(1, 3) })],
      [reset(20, 2)],
      [append(21, 24, 3, { bytes: 1100 })],
    ],
  },
  "reset and an append at once": {
    turns: [
      [append(1, 12, 1, { hardState: hard(1, 3) })],
      [reset(20, 2), append(21, 23, 2, { bytes: 900, hardState: hard(3, 20) })],
      [append(22, 30, 3, { bytes: 500 })],
    ],
  },
  "reset twice, also inside the log and before a truncation": {
    turns: [
      [append(1, 7, 1, { hardState: hard(1, 3) })],
      [reset(20, 2), reset(30, 3)],
      [append(31, 37, 3, { bytes: 700, hardState: hard(4, 31) })],
      [reset(33, 3)],
      [append(34, 37, 5, { bytes: 1000 }), append(35, 36, 6)],
    ],
  },
  "appends while a compaction is pending": {
    turns: [
      [append(1, 17, 1, { hardState: hard(1, 17) })],
      [compact(9), append(18, 19, 1, { bytes: 900 }), append(20, 23, 2, { bytes: 900, hardState: hard(2, 18) })],
      [append(24, 25, 2), compact(18), append(24, 26, 3, { bytes: 700 })],
    ],
  },
  "large records over many sectors": {
    turns: [
      [append(1, 1, 1, { bytes: 5100 })],
      [append(2, 2, 1, { bytes: 5500, hardState: hard(1, 1) })],
      [append(2, 2, 2, { bytes: 4800 })],
      [append(3, 4, 2, { bytes: 2600 })],
    ],
  },
  "entries that fill a file exactly": {
    tuning: { entriesPerFile: 50, fileBytesMax: EXACT_BYTES, preallocateBytes: 1024 },
    turns: [
      [append(1, 3, 1, { bytes: 500 })],
      [append(4, 9, 1, { bytes: 500, hardState: hard(1, 5) })],
      [append(6, 6, 2, { bytes: 500 }), append(7, 10, 2, { bytes: 500 })],
    ],
  },
  "entries that fill a file but for one byte": {
    tuning: { entriesPerFile: 50, fileBytesMax: EXACT_BYTES - 1, preallocateBytes: 1024 },
    turns: [
      [append(1, 3, 1, { bytes: 500 })],
      [append(4, 9, 1, { bytes: 500, hardState: hard(1, 5) })],
      [append(6, 6, 2, { bytes: 500 }), append(7, 10, 2, { bytes: 500 })],
    ],
  },
  "a truncation that ends exactly at the boundary of a file": {
    turns: [
      [append(1, 14, 1, { hardState: hard(1, 5) })],
      [append(11, 11, 2, { bytes: 2500 })],
      [append(6, 6, 3, { bytes: 2500 })],
      [append(10, 11, 3), append(7, 11, 3, { bytes: 500 })].slice(1),
    ],
  },
};
