import { dirname, join } from "node:path";
import {
  DisterError,
  type FileHandle,
  HARD_STATE_START,
  type HardState,
  LOG_START,
  type LogRecovery,
} from "@dister/types";
import {
  checkLink,
  corruptAt,
  type FileBeginning,
  type FileContents,
  readBeginning,
  readContents,
  readItems,
} from "./file-check.ts";
import { baseIndexOf, isUnfinished, type LogIdentity } from "./file-header.ts";
import { finishFile, firstRecordsBytes, makeRoom, planFile } from "./file-making.ts";
import { ITEM_BYTES } from "./item.ts";
import type { LogContext } from "./log-context.ts";
import { LogFile } from "./log-file.ts";
import { RecordWindow } from "./record-window.ts";
import { judgeTail, type Tail } from "./tail.ts";

/** A log as it was found and, where a crash had cut it, cleared. */
export interface RecoveredLog {
  /** Oldest first, at least one. The last is open for writing. */
  readonly files: LogFile[];
  readonly hardState: HardState;
  readonly recovery: LogRecovery;
}

interface FoundFile {
  readonly path: string;
  readonly beginning: FileBeginning;
  rebuiltItems?: Uint8Array | undefined;
}

/**
 * Finds the log of a folder, or begins one. Every step may be cut by a crash and done again: what is removed or cleared
 * is a leftover by rules that hold as well when only part of it has gone.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT`: nothing was changed. `DISTER_ERR_IDENTITY` for another node's log.
 */
export async function recoverLog(context: LogContext): Promise<RecoveredLog> {
  const { fileSystem, directory } = context;
  fileSystem.syncDirectory(dirname(directory));
  removeUnfinished(context);
  const found = readFiles(context);
  if (found.length === 0) return beginLog(context);
  const current = newestGeneration(found);
  const linked = followLinks(context, current);
  const leftovers = [...current.slice(linked.length).reverse(), ...found.filter((file) => !current.includes(file))];

  const last = linked.at(-1)!;
  const handle = fileSystem.open(last.path, "write");
  try {
    // Everything is looked at before anything is changed.
    const { contents, tail, items } = inspectLast(last, handle);
    removeLeftovers(context, leftovers);
    const itemsRebuilt = await repairLast(handle, contents, tail, items);
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
    return { files, hardState: contents.hardState, recovery: { entryCount, tornBytes: tail.tornBytes, itemsRebuilt } };
  } catch (error) {
    handle.close();
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

function readFiles({ fileSystem, directory, identity, tuning }: LogContext): FoundFile[] {
  const found: FoundFile[] = [];
  for (const name of fileSystem.list(directory)) {
    const baseIndex = baseIndexOf(name);
    if (baseIndex === undefined) continue;
    const path = join(directory, name);
    const beginning = reading(fileSystem.open(path, "read"), (window) => readBeginning(window, tuning.entriesPerFile));
    if (beginning.header.baseIndex !== baseIndex) {
      const reason = `the file header names base index ${beginning.header.baseIndex}, the file's name ${baseIndex}`;
      throw corruptAt(path, beginning.header.dataOffset, reason);
    }
    checkIdentity(beginning.header, identity);
    found.push({ path, beginning });
  }
  return found;
}

function checkIdentity(found: LogIdentity, wanted: LogIdentity): void {
  const refuse = (what: string, got: string, mine: string): never => {
    throw new DisterError("DISTER_ERR_IDENTITY", { reason: `its log belongs to ${what} ${got}, not ${mine}` });
  };
  if (found.nodeId !== wanted.nodeId) refuse("node", found.nodeId, wanted.nodeId);
  if (found.group !== wanted.group) refuse("group", found.group, wanted.group);
  if (found.clusterId !== wanted.clusterId && found.clusterId !== "" && wanted.clusterId !== "") {
    refuse("cluster", found.clusterId, wanted.clusterId);
  }
}

async function beginLog(context: LogContext): Promise<RecoveredLog> {
  const file = planFile(context, LOG_START, { generation: 1 });
  makeRoom(context, file);
  await finishFile(context, file, { hardState: HARD_STATE_START, previousCrc: 0, syncedIndex: 0 });
  return {
    files: [file],
    hardState: HARD_STATE_START,
    recovery: { entryCount: 0, tornBytes: 0, itemsRebuilt: 0 },
  };
}

/** A reset makes its file durable before it removes what was there: whatever is older is a leftover. */
function newestGeneration(found: FoundFile[]): FoundFile[] {
  const newest = Math.max(...found.map(({ beginning }) => beginning.header.generation));
  return found.filter(({ beginning }) => beginning.header.generation === newest);
}

/** Checks each file against the next, up to the last one or to one that was cut back. */
function followLinks({ fileSystem }: LogContext, found: FoundFile[]): FoundFile[] {
  const linked: FoundFile[] = [];
  for (const [at, file] of found.entries()) {
    linked.push(file);
    const next = found[at + 1];
    if (next === undefined) break;
    const { path, beginning } = file;
    const handle = fileSystem.open(path, "read");
    const link = reading(handle, (window) => checkLink(window, beginning, next.beginning, next.path), 64 * 1024);
    file.rebuiltItems = link.rebuiltItems;
    if (link.isCutBack) break;
  }
  return linked;
}

/** One by one, so that a crash leaves no gap: newest first behind a file that was cut back. */
function removeLeftovers({ fileSystem, directory, logger }: LogContext, leftovers: FoundFile[]): void {
  for (const { path } of leftovers) {
    logger.info("removing a log file that a truncation or a reset had left behind", { path });
    fileSystem.remove(path);
    fileSystem.syncDirectory(directory);
  }
}

function inspectLast(
  { beginning }: FoundFile,
  handle: FileHandle,
): { contents: FileContents; tail: Tail; items: Uint8Array } {
  const window = new RecordWindow(handle);
  const { header } = beginning;
  const contents = readContents(window, beginning);
  const items = readItems(window, header);
  const { stop, lastIndex, knownIndex } = contents;
  const madeEnd = header.dataOffset + firstRecordsBytes(header);
  const tail = judgeTail({ window, stop, items, madeEnd, baseIndex: header.baseIndex, lastIndex, knownIndex });
  return { contents, tail, items };
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

const ZEROS = new Uint8Array(1024 * 1024);

/** Writes zeros over a stretch of a file. */
export function clear(handle: FileHandle, from: number, to: number): void {
  for (let offset = from; offset < to; offset += ZEROS.length) {
    handle.writeAt([ZEROS.subarray(0, Math.min(ZEROS.length, to - offset))], offset);
  }
}

function asLogFile({ path, beginning, rebuiltItems }: FoundFile, next: FileBeginning | undefined): LogFile {
  const { header } = beginning;
  const lastIndex = (next?.header.baseIndex ?? header.baseIndex) - 1;
  const file = new LogFile(path, header, { lastIndex, end: next?.header.previousEnd ?? header.dataOffset });
  file.chain = next?.previousCrc ?? 0;
  file.rebuiltItems = rebuiltItems;
  return file;
}

function reading<T>(handle: FileHandle, run: (window: RecordWindow) => T, pieceBytes?: number): T {
  try {
    return run(new RecordWindow(handle, pieceBytes));
  } finally {
    handle.close();
  }
}
