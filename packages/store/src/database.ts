import { DisterError, isDisterError } from "@dister/types";
import BetterSqlite3 from "better-sqlite3";

/** One connection to one database. This file alone names the class behind it. */
export type Database = BetterSqlite3.Database;
export type Statement<Bind extends unknown[], Row = unknown> = BetterSqlite3.Statement<Bind, Row>;

/** Name of a database that lives in memory and ends with its connection. */
export const MEMORY_PATH = ":memory:";

/** A log that was larger for a while, because a snapshot was being read, is cut back to this. */
const WAL_BYTES_KEPT = 16 * 1024 * 1024;
/** Only another process can make us wait, such as a person's sqlite3 shell; within ours a wait would never end. */
const BUSY_TIMEOUT_MS = 500;

/**
 * Opens the database that is to be applied to, and changes nothing yet; the file must exist, it may be empty.
 * @param image - what a database in memory begins with.
 */
export function openForWriting(path: string, cacheBytesMax: number, image?: Uint8Array): Database {
  const options = { timeout: BUSY_TIMEOUT_MS, fileMustExist: path !== MEMORY_PATH };
  const from = image === undefined ? path : Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  return open(path, () => new BetterSqlite3(from, image === undefined ? options : {}), common(cacheBytesMax));
}

/** Goes over to a write-ahead log: commits are not synced, copying the log back is. */
export function useWriteAheadLog(db: Database): void {
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = NORMAL");
  // SQLite would copy the log back by itself and say nothing of a sync that failed; the next one may then lie.
  db.pragma("wal_autocheckpoint = 0");
  db.pragma(`journal_size_limit = ${WAL_BYTES_KEPT}`);
}

/**
 * Opens a database that is being filled and that nobody will miss if it is never finished: no journal and no syncs,
 * so whoever fills it syncs the file when it is closed.
 */
export function openForFilling(path: string, cacheBytesMax: number): Database {
  return open(path, () => new BetterSqlite3(path, { timeout: 0 }), [
    "journal_mode = OFF",
    "synchronous = OFF",
    ...common(cacheBytesMax),
  ]);
}

/** Opens a second connection that sees the database as it is now, for as long as its transaction lasts. */
export function openForReading(original: Database, cacheBytesMax: number): Database {
  // A database in memory cannot be shared, so it is copied whole; it is for tests and small states.
  const from = original.memory ? original.serialize() : original.name;
  const reader = open(original.name, () => new BetterSqlite3(from, { readonly: true, timeout: 0 }), [
    ...common(cacheBytesMax),
    "query_only = ON",
  ]);
  reader.exec("BEGIN");
  return reader;
}

function common(cacheBytesMax: number): string[] {
  return [
    `cache_size = -${Math.ceil(cacheBytesMax / 1024)}`,
    "temp_store = MEMORY",
    "cell_size_check = ON",
    "trusted_schema = OFF",
  ];
}

function open(path: string, make: () => Database, pragmas: readonly string[]): Database {
  let db: Database | undefined;
  try {
    db = make();
    for (const pragma of pragmas) db.pragma(pragma);
    return db;
  } catch (error) {
    db?.close();
    throw databaseError(error, path);
  }
}

/**
 * Copies the write-ahead log back and syncs both files, as far as that goes without waiting.
 * @returns true when everything that was committed before is now in the database file and survives power loss.
 */
export function copyBack(db: Database): boolean {
  // Waiting for a reader (FULL, TRUNCATE) would be waiting for ourselves: the readers are our own snapshots.
  const [result] = db.pragma("wal_checkpoint(PASSIVE)") as { busy: number; log: number; checkpointed: number }[];
  return result !== undefined && result.busy === 0 && result.log === result.checkpointed;
}

/** Turns what SQLite threw into an error of the catalogue; others pass as they are. */
export function databaseError(error: unknown, path: string): unknown {
  if (isDisterError(error) || !(error instanceof Error)) return error;
  const code = error instanceof BetterSqlite3.SqliteError ? error.code : undefined;
  if (code === undefined && !(error instanceof TypeError)) return error;
  if (code === "SQLITE_FULL") return new DisterError("DISTER_ERR_DISK_FULL", { path }, { cause: error });
  if (code?.startsWith("SQLITE_IOERR")) {
    const details = { operation: "access", path, reason: error.message };
    return new DisterError("DISTER_ERR_DISK", details, { cause: error });
  }
  return new DisterError("DISTER_ERR_STORE", { reason: `${path}: ${error.message}` }, { cause: error });
}
