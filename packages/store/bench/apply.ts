// CPU of applying puts, per put, beside a bare loop of upserts over the same driver in the same run. The ratio is what
// counts: absolute figures move with the machine. Rounds are interleaved, and the median of each cell is printed.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENTRY_KIND, type LogEntry, NO_LOGGER } from "@dister/types";
import { openForWriting, useWriteAheadLog } from "../src/database.ts";
import { decodeCommand, encodeCommand, openStore, STORE_DEFAULTS } from "../src/index.ts";

const KEYS = 100_000;
const PUTS = 16_384;
const ROUNDS = 5;
const BATCHES = [1, 16, 256];
const folder = mkdtempSync(join(tmpdir(), "dister-bench-"));

/** A key that jumps about, as the keys of many clients do. */
const keyAt = (index: number) => `bench/key/${(index * 7_919) % KEYS}`;

/** A value that changes with every put: SQLite does not write a page again for an equal one. */
const valueAt = (index: number) => String(index).padEnd(128, "x");

function entryAt(index: number): LogEntry {
  const requestId = `4f1c9e2a-77d0-4b1e-9c0d-${String(index).padStart(12, "0")}`;
  const command = { type: "kvSet", pairs: [[keyAt(index), valueAt(index)]] } as const;
  const payload = encodeCommand({ requestId, timeMs: 1_790_000_000_000 + index, command });
  return { index, term: 1, r: index % 10_000, kind: ENTRY_KIND.command, payload };
}

async function cpuPerPut(run: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / PUTS;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function openBare() {
  const path = join(folder, "bare.db");
  writeFileSync(path, "");
  const db = openForWriting(path, STORE_DEFAULTS.cacheBytesMax);
  useWriteAheadLog(db);
  db.exec("CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID");
  const upsert = db.prepare("INSERT INTO kv VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
  const upsertAll = db.transaction((from: number, count: number) => {
    for (let at = 0; at < count; at++) upsert.run(keyAt(from + at), valueAt(from + at));
  });
  return { db, upsertAll };
}

const store = await openStore({ components: { logger: NO_LOGGER }, options: { path: join(folder, "state.db") } });
const bare = openBare();
let index = 0;
for (; index < KEYS; index += 1_000) {
  await store.apply(Array.from({ length: 1_000 }, (_, at) => entryAt(index + at + 1)));
  bare.upsertAll(index + 1, 1_000);
}

const cells = new Map(BATCHES.map((batch) => [batch, { store: [] as number[], bare: [] as number[] }]));
const codec = { encode: [] as number[], decode: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  let entries: LogEntry[] = [];
  codec.encode.push(await cpuPerPut(() => void Array.from({ length: PUTS }, (_, at) => entryAt(index + at + 1))));
  for (const [batch, cell] of cells) {
    entries = Array.from({ length: PUTS }, (_, at) => entryAt(index + at + 1));
    cell.store.push(
      await cpuPerPut(async () => {
        for (let at = 0; at < PUTS; at += batch) await store.apply(entries.slice(at, at + batch));
      }),
    );
    const from = index + 1;
    cell.bare.push(
      await cpuPerPut(() => {
        for (let at = 0; at < PUTS; at += batch) bare.upsertAll(from + at, batch);
      }),
    );
    index += PUTS;
  }
  codec.decode.push(
    await cpuPerPut(() => {
      for (const { payload } of entries) decodeCommand(payload);
    }),
  );
}

for (const [batch, cell] of cells) {
  const [ours, theirs] = [median(cell.store), median(cell.bare)];
  const ratio = (ours / theirs).toFixed(2);
  console.log(`batch ${batch}: ${ours.toFixed(1)} us per put, bare upsert ${theirs.toFixed(1)} us, ratio ${ratio}`);
}
console.log(`codec: encode ${median(codec.encode).toFixed(2)} us, decode ${median(codec.decode).toFixed(2)} us`);
await store.close();
bare.db.close();
rmSync(folder, { recursive: true, force: true });
