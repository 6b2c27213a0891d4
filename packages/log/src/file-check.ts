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

/** Why a file has no first record. */
export interface BeginningFault {
  readonly offset: number;
  readonly reason: string;
  /** False when the bytes are sound and say something that this program does not know or that cannot be. */
  readonly isDamage: boolean;
}

/**
 * Finds the first record of a file.
 * @param likely - entries per file that it was probably made with; with another number it is searched for.
 */
export function findBeginning(window: RecordWindow, likely: number): FileBeginning | BeginningFault {
  const found = beginningAt(window, dataOffsetOf(likely));
  if (!("reason" in found)) return found;
  const end = Math.min(window.size(), DATA_OFFSET_MAX + ALIGNMENT);
  for (let offset = ALIGNMENT; offset < end; offset += ALIGNMENT) {
    const other = beginningAt(window, offset);
    if (!("reason" in other)) return other;
  }
  return found;
}

/** @throws DisterError `DISTER_ERR_LOG_CORRUPT` when there is none. */
export function readBeginning(window: RecordWindow, likely: number): FileBeginning {
  const found = findBeginning(window, likely);
  if ("reason" in found) throw corruptAt(window.path, found.offset, found.reason);
  return found;
}

function beginningAt(window: RecordWindow, offset: number): FileBeginning | BeginningFault {
  const fault = (isDamage: boolean, reason: string): BeginningFault => ({ offset, reason, isDamage });
  const found = window.recordAt(offset);
  if (found.state !== "record") return fault(true, "the first record of the file is missing or damaged");
  if (found.header.kind !== RECORD_KIND.fileHeader) {
    return fault(true, "the first record of the file is of another kind");
  }
  const header = decodeFileHeader(found.payload);
  if (typeof header === "string") return fault(false, header);
  if (header.dataOffset !== offset) {
    return fault(false, "the data area begins elsewhere than the file header says");
  }
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
  /** True when the last record cut the log back to this file: files behind it are leftovers. */
  readonly endsInCutBack: boolean;
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
  #items = new Uint8Array(64 * ITEM_BYTES);
  #view = viewOf(this.#items);
  #lastIndex: number;
  #hardState: HardState = HARD_STATE_START;
  #knownIndex = 0;
  #endsInCutBack = false;

  constructor(path: string, header: FileHeader) {
    this.#path = path;
    this.#header = header;
    this.#lastIndex = header.baseIndex - 1;
  }

  take(header: RecordHeader, payload: Uint8Array): void {
    this.#knownIndex = Math.max(this.#knownIndex, header.syncedIndex);
    this.#endsInCutBack = header.kind === RECORD_KIND.cutBack;
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
    return { stop, items, lastIndex, hardState, knownIndex, endsInCutBack: this.#endsInCutBack, terms: this.#terms };
  }
}

/** The index area of a file up to the last item that is set. */
export function readItems(window: RecordWindow, file: { readonly entriesPerFile: number }): Uint8Array {
  const area = window.slice(0, file.entriesPerFile * ITEM_BYTES);
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

export function corruptAt(file: string, offset: number, reason: string): DisterError {
  return new DisterError("DISTER_ERR_LOG_CORRUPT", { file, offset, reason });
}
