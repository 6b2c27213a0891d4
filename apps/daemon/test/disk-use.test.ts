import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DiskUse, overwrite } from "./overwriting.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-disk-use-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const KIB = 1024;

async function useOf(order: Omit<Parameters<typeof overwrite>[0], "folder">): Promise<DiskUse[]> {
  const seen: DiskUse[] = [];
  for await (const use of overwrite({ folder, ...order })) seen.push(use);
  return seen;
}

/** Beyond what has to be kept: the file that the cut falls into, the one that is written, and what is written ahead. */
const FILES = { entriesPerFile: 10_000, fileBytesMax: 128 * KIB, preallocateBytes: 16 * KIB };
const FIXED = 3 * (128 + 16 + 128) * KIB;

test("S7: many small overwrites leave no more log than the entries that are kept", { timeout: 60_000 }, async () => {
  const compaction = { checkpointEntries: 100, keepEntries: 50 };
  const seen = await useOf({ keys: 100, pairsPerEntry: 10, entries: 4_000, lookEvery: 200, log: FILES, compaction });
  expect(seen.at(-1)!.writes).toBe(40_000);
  for (const { log, database, writeAheadLog } of seen) {
    expect(log).toBeLessThan(FIXED + 300 * 1_300);
    expect(database).toBeLessThan(1_024 * KIB);
    expect(writeAheadLog).toBeLessThan(24 * 1_024 * KIB);
  }
});

test("S7: few large overwrites leave no more log than the bytes that are kept", { timeout: 60_000 }, async () => {
  const compaction = { checkpointBytes: 2_048 * KIB, keepBytes: 1_024 * KIB };
  const log = { ...FILES, entriesPerFile: 200 };
  const seen = await useOf({ keys: 100, pairsPerEntry: 400, entries: 600, lookEvery: 40, log, compaction });
  // Some 27 MiB went through the log. Of 8 MiB: 2 and 1 are asked for, sizes are known to one each, 3 are proposed at once;
  // a file of two such entries is a third larger than they are.
  for (const use of seen) expect(use.log).toBeLessThan(FIXED + 12 * 1_024 * KIB);
});
