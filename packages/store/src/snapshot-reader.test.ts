import { LIMITS, NO_MEMBERSHIP } from "@dister/types";
import { describe, expect, test } from "vitest";
import { membershipJson } from "./membership-json.ts";
import { ChunkCutter } from "./snapshot-chunks.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { encodeRecord, type SnapshotRecord } from "./snapshot-records.ts";

const position = { index: 9, term: 2 };
const announced = { position, membership: NO_MEMBERSHIP };

const header = (change: object = {}): SnapshotRecord => ({
  type: "header",
  position,
  appliedLogId: 90_000,
  serviceLogId: 0,
  logTimeMs: 5,
  membershipJson: membershipJson(NO_MEMBERSHIP),
  rows: { kv: 1, service: 1, request: 1 },
  ...change,
});
const kv = (change: object = {}): SnapshotRecord => ({
  type: "kv",
  row: { key: "a", value: "1", create_index: 1, modify_index: 9, version: 1, ...change },
});
const service = (change: object = {}): SnapshotRecord => ({
  type: "service",
  row: { name: "s", definition: "{}", defined_index: 1, state: "[0]", modify_index: 9, ...change },
});
const request = (change: object = {}): SnapshotRecord => ({
  type: "request",
  row: { log_id: 90_000, request_id: "r", time_ms: 5, changed: 1, error: null, ...change },
});
const END = { kv: 1, service: 1, request: 1 };

/** Chunks that are sound in themselves, of records that may not be. */
function chunksOf(records: readonly SnapshotRecord[], end: object | undefined = { rows: END }): Uint8Array[] {
  const cutter = new ChunkCutter();
  for (const record of records) cutter.add(encodeRecord(record));
  const whole = { type: "end", rows: END, hash: cutter.digest(), ...end } as SnapshotRecord;
  if (end !== undefined) cutter.add(encodeRecord(whole));
  return cutter.end();
}

function read(chunks: readonly Uint8Array[]): string[] {
  const reader = new SnapshotReader(announced);
  const types = chunks.flatMap((chunk) => Array.from(reader.read(chunk), ({ type }) => type));
  reader.finish();
  return types;
}

const refused = (chunks: readonly Uint8Array[], reason: RegExp) =>
  expect(() => read(chunks)).toThrow(
    expect.objectContaining({ code: "DISTER_ERR_SNAPSHOT", message: expect.stringMatching(reason) }),
  );

test("a sound snapshot is read row by row", () => {
  expect(read(chunksOf([header(), kv(), service(), request()]))).toEqual(["kv", "service", "request"]);
});

test("records may be cut by chunks anywhere, in their heads too", () => {
  const body = 12;
  for (let spare = 0; spare < 20; spare++) {
    // The key's record ends `spare` bytes before the first chunk does.
    const fixed = encodeRecord(header()).length + encodeRecord(kv()).length + encodeRecord(kv({ value: "" })).length;
    const value = "x".repeat(LIMITS.snapshotChunkBytes - body - spare - fixed - 2);
    const chunks = chunksOf([header({ rows: { ...END, kv: 2 } }), kv(), kv({ value }), service(), request()], {
      rows: { ...END, kv: 2 },
    });
    expect(chunks).toHaveLength(2);
    expect(read(chunks)).toEqual(["kv", "kv", "service", "request"]);
  }
});

describe("a snapshot is refused when", () => {
  test("its header is of another version, position or membership, or not the first", () => {
    const other = chunksOf([header(), kv(), service(), request()]);
    // Version 1 is the first byte behind chunk and record head; the checksum has to fit again.
    const records = encodeRecord(header());
    records[5] = 2;
    const cutter = new ChunkCutter();
    cutter.add(records);
    refused(cutter.end(), /version 2/);
    refused(chunksOf([header({ position: { index: 8, term: 2 } })]), /index 8/);
    refused(chunksOf([header({ position: { index: 9, term: 1 } })]), /term 1/);
    refused(chunksOf([header({ membershipJson: "{}" })]), /membership/);
    refused(chunksOf([kv(), header()]), /out of order/);
    refused(chunksOf([header(), header()]), /out of order/);
    expect(() => read(other)).not.toThrow();
  });

  test("its records are out of order, of unknown type or too long", () => {
    refused(chunksOf([header(), service(), kv(), request()]), /type kv out of order/);
    refused(chunksOf([header(), kv(), request(), service()]), /type service out of order/);
    for (const [bytes, reason] of [
      ["09 00000000", /unknown type 9/],
      ["02 7fffffff", /a record of 2147483647 bytes/],
      ["02 00000008 01 61 01 31 01 01 01 00", /too many/],
      ["02 00000006 01 61 01 31 01 01", /cut short/],
    ] as const) {
      const cutter = new ChunkCutter();
      cutter.add(encodeRecord(header()));
      cutter.add(Buffer.from(bytes.replaceAll(" ", ""), "hex"));
      refused(cutter.end(), reason);
    }
  });

  test("rows are missing, too many, or counted differently at its ends", () => {
    refused(chunksOf([header(), kv(), service()]), /rows of request are missing/);
    refused(chunksOf([header(), kv(), kv({ key: "b" }), service(), request()]), /rows of kv are missing/);
    refused(chunksOf([header({ rows: { ...END, service: 2 } }), kv(), service(), request()]), /rows of service/);
    refused(chunksOf([header(), kv(), service(), request()], { rows: { ...END, request: 0 } }), /rows of request/);
  });

  test("the hash of the whole is wrong, its end is missing, or something comes behind it", () => {
    const records = [header(), kv(), service(), request()];
    refused(chunksOf(records, { hash: Buffer.alloc(32) }), /hash/);
    const unended = new ChunkCutter();
    for (const record of records) unended.add(encodeRecord(record));
    refused(unended.end(), /its end is missing/);
    refused([], /its end is missing/);
    const cutter = new ChunkCutter();
    for (const record of records) cutter.add(encodeRecord(record));
    cutter.add(encodeRecord({ type: "end", rows: END, hash: cutter.digest() }));
    cutter.add(Uint8Array.of(1));
    refused(cutter.end(), /bytes behind its end/);
  });

  test("a chunk is doubled, missing, cut or longer than it says", () => {
    const value = "x".repeat(LIMITS.snapshotChunkBytes * 2);
    const [first, second, third] = chunksOf([header(), kv({ value }), service(), request()]) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    refused([first, first], /chunk 0 where chunk 1 is due/);
    refused([second], /chunk 1 where chunk 0 is due/);
    refused([first, third], /chunk 2 where chunk 1 is due/);
    refused([first.subarray(0, -1)], /cut or too long/);
    refused([Buffer.concat([third, Buffer.of(0)])], /cut or too long/);
    refused([Buffer.concat([first, Buffer.of(0)])], /a chunk of 262145 bytes/);
    refused([new Uint8Array(12)], /a chunk of 12 bytes/);
  });

  test("a row is from beyond its position", () => {
    const rows = [header(), kv(), service(), request()];
    const changed: SnapshotRecord[] = [
      kv({ modify_index: 10 }),
      kv({ create_index: 0 }),
      kv({ create_index: 5, modify_index: 4 }),
      kv({ version: 0 }),
      service({ modify_index: 10 }),
      service({ defined_index: 0 }),
      request({ log_id: 90_001 }),
      request({ time_ms: 6 }),
    ];
    for (const row of changed) {
      refused(chunksOf(rows.map((record) => (record.type === row.type ? row : record))), /beyond its position/);
    }
  });
});
