// Bytes on disk while the same 10,000 keys are overwritten again and again, through the real log and database of one
// node with the settings of a daemon. Usage: node --conditions=@dister/source bench/disk-use.ts [million writes]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { overwrite } from "../test/overwriting.ts";

const [millions = 8] = process.argv.slice(2).map(Number);
const PAIRS = 100;
const entries = (millions * 1_000_000) / PAIRS;
const folder = mkdtempSync(join(tmpdir(), "dister-disk-use-"));
const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0).padStart(6);

try {
  console.log("| million writes | log MiB | log files | state.db MiB | its WAL MiB |\n| --- | --- | --- | --- | --- |");
  const order = { folder, keys: 10_000, pairsPerEntry: PAIRS, entries, lookEvery: Math.ceil(entries / 16) };
  for await (const { writes, log, logFiles, database, writeAheadLog } of overwrite(order)) {
    const sizes = `${mib(log)} | ${String(logFiles).padStart(2)} | ${mib(database)} | ${mib(writeAheadLog)}`;
    console.log(`| ${(writes / 1e6).toFixed(1)} | ${sizes} |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
