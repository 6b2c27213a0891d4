import { join } from "node:path";
import type { FileHandle, FileSystem } from "@dister/types";
import type { LogDamage } from "./damage.ts";
import { corruptAt, readBeginning, readContents, readItems } from "./file-check.ts";
import { baseIndexOf, fileNameOf, KEPT_SUFFIX } from "./file-header.ts";
import { reading } from "./found-files.ts";
import type { LogContext } from "./log-context.ts";
import { isZero, nonZeroEnd, RecordWindow } from "./record-window.ts";
import type { StateFile } from "./state-file.ts";
import { NO_CUT } from "./state-slot.ts";

/**
 * Makes a damaged log suspect and cuts it before the damage, in steps of which each is durable before the next:
 *
 * 1. the mark: from here on the node neither votes nor stands, whatever happens;
 * 2. a copy of every file that will be changed, beside it;
 * 3. the intent: from here on a start goes on with the cut and looks at nothing else, so that a file that is half
 *    cleared is never taken for the damage, nor its copy replaced;
 * 4. the cut, and the end of the intent.
 *
 * @returns what happened, for people.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` when the hard state may be lost as well, or when nothing shows how much was
 *   acknowledged: nothing is changed then.
 *   `DISTER_ERR_DISK_FULL` when there is no room for the copies: nothing but the mark is changed then.
 */
export function cutAway(context: LogContext, state: StateFile, damage: LogDamage): string {
  const { path, offset, reason } = damage.place;
  if (state.values === undefined || !state.isWhole) {
    const both = `${reason}; the last hard state may have been lost with it, and its copy in ${state.path} is not whole`;
    throw corruptAt(path, offset, both);
  }
  const before = state.values;
  const index = Math.max(damage.highestIndex, before.suspect.index);
  if (before.hardState.commit > index) {
    // No sign of an entry is left that was there for sure, so there may have been any number more.
    throw corruptAt(path, offset, `${reason}; what was acknowledged behind it cannot be told`);
  }
  const suspect = { index, term: before.hardState.term };
  state.storeNow({ ...before, suspect });
  const names = keepAside(context, damage.changed);
  state.storeNow({ ...before, suspect, cut: { baseIndex: damage.kept.baseIndex, end: damage.cutEnd } });
  finishCut(context, state);
  const kept = names.length === 0 ? "" : `; what was there is kept in ${names.join(", ")}`;
  const report = `${path} at byte ${offset}: ${reason}. The log was cut behind entry ${damage.lastIndex}${kept}.`;
  context.logger.error("the log was damaged and is suspect", { reason: report, index });
  return report;
}

/**
 * Does the cut that the state names; done again after a crash it comes to the same.
 * @returns what was done, for people; undefined when there was nothing to do.
 */
export function finishCut(context: LogContext, state: StateFile): string | undefined {
  const { fileSystem, directory } = context;
  const values = state.values;
  if (values === undefined || values.cut.baseIndex === 0) return undefined;
  const { baseIndex, end } = values.cut;
  const path = join(directory, fileNameOf(baseIndex));
  if (!fileSystem.exists(path)) throw corruptAt(path, end, "the file in which the log was to be cut is not there");
  clearBehind(fileSystem.open(path, "write"), end, context.tuning.entriesPerFile);
  const later = fileSystem.list(directory).filter((name) => (baseIndexOf(name) ?? 0) > baseIndex);
  for (const name of later.toReversed()) {
    fileSystem.remove(join(directory, name));
    fileSystem.syncDirectory(directory);
  }
  state.storeNow({ ...values, cut: NO_CUT });
  return `${path} at byte ${end}: a cut before damage that was begun at an earlier start was finished.`;
}

/** Clears what lies behind an end, and makes the items agree with what is left. */
function clearBehind(handle: FileHandle, end: number, likely: number): void {
  reading(handle, (window) => {
    const beginning = readBeginning(window, likely);
    const { stop, items } = readContents(window, beginning, end);
    if (stop.offset !== end) throw corruptAt(handle.path, stop.offset, "a record is damaged before the place of a cut");
    const itemsEnd = readItems(window, beginning.header).length;
    const dirtyEnd = nonZeroEnd(window, end);
    // What is behind the end may have replaced entries before it: their items lead there and would be taken for damage again.
    if (!window.slice(0, items.length).equals(items)) handle.writeAt([items], 0);
    clear(handle, items.length, itemsEnd);
    clear(handle, end, dirtyEnd);
    handle.datasyncNow();
  });
}

const PAGE_BYTES = 4096;
const PIECE_BYTES = 1024 * 1024;

/** Copies files beside themselves, all or none of them. Returns the names of the copies, which are durable. */
function keepAside({ fileSystem, directory }: LogContext, paths: readonly string[]): string[] {
  const drafts = paths.map((path) => `${path}${KEPT_SUFFIX}.new`);
  try {
    for (const [at, path] of paths.entries()) copySparse(fileSystem, path, drafts[at]!);
  } catch (error) {
    for (const draft of drafts) if (fileSystem.exists(draft)) fileSystem.remove(draft);
    throw error;
  }
  const copies = paths.map((path) => `${path}${KEPT_SUFFIX}`);
  for (const [at, copy] of copies.entries()) fileSystem.rename(drafts[at]!, copy);
  fileSystem.syncDirectory(directory);
  return copies;
}

/** Copies a file without the pages that hold only zeros, durably but for its name. */
function copySparse(fileSystem: FileSystem, path: string, copy: string): void {
  const source = fileSystem.open(path, "read");
  try {
    const target = fileSystem.open(copy, "create");
    try {
      const size = source.size();
      target.truncate(size);
      const window = new RecordWindow(source);
      for (let offset = 0; offset < size; offset += PIECE_BYTES) copyPages(window, target, offset, size);
      target.datasyncNow();
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

function copyPages(window: RecordWindow, target: FileHandle, from: number, size: number): void {
  const piece = window.slice(from, Math.min(PIECE_BYTES, size - from));
  let start = 0;
  for (let at = 0; at < piece.length; at += PAGE_BYTES) {
    const end = Math.min(piece.length, at + PAGE_BYTES);
    if (!isZero(piece, at, end)) continue;
    if (at > start) target.writeAt([piece.subarray(start, at)], from + start);
    start = end;
  }
  if (start < piece.length) target.writeAt([piece.subarray(start)], from + start);
}

const ZEROS = new Uint8Array(1024 * 1024);

/** Writes zeros over a stretch of a file. */
export function clear(handle: FileHandle, from: number, to: number): void {
  for (let offset = from; offset < to; offset += ZEROS.length) {
    handle.writeAt([ZEROS.subarray(0, Math.min(ZEROS.length, to - offset))], offset);
  }
}
