import { existsSync } from "node:fs";
import { NO_MEMBERSHIP } from "@dister/types";
import { afterEach, beforeEach, expect, test } from "vitest";
import { membershipJson } from "../src/membership-json.ts";
import { ChunkCutter } from "../src/snapshot-chunks.ts";
import { encodeRecord, type SnapshotRecord } from "../src/snapshot-records.ts";
import { open, setEntry } from "./harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const position = { index: 9, term: 1 };
const kv = (key: string): SnapshotRecord => ({
  type: "kv",
  row: { key, value: "1", create_index: 1, modify_index: 1, version: 1 },
});
const service = (name: string, definition: string, state: { state?: string } = {}): SnapshotRecord => ({
  type: "service",
  row: { name, definition, defined_index: 1, state: "[0]", modify_index: 1, ...state },
});
const request = (log_id: number, request_id: string, error: string | null = null): SnapshotRecord => ({
  type: "request",
  row: { log_id, request_id, time_ms: 1, changed: 1, error },
});

/** A snapshot whose chunks, order, counts and hash are sound, whatever its rows hold. */
function snapshotOf(rows: readonly SnapshotRecord[]): Uint8Array[] {
  const count = (type: string) => rows.filter((row) => row.type === type).length;
  const counts = { kv: count("kv"), service: count("service"), request: count("request") };
  const cutter = new ChunkCutter();
  const log = { appliedLogId: 90_000, serviceLogId: 0, logTimeMs: 1 };
  const head = { position, ...log, membershipJson: membershipJson(NO_MEMBERSHIP), rows: counts };
  for (const record of [{ type: "header", ...head } as const, ...rows]) cutter.add(encodeRecord(record));
  cutter.add(encodeRecord({ type: "end", rows: counts, hash: cutter.digest() }));
  return cutter.end();
}

const refused: [what: string, rows: SnapshotRecord[]][] = [
  ["a key twice", [kv("a"), kv("a")]],
  ["a service twice", [service("s", `{"name":"s","type":"tcp","node":[]}`), service("s", "{}")]],
  ["a definition that does not decode", [service("s", "{}")]],
  ["a service under another name", [service("s", `{"name":"t","type":"tcp","node":[]}`)]],
  ["two requests of one log id", [request(5, "a"), request(5, "b")]],
  ["a request id twice", [request(5, "a"), request(6, "a")]],
  ["a refusal that is not JSON", [request(5, "a", "{")]],
];

for (const [what, rows] of refused) {
  test(`S2: a snapshot with ${what} is refused, and the old state is in use and whole`, async () => {
    const path = folder.file("state.db");
    const store = await open(path);
    await store.apply([setEntry(1, ["mine", "1"])]);
    const sink = await store.restore(position, NO_MEMBERSHIP);
    const restored = (async () => {
      for (const chunk of snapshotOf(rows)) await sink.write(chunk);
      await sink.commit();
    })();
    await expect(restored).rejects.toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
    expect(existsSync(`${path}.incoming`)).toBe(false);
    await store.apply([setEntry(2, ["mine", "2"])]);
    expect(store.kv("mine")?.value).toBe("2");
    await store.close();
  });
}

test("a stored refusal comes back with its code and message", async () => {
  const store = await open(folder.file("state.db"));
  const sink = await store.restore(position, NO_MEMBERSHIP);
  const error = { code: "DISTER_ERR_INVALID", message: "no" };
  for (const chunk of snapshotOf([request(5, "a", JSON.stringify(error))])) await sink.write(chunk);
  await sink.commit();
  expect(store.outcome("a")).toEqual({ requestId: "a", logId: 5, changed: 1, error });
  await store.close();
});
