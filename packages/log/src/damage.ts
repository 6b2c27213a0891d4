import type { FileHandle } from "@dister/types";
import { corruptAt, type FileContents, readContents, readItems } from "./file-check.ts";
import { firstRecordsBytes } from "./file-making.ts";
import { type FoundFile, isSound, reading, type SoundFile } from "./found-files.ts";
import { ITEM_BYTES, ITEM_LENGTH_MAX, unpackItem, viewOf } from "./item.ts";
import { type DamagedPlace, refuseGap } from "./link-check.ts";
import type { LogContext } from "./log-context.ts";
import { isEntryKind, RECORD_HEADER_BYTES, RECORD_KIND } from "./record.ts";
import { nonZeroEnd, RecordWindow } from "./record-window.ts";
import { headersBetween } from "./tail.ts";
import { HARD_STATE_RECORD_BYTES } from "./write-plan.ts";

/** Damage of entries, and how the log will be cut before it. */
export interface LogDamage {
  readonly place: DamagedPlace;
  /** The file that will be the last, and where it will end. */
  readonly kept: SoundFile;
  readonly cutEnd: number;
  readonly lastIndex: number;
  /** Highest index of which there is any sign: no higher one was acknowledged. */
  readonly highestIndex: number;
  /** Files that will be changed or removed. */
  readonly changed: readonly string[];
}

/** What is being cut: `keep` is the file in which the last good entry lies. */
interface Cut {
  readonly kept: SoundFile;
  readonly contents: FileContents;
  /** What lies behind the cut in that file, as far as it is not zero. */
  readonly isDirty: boolean;
  readonly later: readonly FoundFile[];
}

/**
 * Finds where a damaged log has to be cut and what may have been acknowledged behind that. Changes nothing.
 * @param current - the files of the log; the damage is behind `cutEnd` of the one at `at`, or before that.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` when no entry can be shown to be the last one that was acknowledged.
 */
export function describeDamage(
  context: LogContext,
  current: readonly FoundFile[],
  found: { at: number; place: DamagedPlace; cutEnd: number | undefined },
): LogDamage {
  const { place } = found;
  const cut = findCut(context, current, found);
  const { kept, contents, later, isDirty } = cut;
  for (const [at, file] of later.entries()) {
    const before = later[at - 1] ?? kept;
    if (isSound(file)) refuseGap(before, file);
  }
  const changed = [...(isDirty ? [kept.path] : []), ...later.map(({ path }) => path)];
  const highestIndex = Math.max(contents.knownIndex, highestSign(context, cut, place));
  return { place, kept, cutEnd: contents.stop.offset, lastIndex: contents.lastIndex, highestIndex, changed };
}

/** Nothing of a file is kept whose first records are damaged: the log then ends with the file before. */
function findCut(
  { fileSystem }: LogContext,
  current: readonly FoundFile[],
  found: { at: number; place: DamagedPlace; cutEnd: number | undefined },
): Cut {
  let end = found.cutEnd;
  for (let at = found.at; ; at--) {
    const kept = current[at];
    if (kept === undefined || !isSound(kept)) {
      throw corruptAt(found.place.path, found.place.offset, found.place.reason);
    }
    const { header } = kept.beginning;
    const cut = reading(fileSystem.open(kept.path, "read"), (window) => {
      const contents = readContents(window, kept.beginning, end);
      const items = readItems(window, header);
      const { offset } = contents.stop;
      const isDirty = nonZeroEnd(window, offset) > offset || items.length > contents.items.length;
      return { kept, contents, isDirty, later: current.slice(at + 1) };
    });
    if (cut.contents.stop.offset >= header.dataOffset + firstRecordsBytes(header)) return cut;
    end = header.previousEnd;
  }
}

/**
 * The highest index that the newest file may have held: what its records show behind the damage, what its items add to that,
 * and as many more as the bytes behind have room for. Never below the cut.
 */
function highestSign(context: LogContext, { kept, contents, later }: Cut, place: DamagedPlace): number {
  const newest = later.at(-1) ?? kept;
  const entriesPerFile = entriesPerFileOf(context, newest, later.at(-2) ?? kept);
  const { dataOffset } = isSound(newest) ? newest.beginning.header : { dataOffset: newest.fault.offset };
  const range = { baseIndex: newest.baseIndex, entriesPerFile, dataOffset };
  const handle = context.fileSystem.open(newest.path, "read");
  try {
    const from = newest === kept ? contents.stop.offset : dataOffset;
    const byRecord = lastRecorded(handle, from, range);
    const endMax = dataOffset + 2 * context.tuning.fileBytesMax + ITEM_LENGTH_MAX;
    const items = readItemsThere(handle, range);
    const byItem = items && lastItem(items, range, Math.max(handle.size(), endMax));
    if (isSound(newest) || (items !== undefined && (byItem ?? byRecord) !== undefined)) {
      const lastIndex = Math.max(newest.baseIndex - 1, contents.lastIndex, byRecord?.index ?? 0);
      const listed = listedBehind(items ?? new Uint8Array(), range, { index: lastIndex, end: byRecord?.end ?? from });
      const roomEnd = newest.baseIndex + entriesPerFile - 1;
      return Math.max(byItem ?? 0, Math.min(listed.index + roomBehind(handle, listed.end), roomEnd));
    }
  } finally {
    handle.close();
  }
  const reason = `${place.reason}; what was acknowledged behind it cannot be told`;
  throw corruptAt(place.path, place.offset, reason);
}

/**
 * How many items a file has. A file that cannot say it itself was made with the present option or like the one before it.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` when these differ.
 */
function entriesPerFileOf({ tuning }: LogContext, file: FoundFile, before: FoundFile): number {
  if (isSound(file)) return file.beginning.header.entriesPerFile;
  const { offset, reason } = file.fault;
  if (isSound(before) && before.beginning.header.entriesPerFile === tuning.entriesPerFile) return tuning.entriesPerFile;
  throw corruptAt(file.path, offset, `${reason}; how many entries it has room for cannot be told`);
}

interface FileRange {
  readonly baseIndex: number;
  readonly entriesPerFile: number;
  readonly dataOffset: number;
}

/** An index that a file shows, and where the records up to it end. */
interface Sign {
  readonly index: number;
  readonly end: number;
}

/** How many records there may be in the bytes behind an offset, each of which may have lost its item and its header. */
function roomBehind(handle: FileHandle, offset: number): number {
  return Math.ceil((nonZeroEnd(new RecordWindow(handle), offset) - offset) / RECORD_HEADER_BYTES);
}

/** The items, without the zeros behind them; undefined of a file that is too short to have them all. */
function readItemsThere(handle: FileHandle, range: FileRange): Uint8Array | undefined {
  if (handle.size() < range.entriesPerFile * ITEM_BYTES) return undefined;
  return readItems(new RecordWindow(handle), range);
}

/** The last item that can be one: it leads into the data area, and no further than a file ever grows. */
function lastItem(items: Uint8Array, range: FileRange, endMax: number): number | undefined {
  const view = viewOf(items);
  for (let at = items.length - ITEM_BYTES; at >= 0; at -= ITEM_BYTES) {
    const item = unpackItem(view, at);
    if (item === undefined || item.start < range.dataOffset || item.length < RECORD_HEADER_BYTES) continue;
    if (item.start + item.length <= endMax) return range.baseIndex + at / ITEM_BYTES;
  }
  return undefined;
}

/**
 * What all the items behind a sign add to it, when their records lie one behind the other from there on, but for hard states,
 * which have no items. Where one does not, none says how far its record reaches.
 */
function listedBehind(items: Uint8Array, range: FileRange, sign: Sign): Sign {
  const view = viewOf(items);
  let { index, end } = sign;
  for (let at = (index + 1 - range.baseIndex) * ITEM_BYTES; at < items.length; at += ITEM_BYTES) {
    const item = unpackItem(view, at);
    if (item === undefined || item.length < RECORD_HEADER_BYTES) return sign;
    const between = item.start - end;
    if (between < 0 || between % HARD_STATE_RECORD_BYTES !== 0) return sign;
    index++;
    end = item.start + item.length;
  }
  return { index, end };
}

/** Last index and end by the headers that are intact, in the order of the file: later ones replace earlier ones. */
function lastRecorded(handle: FileHandle, from: number, range: FileRange): Sign | undefined {
  const inner = new RecordWindow(handle);
  let last: number | undefined;
  let end = from;
  let skipTo = from;
  for (const header of headersBetween(new RecordWindow(handle), from, handle.size())) {
    // Bytes inside of a sound payload are a client's and say nothing.
    if (header.start < skipTo) continue;
    const isWhole = inner.recordAt(header.start).state === "record";
    if (isWhole) skipTo = header.start + RECORD_HEADER_BYTES + header.payloadLength;
    const isPossible = header.index >= range.baseIndex - 1 && header.index < range.baseIndex + range.entriesPerFile;
    if (!isPossible) continue;
    end = Math.max(end, header.start + RECORD_HEADER_BYTES + header.payloadLength);
    if (isEntryKind(header.kind) || header.kind === RECORD_KIND.cutBack) last = header.index;
    else last = Math.max(last ?? 0, header.index);
  }
  return last === undefined ? undefined : { index: last, end };
}
