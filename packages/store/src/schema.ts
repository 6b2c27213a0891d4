import { DisterError } from "@dister/types";
import type { Database } from "./database.ts";

/** Version of the tables below; goes up with every change that an older version cannot read. */
export const FORMAT_VERSION = 1;

/** "dist" in ASCII: tells our databases from others', and file(1) what it sees. */
const APPLICATION_ID = 0x64697374;

// Text is UTF-8 and compared byte by byte, so keys lie in the order of their UTF-8 bytes.
// A service lies in two tables of one key: a changed status must not write the definitions of thousands of instances anew.
// `request` grows at its end and is cut at its beginning; which id has which row is known in memory.
const TABLES = `
  CREATE TABLE kv (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    create_index INTEGER NOT NULL,
    modify_index INTEGER NOT NULL,
    version INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE service (
    name TEXT NOT NULL PRIMARY KEY,
    definition TEXT NOT NULL,
    defined_index INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE service_state (
    name TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    modify_index INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE request (
    log_id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    error TEXT
  ) STRICT;

  CREATE TABLE position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    applied_index INTEGER NOT NULL,
    applied_term INTEGER NOT NULL,
    applied_log_id INTEGER NOT NULL,
    service_log_id INTEGER NOT NULL,
    log_time_ms INTEGER NOT NULL,
    restored_index INTEGER NOT NULL,
    restored_term INTEGER NOT NULL
  ) STRICT;
  INSERT INTO position VALUES (1, 0, 0, 0, 0, 0, 0, 0);

  CREATE TABLE membership (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    json TEXT NOT NULL
  ) STRICT;
`;

/** Makes the tables, all or none. */
export function createTables(db: Database): void {
  db.transaction(() => {
    db.exec(TABLES);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${FORMAT_VERSION}`);
  })();
}

/** True for a database that holds nothing at all, as a new file does. */
export function isEmpty(db: Database): boolean {
  return numberOf(db, "schema_version") === 0;
}

/**
 * Makes sure that a database is ours and of this format; changes nothing.
 * @throws DisterError `DISTER_ERR_STORE`.
 */
export function checkFormat(db: Database): void {
  if (numberOf(db, "application_id") !== APPLICATION_ID) throw unusable(db, "it is not a database of dister");
  const version = numberOf(db, "user_version");
  if (version !== FORMAT_VERSION) {
    throw unusable(db, `it has format ${version}, this version of the software knows format ${FORMAT_VERSION}`);
  }
}

/**
 * Walks through the whole database and makes sure that its structure is sound; takes as long as reading it.
 * @throws DisterError `DISTER_ERR_STORE`. Damage inside a value that leaves the structure whole is not seen.
 */
export function checkWhole(db: Database): void {
  const [found] = db.pragma("quick_check(1)") as { quick_check: string }[];
  if (found?.quick_check !== "ok") throw unusable(db, `it is damaged: ${found?.quick_check}`);
}

function numberOf(db: Database, pragma: string): number {
  return Number(db.pragma(pragma, { simple: true }));
}

function unusable(db: Database, reason: string): DisterError {
  return new DisterError("DISTER_ERR_STORE", { reason: `${db.name}: ${reason}` });
}
