import { type FileHandle, isDisterError } from "@dister/types";
import { type ChainPoint, type ChainStop, scanChain } from "./chain-scan.ts";
import { readBeginning, readContents, readItems } from "./file-check.ts";
import { ITEM_BYTES, type Item, unpackItem, viewOf } from "./item.ts";
import type { LogFile } from "./log-file.ts";
import { isEntryKind, RECORD_HEADER_BYTES, type RecordHeader } from "./record.ts";
import { RecordWindow } from "./record-window.ts";

const WINDOW_BYTES_MAX = 1024 * 1024;
const ITEMS_AT_ONCE = 1024;

/** What a look at a piece of a complete file found. */
export type PieceCheck =
  /** Every entry below `next` is sound. The items are there when those on disk are wrong and had to be rebuilt. */
  | { readonly next: number; readonly rebuiltItems?: Uint8Array; readonly itemsWrong?: number }
  | { readonly damage: string };

/**
 * Reads the entries of a complete file from `from` on, about `bytesMax` of them, and verifies checksums, chain and items.
 * Where an item is wrong the whole file is read: records decide, not items.
 */
export function checkPiece(handle: FileHandle, file: LogFile, from: number, bytesMax: number): PieceCheck {
  try {
    return new PieceReader(handle, file).check(from, bytesMax) ?? checkWhole(handle, file);
  } catch (error) {
    if (isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) return { damage: String(error.details["reason"]) };
    throw error;
  }
}

class PieceReader {
  readonly #handle: FileHandle;
  readonly #file: LogFile;
  #items: { from: number; view: DataView } | undefined;

  constructor(handle: FileHandle, file: LogFile) {
    this.#handle = handle;
    this.#file = file;
  }

  /** Undefined when the items contradict the records, so that they cannot say where a piece begins or ends. */
  check(from: number, bytesMax: number): PieceCheck | undefined {
    const file = this.#file;
    const window = new RecordWindow(this.#handle, Math.min(WINDOW_BYTES_MAX, Math.max(4096, bytesMax)));
    const start = this.#startOf(window, from);
    if (start === undefined) return undefined;
    const seen = new Map<number, RecordHeader>();
    const stop = scanChain(window, start, (header, _payload, end) => {
      if (isEntryKind(header.kind)) seen.set(header.index, header);
      if (end === file.writtenEnd) return true;
      // A piece goes on until an entry that counts was seen: one that was replaced since leads no further.
      return end - start.offset >= bytesMax && header.index >= from && this.#item(header.index)?.start === header.start;
    });
    const isAtEnd = stop.offset === file.writtenEnd;
    const damage = stopDamage(file, stop);
    if (damage !== undefined) return { damage };
    for (const header of seen.values()) if (!this.#agrees(header, stop.offset, isAtEnd)) return undefined;
    if (isAtEnd) return { next: file.lastIndex + 1 };
    let next = from;
    while (next <= file.lastIndex && (this.#item(next)?.start ?? 0) < stop.offset) next++;
    return next > from ? { next } : undefined;
  }

  /** Where the record before an entry lies, so that the link between the two is looked at as well. */
  #startOf(window: RecordWindow, from: number): ChainPoint | undefined {
    if (from === this.#file.baseIndex) return readBeginning(window, this.#file.header.entriesPerFile).point;
    const item = this.#item(from - 1);
    if (item === undefined || item.start < this.#file.header.dataOffset) return undefined;
    const found = window.recordAt(item.start);
    if (found.state !== "record" || !isEntryKind(found.header.kind) || found.header.index !== from - 1)
      return undefined;
    return { offset: item.start, crc: found.header.previousCrc };
  }

  /** Whether the item of an entry leads to its last record, which may lie behind the piece. */
  #agrees({ index, start, r, payloadLength }: RecordHeader, stopOffset: number, isAtEnd: boolean): boolean {
    if (index > this.#file.lastIndex) return true;
    const item = this.#item(index);
    if (item?.start === start) return item.r === r && item.length === RECORD_HEADER_BYTES + payloadLength;
    return item !== undefined && !isAtEnd && item.start >= stopOffset;
  }

  #item(index: number): Item | undefined {
    const { baseIndex, rebuiltItems } = this.#file;
    const slot = index - baseIndex;
    if (rebuiltItems !== undefined) return unpackItem(viewOf(rebuiltItems), slot * ITEM_BYTES);
    if (this.#items === undefined || slot < this.#items.from || slot >= this.#items.from + ITEMS_AT_ONCE) {
      const bytes = new Uint8Array(ITEMS_AT_ONCE * ITEM_BYTES);
      this.#handle.readAt(bytes, slot * ITEM_BYTES);
      this.#items = { from: slot, view: viewOf(bytes) };
    }
    return unpackItem(this.#items.view, (slot - this.#items.from) * ITEM_BYTES);
  }
}

/** Why a chain that ended like this is damaged. */
function stopDamage(file: LogFile, stop: ChainStop): string | undefined {
  if (stop.reason !== "end") return `at byte ${stop.offset}: a record is damaged or missing`;
  if (stop.offset === file.writtenEnd && stop.crc !== file.chain) return "its last record is not the one it ended with";
  return undefined;
}

function checkWhole(handle: FileHandle, file: LogFile): PieceCheck {
  const window = new RecordWindow(handle);
  const { stop, items, lastIndex } = readContents(
    window,
    readBeginning(window, file.header.entriesPerFile),
    file.writtenEnd,
  );
  const damage = stopDamage(file, stop);
  if (damage !== undefined) return { damage };
  if (lastIndex !== file.lastIndex) return { damage: `it ends with entry ${lastIndex}, not ${file.lastIndex}` };
  const onDisk = readItems(window, file.header);
  let itemsWrong = 0;
  for (let at = 0; at < items.length; at += ITEM_BYTES) {
    const isSame = Buffer.compare(items.subarray(at, at + ITEM_BYTES), onDisk.subarray(at, at + ITEM_BYTES)) === 0;
    if (!isSame) itemsWrong++;
  }
  return { next: lastIndex + 1, rebuiltItems: items, itemsWrong };
}
