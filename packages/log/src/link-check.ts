import { scanChain } from "./chain-scan.ts";
import { corruptAt, itemOnDisk, readContents, readItems } from "./file-check.ts";
import { type FoundFile, isSound, type SoundFile, type UnreadableFile } from "./found-files.ts";
import { isEntryKind, RECORD_KIND } from "./record.ts";
import { nonZeroEnd, type RecordWindow } from "./record-window.ts";

/** A place that is damaged, for people. */
export interface DamagedPlace {
  readonly path: string;
  readonly offset: number;
  readonly reason: string;
}

/** How a file goes on. */
export type Link =
  /** In the next file. Items were rebuilt where those on disk did not lead to the last entry. */
  | { readonly kind: "next"; readonly rebuiltItems: Uint8Array | undefined }
  /** It was cut back, and the files behind it are leftovers. */
  | { readonly kind: "cutBack"; readonly rebuiltItems: Uint8Array | undefined }
  /** Not at all: it or the next one is damaged. Its chain is to end at `cutEnd`, or earlier where it is damaged. */
  | { readonly kind: "damage"; readonly place: DamagedPlace; readonly cutEnd: number | undefined };

/**
 * Checks that a file goes on in the next one: its last entry, what follows that up to the end that the next file names,
 * and the CRC there.
 * @param isWholeRead - the file is read from its beginning, not only where its last item leads.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` when a file is missing between the two.
 */
export function checkLink(window: RecordWindow, file: SoundFile, next: FoundFile, isWholeRead: boolean): Link {
  if (!isSound(next)) return checkUnreadable(window, file, next);
  refuseGap(file, next);
  const { header, previousCrc } = next.beginning;
  const end = header.previousEnd;
  let rebuiltItems: Uint8Array | undefined;
  let crc = isWholeRead ? undefined : crcByItem(window, file, next);
  if (crc === undefined) {
    const { stop, lastIndex, items } = readContents(window, file.beginning, end);
    if (stop.reason !== "end" || lastIndex !== header.baseIndex - 1) {
      const reason = "the file ends before the next one begins";
      return { kind: "damage", place: { path: file.path, offset: stop.offset, reason }, cutEnd: undefined };
    }
    crc = stop.crc;
    rebuiltItems = items;
  }
  if (crc !== previousCrc) {
    const place = { path: next.path, offset: header.dataOffset, reason: "it does not continue the file before" };
    return { kind: "damage", place, cutEnd: end };
  }
  const behind = window.recordAt(end);
  const isCutBack =
    behind.state === "record" && behind.header.kind === RECORD_KIND.cutBack && behind.header.previousCrc === crc;
  return { kind: isCutBack ? "cutBack" : "next", rebuiltItems };
}

/** @throws DisterError `DISTER_ERR_LOG_CORRUPT` when a file is missing between two of which the second can be read. */
export function refuseGap(file: FoundFile, next: SoundFile): void {
  const { header } = next.beginning;
  const isFar = isSound(file) && next.baseIndex - file.baseIndex > file.beginning.header.entriesPerFile;
  if (header.previousBaseIndex === file.baseIndex && !isFar) return;
  const reason = `it follows base index ${header.previousBaseIndex}, but ${file.baseIndex} was found`;
  throw corruptAt(next.path, header.dataOffset, reason);
}

/** The next file cannot say where this one ended, so this one is read to its end. */
function checkUnreadable(window: RecordWindow, file: SoundFile, next: UnreadableFile): Link {
  const { stop, lastIndex, endsInCutBack, items } = readContents(window, file.beginning);
  const isAtEnd = stop.reason === "zero" && nonZeroEnd(window, stop.offset) === stop.offset;
  // What was cut back begins further on than what comes in its place: that may begin a file too, where this one is full.
  const isReplacement = lastIndex === next.baseIndex - 1;
  if (isAtEnd && endsInCutBack && !isReplacement) return { kind: "cutBack", rebuiltItems: items };
  // Items of entries that are not there: a part of the file has turned to zeros.
  if (!isAtEnd || readItems(window, file.beginning.header).length > items.length) {
    const place = { path: file.path, offset: stop.offset, reason: "the file ends before the next one begins" };
    return { kind: "damage", place, cutEnd: stop.offset };
  }
  const { offset, reason } = next.fault;
  if (!isReplacement) {
    throw corruptAt(next.path, offset, `${reason}, and the file before it ends with entry ${lastIndex}`);
  }
  return { kind: "damage", place: { path: next.path, offset, reason }, cutEnd: stop.offset };
}

/** CRC of the last record before the next file, found through the item of the last entry; undefined when that fails. */
function crcByItem(window: RecordWindow, file: SoundFile, next: SoundFile): number | undefined {
  const end = next.beginning.header.previousEnd;
  const index = next.baseIndex - 1;
  const item = itemOnDisk(window, index - file.baseIndex);
  if (item === undefined || item.start + item.length > end) return undefined;
  const entry = window.recordAt(item.start);
  if (entry.state !== "record" || !isEntryKind(entry.header.kind) || entry.header.index !== index) return undefined;
  if (entry.end === end) return entry.header.crc;
  const from = { offset: entry.end, crc: entry.header.crc };
  const stop = scanChain(window, from, (_header, _payload, recordEnd) => recordEnd >= end);
  return stop.reason === "end" && stop.offset === end ? stop.crc : undefined;
}
