import { dirname, join } from "node:path";
import {
  type FileHandle,
  HARD_STATE_START,
  type HardState,
  invariant,
  LOG_START,
  type LogRecovery,
} from "@dister/types";
import { corruptAt, type FileBeginning, type FileContents } from "./file-check.ts";
import { isKeptAside, isUnfinished } from "./file-header.ts";
import { finishFile, makeRoom, planFile } from "./file-making.ts";
import { laterHardState, sameHardState } from "./hard-state.ts";
import { inspectLog, type LinkedFile, type SoundLog } from "./inspection.ts";
import { ITEM_BYTES } from "./item.ts";
import type { LogContext } from "./log-context.ts";
import { LogFile } from "./log-file.ts";
import { clear, cutAway, finishCut } from "./quarantine.ts";
import { StateFile } from "./state-file.ts";
import { NO_CUT, plainValues, type StateValues } from "./state-slot.ts";
import type { Tail } from "./tail.ts";

/** A log as it was found and, where a crash had cut it or damage was cut away, cleared. */
export interface RecoveredLog {
  /** Oldest first, at least one. The last is open for writing. */
  readonly files: LogFile[];
  readonly hardState: HardState;
  /** True when only the copy holds this hard state: the log has to get it before it is relied on. */
  readonly isHardStateMissing: boolean;
  /** The copy, which holds this hard state. */
  readonly state: StateFile;
  readonly recovery: LogRecovery;
}

/**
 * Finds the log of a folder, or begins one. Every step may be cut by a crash and done again: what is removed or cleared
 * is a leftover by rules that hold as well when only part of it has gone, or was noted in the state before.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT`: nothing was changed. `DISTER_ERR_IDENTITY` for another node's log.
 */
export async function recoverLog(context: LogContext): Promise<RecoveredLog> {
  // What is seen need not be durable: the process before may have ended between a write and its sync. Nothing may follow
  // from it, and nothing be removed because of it, before it is.
  context.fileSystem.syncDirectory(dirname(context.directory));
  context.fileSystem.syncDirectory(context.directory);
  removeUnfinished(context);
  const state = new StateFile(context);
  try {
    if (state.exists) state.datasyncNow();
    refuseLostMark(context, state);
    const reports: string[] = [];
    const finished = finishCut(context, state);
    if (finished !== undefined) reports.push(finished);
    const found = inspectUntilSound(context, state, reports);
    return found === undefined ? await beginLog(context, state) : await openFound(context, state, found, reports);
  } catch (error) {
    state.close();
    throw error;
  }
}

/** A name that ends like this was never used: the file gets its own when its first records are durable. */
function removeUnfinished({ fileSystem, directory, logger }: LogContext): void {
  const names = fileSystem.list(directory).filter(isUnfinished);
  for (const name of names) {
    logger.info("removing a log file whose making was cut short", { name });
    fileSystem.remove(join(directory, name));
  }
  if (names.length > 0) fileSystem.syncDirectory(directory);
}

/** Whether the log is suspect is known from the state alone. Without it a damaged file that was kept must not be ignored. */
function refuseLostMark({ fileSystem, directory }: LogContext, state: StateFile): void {
  if (state.values !== undefined) return;
  const kept = fileSystem.list(directory).find(isKeptAside);
  if (kept === undefined) return;
  const reason = `it cannot be read, and ${kept} was kept of a damaged log: whether the log is whole again is not known`;
  throw corruptAt(state.path, 0, reason);
}

/** Cuts damage away until the log is sound. Cutting reads what is kept before, so that once is enough. */
function inspectUntilSound(context: LogContext, state: StateFile, reports: string[]): SoundLog | undefined {
  let cutBefore: { baseIndex: number; end: number } | undefined;
  for (;;) {
    const found = inspectLog(context, state.values);
    if (found === undefined || !("damage" in found)) return found;
    const { kept, cutEnd } = found.damage;
    const isFurther =
      cutBefore === undefined ||
      kept.baseIndex < cutBefore.baseIndex ||
      (kept.baseIndex === cutBefore.baseIndex && cutEnd < cutBefore.end);
    invariant(isFurther, "what was cut is sound, or it is cut further");
    cutBefore = { baseIndex: kept.baseIndex, end: cutEnd };
    reports.push(cutAway(context, state, found.damage));
  }
}

async function openFound(
  context: LogContext,
  state: StateFile,
  { linked, leftovers, contents, tail, items }: SoundLog,
  reports: readonly string[],
): Promise<RecoveredLog> {
  const { fileSystem } = context;
  const hardState = mergedHardState(state, linked.at(-1)!, contents);
  const handle = fileSystem.open(linked.at(-1)!.path, "write");
  try {
    await handle.datasync();
    removeLeftovers(context, leftovers);
    const itemsRebuilt = await repairLast(handle, contents, tail, items);
    const isHardStateMissing = !isCovered(contents.hardState, hardState);
    settleState(state, { hardState, isHardStateMissing }, contents.lastIndex);
    const files = linked.map((file, at) => asLogFile(file, linked[at + 1]?.beginning));
    const lastFile = files.at(-1)!;
    lastFile.adopt(handle);
    lastFile.lastIndex = contents.lastIndex;
    lastFile.end = contents.stop.offset;
    lastFile.writtenEnd = contents.stop.offset;
    lastFile.chain = contents.stop.crc;
    lastFile.terms = contents.terms;
    lastFile.measure(handle.size());
    const entryCount = contents.lastIndex - files[0]!.baseIndex + 1;
    const damage = reports.length === 0 ? {} : { damage: reports.join(" ") };
    return {
      files,
      hardState,
      isHardStateMissing,
      state,
      recovery: { entryCount, tornBytes: tail.tornBytes, itemsRebuilt, ...damage },
    };
  } catch (error) {
    handle.close();
    throw error;
  }
}

async function beginLog(context: LogContext, state: StateFile): Promise<RecoveredLog> {
  const { hardState, suspect } = state.values ?? plainValues(HARD_STATE_START);
  const isUsed = !sameHardState(hardState, HARD_STATE_START) || suspect.index > 0;
  if (isUsed || (state.exists && state.values === undefined)) {
    throw corruptAt(state.path, 0, "it belongs to a log of which no file is there");
  }
  const file = planFile(context, LOG_START, { generation: 1 });
  makeRoom(context, file);
  try {
    await finishFile(context, file, { hardState: HARD_STATE_START, previousCrc: 0, syncedIndex: 0 });
    state.storeNow(plainValues(HARD_STATE_START));
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    files: [file],
    hardState: HARD_STATE_START,
    isHardStateMissing: false,
    state,
    recovery: { entryCount: 0, tornBytes: 0, itemsRebuilt: 0 },
  };
}

/** The later one of what the chain and the copy say; a crash between their syncs leaves either of them behind. */
function mergedHardState(state: StateFile, last: LinkedFile, { hardState, stop }: FileContents): HardState {
  if (state.values === undefined) return hardState;
  const merged = laterHardState(hardState, state.values.hardState);
  // A copy that is ahead says that the last records are not there. What it calls committed may have been in them, and what is
  // here in their place may be what they had replaced.
  if (merged !== undefined) return isCovered(hardState, merged) ? merged : { ...merged, commit: hardState.commit };
  const votes = `${hardState.vote} and ${state.values.hardState.vote}`;
  const reason = `two votes in term ${hardState.term}: ${votes}, here and in ${state.path}`;
  throw corruptAt(last.path, stop.offset, reason);
}

/** Brings the copy up to the hard state that was found. A file that was noted as damaged has been read and is sound, or cut. */
function settleState(
  state: StateFile,
  { hardState, isHardStateMissing }: Pick<RecoveredLog, "hardState" | "isHardStateMissing">,
  lastIndex: number,
): void {
  const wanted: HardState = { ...hardState, commit: Math.min(hardState.commit, lastIndex) };
  const before = state.values;
  // When the log has its hard state again, nothing shows any more that the commit of the copy is not to be believed.
  const isSettled = !isHardStateMissing && before?.damagedFile === 0 && isCovered(before.hardState, wanted);
  if (state.isWhole && isSettled) return;
  const values: StateValues = { ...(before ?? plainValues(wanted)), hardState: wanted, damagedFile: 0, cut: NO_CUT };
  state.storeNow(values);
}

/** The commit is a hint and may be behind. */
function isCovered(stored: HardState, wanted: HardState): boolean {
  return stored.term === wanted.term && stored.vote === wanted.vote;
}

/** One by one, so that a crash leaves no gap: newest first behind a file that was cut back. */
function removeLeftovers({ fileSystem, directory, logger }: LogContext, leftovers: readonly string[]): void {
  for (const path of leftovers) {
    logger.info("removing a log file that a truncation or a reset had left behind", { path });
    fileSystem.remove(path);
    fileSystem.syncDirectory(directory);
  }
}

/** Makes the index area agree with the records and clears what lies behind them; returns how many items were wrong. */
async function repairLast(
  handle: FileHandle,
  { stop, items: wanted }: FileContents,
  { dirtyEnd }: Tail,
  items: Uint8Array,
): Promise<number> {
  const fix = itemsToFix(items, wanted);
  if (fix !== undefined) handle.writeAt([fix.bytes], fix.offset);
  clear(handle, stop.offset, dirtyEnd);
  // Before the first append: half of what was cut must not come back at the next crash beside what is new.
  if (fix !== undefined || dirtyEnd > stop.offset) await handle.datasync();
  return fix?.rebuilt ?? 0;
}

/** The stretch of the index area in which items are wrong or left over. */
function itemsToFix(
  onDisk: Uint8Array,
  wanted: Uint8Array,
): { offset: number; bytes: Uint8Array; rebuilt: number } | undefined {
  const whole = Buffer.alloc(Math.max(onDisk.length, wanted.length));
  whole.set(wanted);
  const actual = Buffer.alloc(whole.length);
  actual.set(onDisk);
  if (actual.equals(whole)) return undefined;
  let [first, last, rebuilt] = [-1, -1, 0];
  for (let at = 0; at < whole.length; at += ITEM_BYTES) {
    if (actual.compare(whole, at, at + ITEM_BYTES, at, at + ITEM_BYTES) === 0) continue;
    if (first < 0) first = at;
    last = at + ITEM_BYTES;
    if (at < wanted.length) rebuilt++;
  }
  return { offset: first, bytes: whole.subarray(first, last), rebuilt };
}

function asLogFile({ path, beginning, rebuiltItems }: LinkedFile, next: FileBeginning | undefined): LogFile {
  const { header } = beginning;
  const lastIndex = (next?.header.baseIndex ?? header.baseIndex) - 1;
  const file = new LogFile(path, header, { lastIndex, end: next?.header.previousEnd ?? header.dataOffset });
  file.chain = next?.previousCrc ?? 0;
  file.rebuiltItems = rebuiltItems;
  return file;
}
