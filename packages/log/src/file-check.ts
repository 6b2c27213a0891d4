import { DisterError, HARD_STATE_START, type HardState } from "@dister/types";
import { type ChainPoint, type ChainStop, scanChain } from "./chain-scan.ts";
import { dataOffsetOf, decodeFileHeader, type FileHeader } from "./file-header.ts";
import { decodeHardState } from "./hard-state.ts";
import { ITEM_BYTES, type Item, packItem, unpackItem, viewOf } from "./item.ts";
import { isEntryKind, RECORD_HEADER_BYTES, RECORD_KIND, type RecordHeader } from "./record.ts";
import { isZero, type RecordWindow } from "./record-window.ts";
import { TermRuns } from "./term-runs.ts";

const ALIGNMENT = 4096;
const DATA_OFFSET_MAX = dataOffsetOf(10_000_000);

/** The first record of a file. */
export interface FileBeginning {
  readonly header: FileHeader;
  /** CRC of the last record of the file before, as this file names it. */
  readonly previousCrc: number;
  /** Where the chain of the file begins: behind the first record. */
  readonly point: ChainPoint;
}

/**
 * Finds the first record of a file.
 * @param likely - entries per file that it was probably made with; with another number it is searched for.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` when there is none.
 */
export function readBeginning(window: RecordWindow, likely: number): FileBeginning {
  const found = beginningAt(window, dataOffsetOf(likely));
  if (typeof found !== "string") return found;
  const end = Math.min(window.size(), DATA_OFFSET_MAX + ALIGNMENT);
  for (let offset = ALIGNMENT; offset < end; offset += ALIGNMENT) {
    const other = beginningAt(window, offset);
    if (typeof other !== "string") return other;
  }
  throw corruptAt(window.path, dataOffsetOf(likely), found);
}

function beginningAt(window: RecordWindow, offset: number): FileBeginning | string {
  const found = window.recordAt(offset);
  if (found.state !== "record") return "the first record of the file is missing or damaged";
  if (found.header.kind !== RECORD_KIND.fileHeader) return "the first record of the file is of another kind";
  const header = decodeFileHeader(found.payload);
  if (typeof header === "string") return header;
  if (header.dataOffset !== offset) return "the data area begins elsewhere than the file header says";
  return {
    header,
    previousCrc: found.header.previousCrc,
    point: { offset: found.end, crc: found.header.crc },
  };
}

/** What the records of one file come to. */
export interface FileContents {
  readonly stop: ChainStop;
  /** The items as they should be, for the entries from `baseIndex` to `lastIndex`. */
  readonly items: Uint8Array;
  readonly lastIndex: number;
  readonly terms: TermRuns;
  readonly hardState: HardState;
  /** Highest index that a record knows to have been durable or committed, and that was not replaced since. */
  readonly knownIndex: number;
}

/**
 * Reads all records of a file up to `end`, or to where its chain ends.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` when intact, chained records contradict each other.
 */
export function readContents(window: RecordWindow, beginning: FileBeginning, end?: number): FileContents {
  const contents = new ContentsReader(window.path, beginning.header);
  const stop =
    end === beginning.point.offset
      ? { ...beginning.point, reason: "end" as const, header: undefined }
      : scanChain(window, beginning.point, (header, payload, recordEnd) => {
          contents.take(header, payload);
          return recordEnd === end;
        });
  return contents.result(stop);
}

class ContentsReader {
  readonly #path: string;
  readonly #header: FileHeader;
  readonly #terms = new TermRuns();
  #items = new Uint8Array(4096 * ITEM_BYTES);
  #view = viewOf(this.#items);
  #lastIndex: number;
  #hardState: HardState = HARD_STATE_START;
  #knownIndex = 0;

  constructor(path: string, header: FileHeader) {
    this.#path = path;
    this.#header = header;
    this.#lastIndex = header.baseIndex - 1;
  }

  take(header: RecordHeader, payload: Uint8Array): void {
    this.#knownIndex = Math.max(this.#knownIndex, header.syncedIndex);
    if (isEntryKind(header.kind)) {
      this.#entry(header, payload.length);
      return;
    }
    const hardState = decodeHardState(payload);
    if (header.kind === RECORD_KIND.fileHeader || hardState === undefined) {
      throw corruptAt(this.#path, header.start, "the record cannot be here or cannot be read");
    }
    if (header.kind === RECORD_KIND.cutBack) this.#cutTo(header, header.index);
    this.#hardState = hardState;
    this.#knownIndex = Math.max(this.#knownIndex, hardState.commit);
  }

  #entry(header: RecordHeader, payloadLength: number): void {
    const { baseIndex, entriesPerFile } = this.#header;
    if (header.index > this.#lastIndex + 1 || header.index >= baseIndex + entriesPerFile) {
      throw corruptAt(this.#path, header.start, `entry ${header.index} does not follow ${this.#lastIndex}`);
    }
    this.#cutTo(header, header.index - 1);
    this.#terms.push(header.index, header.term);
    const at = (header.index - baseIndex) * ITEM_BYTES;
    if (at + ITEM_BYTES > this.#items.length) {
      const larger = new Uint8Array(this.#items.length * 2);
      larger.set(this.#items);
      this.#items = larger;
      this.#view = viewOf(larger);
    }
    packItem(this.#view, at, { r: header.r, start: header.start, length: RECORD_HEADER_BYTES + payloadLength });
    this.#lastIndex = header.index;
  }

  #cutTo(header: RecordHeader, index: number): void {
    if (index < this.#header.baseIndex - 1 || index > this.#lastIndex) {
      throw corruptAt(this.#path, header.start, `the log cannot be cut to ${index} here`);
    }
    if (index === this.#lastIndex) return;
    this.#terms.cutFrom(index + 1);
    this.#lastIndex = index;
    // What was known of entries that are replaced says nothing of those that replace them.
    this.#knownIndex = Math.min(this.#knownIndex, index);
  }

  result(stop: ChainStop): FileContents {
    const items = this.#items.subarray(0, (this.#lastIndex - this.#header.baseIndex + 1) * ITEM_BYTES);
    const [lastIndex, hardState, knownIndex] = [this.#lastIndex, this.#hardState, this.#knownIndex];
    return { stop, items, lastIndex, hardState, knownIndex, terms: this.#terms };
  }
}

/** The index area of a file up to the last item that is set. */
export function readItems(window: RecordWindow, header: FileHeader): Uint8Array {
  const area = window.slice(0, header.entriesPerFile * ITEM_BYTES);
  const step = ITEM_BYTES * 4096;
  let end = area.length;
  while (end > step && isZero(area, end - step, end)) end -= step;
  while (end > 0 && isZero(area, end - ITEM_BYTES, end)) end -= ITEM_BYTES;
  return area.subarray(0, end);
}

/** The item of one slot as it is on disk. */
export function itemOnDisk(window: RecordWindow, slot: number): Item | undefined {
  const at = window.reach(slot * ITEM_BYTES, ITEM_BYTES);
  return unpackItem(window.view, at);
}

/** What a look at the end of an older file found. */
export interface LinkCheck {
  /** True when the file was cut back and the files behind it are leftovers. */
  readonly isCutBack: boolean;
  /** Items rebuilt from the records, where those on disk did not lead to the last entry. */
  readonly rebuiltItems: Uint8Array | undefined;
}

/**
 * Checks that a file goes on in the next one, without reading it whole: its last entry, what follows that up to the end
 * that the next file names, and the CRC there.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT`.
 */
export function checkLink(window: RecordWindow, file: FileBeginning, next: FileBeginning, nextPath: string): LinkCheck {
  const count = next.header.baseIndex - file.header.baseIndex;
  if (next.header.previousBaseIndex !== file.header.baseIndex || count > file.header.entriesPerFile) {
    const reason = `it follows base index ${next.header.previousBaseIndex}, but ${file.header.baseIndex} was found`;
    throw corruptAt(nextPath, next.header.dataOffset, reason);
  }
  const end = next.header.previousEnd;
  let rebuiltItems: Uint8Array | undefined;
  let crc = crcByItem(window, { slot: count - 1, index: next.header.baseIndex - 1, end });
  if (crc === undefined) {
    const contents = readContents(window, file, end);
    if (contents.stop.reason !== "end" || contents.lastIndex !== next.header.baseIndex - 1) {
      throw corruptAt(window.path, contents.stop.offset, "the file ends before the next one begins");
    }
    crc = contents.stop.crc;
    rebuiltItems = contents.items;
  }
  if (crc !== next.previousCrc)
    throw corruptAt(nextPath, next.header.dataOffset, "it does not continue the file before");
  const behind = window.recordAt(end);
  const isCutBack =
    behind.state === "record" && behind.header.kind === RECORD_KIND.cutBack && behind.header.previousCrc === crc;
  return { isCutBack, rebuiltItems };
}

/** CRC of the last record before `end`, found through the item of the last entry; undefined when that does not lead there. */
function crcByItem(window: RecordWindow, last: { slot: number; index: number; end: number }): number | undefined {
  const item = itemOnDisk(window, last.slot);
  if (item === undefined || item.start + item.length > last.end) return undefined;
  const entry = window.recordAt(item.start);
  if (entry.state !== "record" || !isEntryKind(entry.header.kind) || entry.header.index !== last.index)
    return undefined;
  if (entry.end === last.end) return entry.header.crc;
  const stop = scanChain(
    window,
    { offset: entry.end, crc: entry.header.crc },
    (_header, _payload, end) => end >= last.end,
  );
  return stop.reason === "end" && stop.offset === last.end ? stop.crc : undefined;
}

export function corruptAt(file: string, offset: number, reason: string): DisterError {
  return new DisterError("DISTER_ERR_LOG_CORRUPT", { file, offset, reason });
}
