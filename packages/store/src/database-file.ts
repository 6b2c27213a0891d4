import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { DisterError } from "@dister/types";
import { MEMORY_PATH } from "./database.ts";

/** Readable and writable by its owner only: services may hold passwords. SQLite gives its side files the same mode. */
export const FILE_MODE = 0o600;

/** Files that SQLite may keep beside a database. */
const SIDE_FILES = ["-wal", "-shm", "-journal"];

/** Where a snapshot is received, beside the database that it will replace. */
export function incomingPath(path: string): string {
  return path === MEMORY_PATH ? MEMORY_PATH : `${path}.incoming`;
}

/** Where the pieces of a snapshot are kept until they are all there; they outlast the process. */
export function incomingPiecesPath(path: string): string {
  return `${path}.incoming-pieces`;
}

/** Where a snapshot lies ready to be sent. */
export function outgoingPath(path: string): string {
  return `${path}.outgoing`;
}

/** Makes sure that the file is there, for its owner alone, and that nothing is left of a database that was being filled. */
export function prepareFile(path: string): void {
  if (path === MEMORY_PATH) return;
  removeDatabase(incomingPath(path));
  guard("open", path, () => {
    if (existsSync(path)) chmodSync(path, FILE_MODE);
    else createFile(path);
  });
}

/** Makes an empty file for a database that is to be filled, in the place of whatever was left there. */
export function prepareIncoming(path: string): void {
  if (path === MEMORY_PATH) return;
  removeDatabase(path);
  guard("create", path, () => createFile(path));
}

/** Removes a database with everything that SQLite keeps beside it; harmless when there is none. */
export function removeDatabase(path: string): void {
  if (path === MEMORY_PATH) return;
  guard("remove", path, () => {
    for (const suffix of ["", ...SIDE_FILES]) rmSync(`${path}${suffix}`, { force: true });
  });
}

/** Removes a file; harmless when there is none. */
export function removeFile(path: string): void {
  guard("remove", path, () => rmSync(path, { force: true }));
}

/**
 * Puts a finished database in the place of another one; both are closed. At any moment a crash leaves one of the two
 * whole: the old one until the rename, the new one from then on.
 * @throws DisterError `DISTER_ERR_DISK`; what lies at `path` is then still a whole database.
 */
export function replaceDatabase(path: string, incoming: string): void {
  guard("replace", path, () => {
    // A log of the old database that survived would be played back into the new one.
    if (existsSync(`${path}-wal`)) throw new Error("its write-ahead log is still there");
    syncFile(incoming);
    // That the log is gone must be durable before the new database can be, hence two syncs of the folder.
    syncFile(dirname(path));
    renameSync(incoming, path);
    syncFile(dirname(path));
  });
}

function createFile(path: string): void {
  closeSync(openSync(path, "wx", FILE_MODE));
  syncFile(dirname(path));
}

function syncFile(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Syncs a file without holding up the event loop, so that a sync that blocks finds nothing left to do. */
export async function syncInBackground(path: string): Promise<void> {
  if (path === MEMORY_PATH) return;
  try {
    const handle = await open(path, "r");
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw diskError("sync", path, cause);
  }
}

function guard(operation: string, path: string, run: () => void): void {
  try {
    run();
  } catch (cause) {
    throw diskError(operation, path, cause);
  }
}

/** What a file operation threw, as an error of the catalogue. */
export function diskError(operation: string, path: string, cause: unknown): DisterError {
  const { code, message: reason } = cause as NodeJS.ErrnoException;
  if (code === "ENOSPC") return new DisterError("DISTER_ERR_DISK_FULL", { path }, { cause });
  return new DisterError("DISTER_ERR_DISK", { operation, path, reason }, { cause });
}
