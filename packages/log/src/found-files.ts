import { join } from "node:path";
import { DisterError, type FileHandle, invariant } from "@dister/types";
import { type BeginningFault, corruptAt, type FileBeginning, findBeginning } from "./file-check.ts";
import { baseIndexOf, type LogIdentity } from "./file-header.ts";
import type { LogContext } from "./log-context.ts";
import { RecordWindow } from "./record-window.ts";

/** A file of the folder, known by its first record. */
export interface SoundFile {
  readonly path: string;
  readonly baseIndex: number;
  readonly beginning: FileBeginning;
}

/** A file of the folder of which only the name can be read. */
export interface UnreadableFile {
  readonly path: string;
  readonly baseIndex: number;
  readonly fault: BeginningFault;
}

export type FoundFile = SoundFile | UnreadableFile;

export function isSound(file: FoundFile): file is SoundFile {
  return "beginning" in file;
}

/**
 * Looks at the first record of every file, in the order of their names.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` for a file that says something else than its name or that is of another
 *   version; `DISTER_ERR_IDENTITY` for another node's.
 */
export function findFiles({ fileSystem, directory, identity, tuning }: LogContext): FoundFile[] {
  const found: FoundFile[] = [];
  for (const name of fileSystem.list(directory)) {
    const baseIndex = baseIndexOf(name);
    if (baseIndex === undefined) continue;
    const path = join(directory, name);
    const beginning = reading(fileSystem.open(path, "read"), (window) => findBeginning(window, tuning.entriesPerFile));
    if ("reason" in beginning) {
      if (!beginning.isDamage) throw corruptAt(path, beginning.offset, beginning.reason);
      found.push({ path, baseIndex, fault: beginning });
      continue;
    }
    const { header } = beginning;
    if (header.baseIndex !== baseIndex) {
      const reason = `the file header names base index ${header.baseIndex}, the file's name ${baseIndex}`;
      throw corruptAt(path, header.dataOffset, reason);
    }
    checkIdentity(header, identity);
    found.push({ path, baseIndex, beginning });
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

/**
 * The files of the log: a reset makes its file durable before it removes what was there, so whatever is of an older
 * generation is a leftover. A file of which nothing can be read belongs to the log when it lies behind its first file.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT` when the first file cannot be read.
 */
export function newestGeneration(found: readonly FoundFile[]): [first: SoundFile, ...rest: FoundFile[]] {
  const sound = found.filter(isSound);
  const newest = Math.max(...sound.map(({ beginning }) => beginning.header.generation));
  const current = found.filter((file) => !isSound(file) || file.beginning.header.generation === newest);
  const [first, ...rest] = current;
  invariant(first !== undefined, "a file is of the newest generation or cannot be read");
  if (isSound(first)) return [first, ...rest];
  throw corruptAt(first.path, first.fault.offset, first.fault.reason);
}

export function reading<T>(handle: FileHandle, run: (window: RecordWindow) => T, pieceBytes?: number): T {
  try {
    return run(new RecordWindow(handle, pieceBytes));
  } finally {
    handle.close();
  }
}
