import { join } from "node:path";
import { DisterError, type FileSystem, isDisterError } from "@dister/types";
import type { OfflineParts } from "./offline-parts.ts";

/** Where the data of a node lies, and the folders beside it in which the offline commands prepare others. */
export interface DataPlace {
  readonly savePath: string;
  readonly folder: string;
  /** A folder that is being made of a backup; it becomes `folder` when it is complete. */
  readonly restoring: string;
  /** A folder that is being made of a survivor. */
  readonly recoveringDraft: string;
  /** The same when it is complete; it takes the place of `folder` next. */
  readonly recovering: string;
}

export const LOCK_NAME = "lock";

export function dataPlace(savePath: string): DataPlace {
  const folder = join(savePath, "dister.db");
  const recovering = `${folder}.recovering`;
  return { savePath, folder, restoring: `${folder}.restoring`, recoveringDraft: `${recovering}.new`, recovering };
}

/** The error of a data folder that a command cannot be used on. */
export function unusable(reason: string): DisterError {
  return new DisterError("DISTER_ERR_IDENTITY", { reason });
}

/** Is there anything but a lock in a folder? */
export function hasData(fileSystem: FileSystem, folder: string): boolean {
  return fileSystem.exists(folder) && fileSystem.list(folder).some((name) => !isLock(name));
}

/**
 * Refuses to begin a new life beside a restore or recovery that was cut: the node would come up empty.
 * @throws DisterError `DISTER_ERR_IDENTITY` saying how to go on.
 */
export function refuseUnfinished(fileSystem: FileSystem, place: DataPlace): void {
  if (hasData(fileSystem, place.folder)) return;
  if (fileSystem.exists(place.recovering)) {
    throw unusable(
      `a recovery was cut before its last step, see ${place.recovering}: run disterd recover again to finish it`,
    );
  }
  if (fileSystem.exists(place.restoring)) {
    throw unusable(
      `a restore was not finished, see ${place.restoring}: run it again, or run disterd reset to give it up`,
    );
  }
}

/**
 * Begins a folder in which something is prepared, in the place of what an earlier attempt has left.
 * @returns the function that gives its lock back.
 * @throws DisterError `DISTER_ERR_LOCKED` while another process prepares it; else there is no folder then.
 */
export function beginFolder(
  { fileSystem, removeTree }: Pick<OfflineParts, "fileSystem" | "removeTree">,
  folder: string,
): () => void {
  try {
    fileSystem.makeDirectory(folder);
    const unlock = fileSystem.lock(join(folder, LOCK_NAME));
    for (const name of fileSystem.list(folder)) if (!isLock(name)) removeTree(join(folder, name));
    return unlock;
  } catch (error) {
    if (!isDisterError(error, "DISTER_ERR_LOCKED")) removeTree(folder);
    throw error;
  }
}

/** Gives a folder another name, durably. Its lock, if there is one, moves with it and is to be dropped. */
export function moveFolder(fileSystem: FileSystem, { savePath }: DataPlace, names: { from: string; to: string }): void {
  fileSystem.rename(names.from, names.to);
  fileSystem.syncDirectory(savePath);
}

/** Removes a lock that moved with its folder. */
export function dropLock(fileSystem: FileSystem, folder: string): void {
  const lock = join(folder, LOCK_NAME);
  if (fileSystem.exists(lock)) fileSystem.remove(lock);
}

/** A name beside the data folder that is not taken: `dister.db.reset-20261122T173416Z`. */
export function asideName(fileSystem: FileSystem, folder: string, what: string, wallMs: number): string {
  const time = new Date(wallMs).toISOString().replace(/[-:]|\.\d+/g, "");
  const name = `${folder}.${what}-${time}`;
  for (let count = 2; ; count++) {
    const candidate = count === 2 ? name : `${name}-${count - 1}`;
    if (!fileSystem.exists(candidate)) return candidate;
  }
}

function isLock(name: string): boolean {
  return name === LOCK_NAME || name.startsWith(`${LOCK_NAME}.`);
}
