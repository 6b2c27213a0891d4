import { join } from "node:path";
import { DisterError, type FileHandle, type HardState, isDisterError, type LogPosition } from "@dister/types";
import { dataOffsetOf, encodeFileHeader, type FileHeader, fileNameOf } from "./file-header.ts";
import { encodeHardState, HARD_STATE_BYTES } from "./hard-state.ts";
import { viewOf } from "./item.ts";
import type { LogContext } from "./log-context.ts";
import { LogFile } from "./log-file.ts";
import { encodeRecord, RECORD_HEADER_BYTES, RECORD_KIND, type RecordFields } from "./record.ts";

/** How many bytes the records take that every file begins with: its header and a copy of the hard state. */
export function firstRecordsBytes(header: FileHeader): number {
  return 2 * RECORD_HEADER_BYTES + encodeFileHeader(header).length + HARD_STATE_BYTES;
}

/** Plans a file behind a position. It has no name on disk yet. */
export function planFile(
  context: LogContext,
  base: LogPosition,
  follows: { generation: number; previous?: { baseIndex: number; end: number } },
): LogFile {
  const { entriesPerFile } = context.tuning;
  const header: FileHeader = {
    ...context.identity,
    entriesPerFile,
    dataOffset: dataOffsetOf(entriesPerFile),
    baseIndex: base.index + 1,
    baseTerm: base.term,
    generation: follows.generation,
    previousBaseIndex: follows.previous?.baseIndex ?? 0,
    previousEnd: follows.previous?.end ?? 0,
  };
  const path = join(context.directory, fileNameOf(header.baseIndex));
  const end = header.dataOffset + firstRecordsBytes(header);
  const file = new LogFile(path, header, { lastIndex: base.index, end });
  file.writtenEnd = header.dataOffset;
  return file;
}

/**
 * Makes the file of a plan under a name of its own, with room for what is planned.
 * @throws DisterError `DISTER_ERR_DISK_FULL`, and nothing is left behind.
 */
export function makeRoom({ fileSystem }: LogContext, file: LogFile): void {
  const path = unusedName(fileSystem, file.path);
  const handle = fileSystem.open(path, "create");
  file.path = path;
  file.adopt(handle);
  try {
    // The index area stays a hole where no piece of it is filled yet: a hole reads as zeros, as filled pieces do.
    handle.truncate(file.header.dataOffset);
    file.filledEnd = file.header.dataOffset;
    file.fill(handle, file);
  } catch (error) {
    dropDraft(fileSystem, file);
    throw error;
  }
}

/** Takes away a file that never got its name. */
export function dropDraft(fileSystem: LogContext["fileSystem"], file: LogFile): void {
  file.close();
  try {
    fileSystem.remove(file.path);
  } catch (error) {
    // The next start removes it; what matters is the failure that led here.
    if (!isDisterError(error)) throw error;
  }
}

/** What the first records of a file say. */
export interface Beginning {
  readonly hardState: HardState;
  /** CRC of the last record of the file before, 0 for none. */
  readonly previousCrc: number;
  readonly syncedIndex: number;
}

/**
 * Gives a file its first records and its name. It can be used when this resolves: both are durable then, the records
 * before the name, so that a file that has a name has its header.
 */
export async function finishFile(context: LogContext, file: LogFile, beginning: Beginning): Promise<void> {
  const { fileSystem, directory } = context;
  const handle = file.writable(fileSystem);
  file.chain = writeBeginning(handle, file, beginning);
  file.writtenEnd = file.header.dataOffset + firstRecordsBytes(file.header);
  await handle.datasync();
  const path = join(directory, fileNameOf(file.baseIndex));
  fileSystem.rename(file.path, path);
  fileSystem.syncDirectory(directory);
  file.path = path;
}

function writeBeginning(handle: FileHandle, { header }: LogFile, beginning: Beginning): number {
  const bytes = new Uint8Array(firstRecordsBytes(header));
  const target = { bytes, view: viewOf(bytes) };
  const { dataOffset, baseIndex, baseTerm } = header;
  const { hardState, previousCrc, syncedIndex } = beginning;
  const shared = { r: 0, index: baseIndex - 1, syncedEnd: dataOffset, syncedIndex };
  const headerPayload = encodeFileHeader(header);
  const headerFields: RecordFields = {
    ...shared,
    kind: RECORD_KIND.fileHeader,
    term: baseTerm,
    start: dataOffset,
    previousCrc,
  };
  const headerCrc = encodeRecord(target, 0, headerFields, headerPayload);
  const at = RECORD_HEADER_BYTES + headerPayload.length;
  const stateFields: RecordFields = {
    ...shared,
    kind: RECORD_KIND.hardState,
    term: hardState.term,
    start: dataOffset + at,
    previousCrc: headerCrc,
  };
  const crc = encodeRecord(target, at, stateFields, encodeHardState(hardState));
  handle.writeAt([bytes], dataOffset);
  return crc;
}

function unusedName(fileSystem: LogContext["fileSystem"], path: string): string {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const name = `${path.slice(0, -".dlog".length)}.${attempt}.dlog.new`;
    if (!fileSystem.exists(name)) return name;
  }
  throw new DisterError("DISTER_ERR_DISK", { operation: "create", path, reason: "too many unfinished files" });
}
