import { DisterError } from "@dister/types";
import { dataOffsetOf } from "./file-header.ts";
import { ITEM_LENGTH_MAX, ITEM_START_MAX } from "./item.ts";

const MIB = 1024 * 1024;

/** Tuning of a log; what is left out is taken from {@link LOG_DEFAULTS}. */
export interface LogTuning {
  /**
   * Entries in one file, 1 to 10,000,000; written into each file, so that it may change between two starts. Small
   * values make many files, large ones keep compaction waiting, which only deletes whole files.
   */
  readonly entriesPerFile: number;
  /** A file is not gone on with when its data area would pass this many bytes, unless it holds no entry yet. */
  readonly fileBytesMax: number;
  /** How many bytes of zeros are kept written ahead of the records. Little makes syncs slower, much wastes disk. */
  readonly preallocateBytes: number;
  /** Bytes of recent entries that are kept in memory for reading. */
  readonly cacheBytes: number;
  /** Older files that are kept open for reading. */
  readonly openFilesMax: number;
}

/** Tuning of a log that was not told otherwise. */
export const LOG_DEFAULTS: LogTuning = Object.freeze({
  entriesPerFile: 1_000_000,
  fileBytesMax: 256 * MIB,
  preallocateBytes: 16 * MIB,
  cacheBytes: 32 * MIB,
  openFilesMax: 16,
});

const RANGES: Readonly<Record<keyof LogTuning, readonly [number, number]>> = {
  entriesPerFile: [1, 10_000_000],
  // The last record may begin right before this limit, and its start must still fit its bits.
  fileBytesMax: [1, ITEM_START_MAX - ITEM_LENGTH_MAX - dataOffsetOf(10_000_000)],
  preallocateBytes: [0, 1024 * MIB],
  cacheBytes: [0, 64 * 1024 * MIB],
  openFilesMax: [1, 10_000],
};

/** @throws DisterError `DISTER_ERR_INVALID` for a value out of range. */
export function tuningOf(given: { readonly [K in keyof LogTuning]?: LogTuning[K] | undefined }): LogTuning {
  const tuning = { ...LOG_DEFAULTS };
  for (const name of Object.keys(LOG_DEFAULTS) as (keyof LogTuning)[]) {
    const got = given[name] ?? LOG_DEFAULTS[name];
    const [min, max] = RANGES[name];
    if (!Number.isSafeInteger(got) || got < min || got > max) {
      throw new DisterError("DISTER_ERR_INVALID", { field: name, got, allowed: `${min} to ${max}` });
    }
    Object.assign(tuning, { [name]: got });
  }
  return tuning;
}
