import { type FileHandle, LIMITS, type LogEntry } from "@dister/types";
import { corruptAt, readBeginning, readContents } from "./file-check.ts";
import { ITEM_BYTES, type Item, unpackItem, viewOf } from "./item.ts";
import type { LogFile } from "./log-file.ts";
import { isEntryKind, RECORD_HEADER_BYTES, type RecordHeader } from "./record.ts";
import { RecordWindow } from "./record-window.ts";

/** Items that are read in one go. */
const ITEMS_AT_ONCE = 1024;
const WINDOW_BYTES_MAX = 1024 * 1024;

/** Which entries of one file are wanted: both ends included, as many as fit the payload bytes, at least one. */
export interface WantedEntries {
  readonly from: number;
  readonly to: number;
  readonly bytesMax: number;
}

/**
 * Reads entries through the index and verifies every record. An item that does not lead to its record is not believed:
 * the chain of the file decides then, and the items are rebuilt in memory.
 * @param isComplete - no more is written to this file, so that rebuilt items stay right.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT`.
 */
export function readEntries(handle: FileHandle, file: LogFile, wanted: WantedEntries, isComplete: boolean): LogEntry[] {
  const items = file.rebuiltItems;
  const found = tryToRead(handle, file, wanted, items);
  if (typeof found !== "number") return found;
  const rebuilt = rebuildItems(handle, file);
  if (isComplete) file.rebuiltItems = rebuilt;
  const again = tryToRead(handle, file, wanted, rebuilt);
  if (typeof again !== "number") return again;
  throw corruptAt(file.path, itemOffset(file, again), `entry ${again} cannot be read`);
}

/** The entries, or the index of the one to which its item does not lead. */
function tryToRead(
  handle: FileHandle,
  file: LogFile,
  { from, to, bytesMax }: WantedEntries,
  rebuilt: Uint8Array | undefined,
): LogEntry[] | number {
  const entries: LogEntry[] = [];
  let bytes = 0;
  let previous: { end: number; crc: number } | undefined;
  for (let index = from; index <= to; ) {
    const count = Math.min(ITEMS_AT_ONCE, to - index + 1);
    const items = itemsOf(handle, file, { index, count }, rebuilt);
    const window = new RecordWindow(handle, windowBytes(items, bytesMax - bytes));
    for (const item of items) {
      if (item === undefined || !liesIn(file, item)) return index;
      const payloadBytes = item.length - RECORD_HEADER_BYTES;
      if (entries.length > 0 && bytes + payloadBytes > bytesMax) return entries;
      const found = window.recordAt(item.start);
      if (found.state !== "record" || !agree(found.header, item, index)) return index;
      const { header, payload } = found;
      if (previous?.end === item.start && previous.crc !== header.previousCrc) return index;
      if (!isEntryKind(header.kind)) return index;
      previous = { end: found.end, crc: header.crc };
      bytes += payloadBytes;
      const plain = new Uint8Array(payload.buffer, payload.byteOffset, payload.length);
      entries.push({ index, term: header.term, r: header.r, kind: header.kind, payload: plain });
      index++;
    }
  }
  return entries;
}

function itemsOf(
  handle: FileHandle,
  file: LogFile,
  { index, count }: { index: number; count: number },
  rebuilt: Uint8Array | undefined,
): (Item | undefined)[] {
  const offset = itemOffset(file, index);
  let bytes = rebuilt?.subarray(offset, offset + count * ITEM_BYTES);
  if (bytes === undefined) {
    bytes = new Uint8Array(count * ITEM_BYTES);
    handle.readAt(bytes, offset);
  }
  const view = viewOf(bytes);
  return Array.from({ length: Math.floor(bytes.length / ITEM_BYTES) }, (_, at) => unpackItem(view, at * ITEM_BYTES));
}

function itemOffset(file: LogFile, index: number): number {
  return (index - file.baseIndex) * ITEM_BYTES;
}

function liesIn(file: LogFile, { start, length }: Item): boolean {
  return start >= file.header.dataOffset && length >= RECORD_HEADER_BYTES && start + length <= file.writtenEnd;
}

function agree(header: RecordHeader, item: Item, index: number): boolean {
  return header.index === index && header.r === item.r && header.payloadLength === item.length - RECORD_HEADER_BYTES;
}

/** How much to read in one go: what the items name, as far as it will be wanted. */
function windowBytes(items: readonly (Item | undefined)[], bytesMax: number): number {
  let bytes = 0;
  for (const item of items) {
    if (item === undefined || bytes > bytesMax) break;
    bytes += Math.min(item.length, LIMITS.entryPayloadBytesMax);
  }
  return Math.max(RECORD_HEADER_BYTES, Math.min(bytes, WINDOW_BYTES_MAX));
}

function rebuildItems(handle: FileHandle, file: LogFile): Uint8Array {
  const window = new RecordWindow(handle);
  const beginning = readBeginning(window, file.header.entriesPerFile);
  const { stop, items } = readContents(window, beginning, file.writtenEnd);
  if (stop.reason === "end") return items;
  throw corruptAt(file.path, stop.offset, "a record is damaged");
}
