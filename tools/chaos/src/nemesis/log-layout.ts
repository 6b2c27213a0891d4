import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the records of a log file begin, with a million entries per file (docs/formats/log-file.md). */
const DATA_OFFSET = 10_002_432;
const HEADER_BYTES = 64;
const MAGIC = 0x444c5201;
const PAYLOAD_LENGTH_AT = 8;
const SYNCED_END_AT = 40;
const ITEM_BYTES = 10;

/** What of a log file was written. All ranges are from an offset to before another one. */
export interface LogLayout {
  readonly path: string;
  /** Items of entries. */
  readonly items: { readonly from: number; readonly to: number };
  readonly records: { readonly from: number; readonly to: number };
  /** Records below this offset were durable when the last one was written: damage to them cannot look like a torn write. */
  readonly syncedEnd: number;
}

/** Walks the records of the newest log file. Undefined while there are no entries to speak of. */
export function newestLogLayout(folder: string): LogLayout | undefined {
  const name = readdirSync(folder)
    .filter((file) => file.endsWith(".dlog"))
    .sort()
    .at(-1);
  if (name === undefined) return undefined;
  const path = join(folder, name);
  const bytes = readFileSync(path);
  let at = DATA_OFFSET;
  let syncedEnd = DATA_OFFSET;
  let count = 0;
  while (at + HEADER_BYTES <= bytes.length && bytes.readUInt32BE(at) === MAGIC) {
    syncedEnd = Math.max(syncedEnd, Number(bytes.readBigUInt64BE(at + SYNCED_END_AT)));
    at += HEADER_BYTES + bytes.readUInt32BE(at + PAYLOAD_LENGTH_AT);
    count++;
  }
  let itemsEnd = 0;
  while (itemsEnd < DATA_OFFSET && !isZero(bytes.subarray(itemsEnd, itemsEnd + ITEM_BYTES))) itemsEnd += ITEM_BYTES;
  if (count < 10 || itemsEnd === 0 || at > bytes.length) return undefined;
  return { path, items: { from: 0, to: itemsEnd }, records: { from: DATA_OFFSET, to: at }, syncedEnd };
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
