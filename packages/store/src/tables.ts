import type { KvRecord, LogId, LogPosition } from "@dister/types";
import type { Database, Statement } from "./database.ts";

/** A row of `kv`. */
export interface KvRow {
  readonly key: string;
  readonly value: string;
  readonly create_index: number;
  readonly modify_index: number;
  readonly version: number;
}

/** A row of `service` and the one of `service_state` that belongs to it. */
export interface ServiceRow {
  readonly name: string;
  readonly definition: string;
  readonly defined_index: number;
  readonly state: string;
  readonly modify_index: number;
}

/** A row of `request`. */
export interface RequestRow {
  readonly log_id: number;
  readonly request_id: string;
  readonly time_ms: number;
  readonly changed: number;
  /** JSON of a refusal, null for a command that was applied. */
  readonly error: string | null;
}

/** The row of `position`. */
export interface Positions {
  readonly applied: LogPosition;
  readonly appliedLogId: LogId;
  readonly serviceLogId: LogId;
  readonly logTimeMs: number;
  readonly restoredFrom: LogPosition;
}

type PositionRow = Readonly<
  Record<
    | "applied_index"
    | "applied_term"
    | "applied_log_id"
    | "service_log_id"
    | "log_time_ms"
    | "restored_index"
    | "restored_term",
    number
  >
>;

/** Behind every text: SQLite orders any blob behind any text. */
const BEHIND_ALL_TEXT = Buffer.alloc(0);

const KV_COLUMNS = "key, value, create_index, modify_index, version";
const SERVICE_COLUMNS = "name, definition, defined_index, state, modify_index";
const REQUEST_COLUMNS = "log_id, request_id, time_ms, changed, error";

/** The tables of one connection: every statement is fixed, prepared once, and its values are bound. */
export class Tables {
  readonly #db: Database;
  readonly #kvGet: Statement<[string], KvRow>;
  readonly #kvFrom: Statement<[string, string | Buffer, number], KvRow>;
  readonly #kvBehind: Statement<[string, string | Buffer, number], KvRow>;
  readonly #kvPut: Statement<[string, string, number, number], [createIndex: number, version: number]>;
  readonly #kvInsert: Statement<[string, string, number, number, number]>;
  readonly #kvDelete: Statement<[string]>;
  readonly #servicePut: Statement<[string, string, number]>;
  readonly #serviceStatePut: Statement<[string, string, number]>;
  readonly #serviceDelete: Statement<[string]>;
  readonly #serviceStateDelete: Statement<[string]>;
  readonly #requestInsert: Statement<[number, string, number, number, string | null]>;
  readonly #requestsRemove: Statement<[number]>;
  readonly #positionPut: Statement<[number, number, number, number, number, number, number]>;
  readonly #membershipPut: Statement<[string]>;

  constructor(db: Database) {
    this.#db = db;
    this.#kvGet = db.prepare(`SELECT ${KV_COLUMNS} FROM kv WHERE key = ?`);
    // Two statements, because SQLite seeks by one lower bound only and would step over what the other one excludes.
    this.#kvFrom = db.prepare(`SELECT ${KV_COLUMNS} FROM kv WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`);
    this.#kvBehind = db.prepare(`SELECT ${KV_COLUMNS} FROM kv WHERE key > ? AND key < ? ORDER BY key LIMIT ?`);
    this.#kvPut = db
      .prepare<[string, string, number, number], [number, number]>(
        `INSERT INTO kv VALUES (?, ?, ?, ?, 1) ON CONFLICT (key) DO UPDATE SET
           value = excluded.value, modify_index = excluded.modify_index, version = version + 1
         RETURNING create_index, version`,
      )
      .raw();
    this.#kvInsert = db.prepare("INSERT INTO kv VALUES (?, ?, ?, ?, ?)");
    this.#kvDelete = db.prepare("DELETE FROM kv WHERE key = ?");
    this.#servicePut = db.prepare("INSERT OR REPLACE INTO service VALUES (?, ?, ?)");
    this.#serviceStatePut = db.prepare("INSERT OR REPLACE INTO service_state VALUES (?, ?, ?)");
    this.#serviceDelete = db.prepare("DELETE FROM service WHERE name = ?");
    this.#serviceStateDelete = db.prepare("DELETE FROM service_state WHERE name = ?");
    this.#requestInsert = db.prepare("INSERT INTO request VALUES (?, ?, ?, ?, ?)");
    this.#requestsRemove = db.prepare("DELETE FROM request WHERE log_id < ?");
    this.#positionPut = db.prepare(
      `UPDATE position SET applied_index = ?, applied_term = ?, applied_log_id = ?, service_log_id = ?,
         log_time_ms = ?, restored_index = ?, restored_term = ?`,
    );
    this.#membershipPut = db.prepare("INSERT OR REPLACE INTO membership VALUES (1, ?)");
  }

  kv(key: string): KvRecord | undefined {
    const row = this.#kvGet.get(key);
    return row && recordOf(row);
  }

  /** Keys from `from` on, or behind it, and before `to` (undefined: to the end), at most `limit`. */
  kvRange(range: { from: string; behind: boolean; to: string | undefined; limit: number }): KvRecord[] {
    const statement = range.behind ? this.#kvBehind : this.#kvFrom;
    return statement.all(range.from, range.to ?? BEHIND_ALL_TEXT, range.limit).map(recordOf);
  }

  /** Makes or overwrites a key. */
  kvPut(key: string, value: string, index: number): KvRecord {
    const [createIndex, version] = this.#kvPut.get(key, value, index, index)!;
    return { key, value, createIndex, modifyIndex: index, version };
  }

  /** Inserts a key with its history, in a database that is being filled. */
  kvInsert(row: KvRow): void {
    this.#kvInsert.run(row.key, row.value, row.create_index, row.modify_index, row.version);
  }

  /** True when the key was there. */
  kvDelete(key: string): boolean {
    return this.#kvDelete.run(key).changes > 0;
  }

  servicePut(row: ServiceRow): void {
    this.#servicePut.run(row.name, row.definition, row.defined_index);
    this.serviceStatePut(row.name, row);
  }

  /** What became of the instances of a service, which changes more often than what they are. */
  serviceStatePut(name: string, { state, modify_index }: Pick<ServiceRow, "state" | "modify_index">): void {
    this.#serviceStatePut.run(name, state, modify_index);
  }

  serviceDelete(name: string): void {
    this.#serviceDelete.run(name);
    this.#serviceStateDelete.run(name);
  }

  requestInsert(row: RequestRow): void {
    this.#requestInsert.run(row.log_id, row.request_id, row.time_ms, row.changed, row.error);
  }

  /** Removes the requests before this log id. */
  requestsRemoveBefore(logId: LogId): void {
    this.#requestsRemove.run(logId);
  }

  positions(): Positions {
    const row = this.#db.prepare<[], PositionRow>("SELECT * FROM position").get()!;
    return {
      applied: { index: row.applied_index, term: row.applied_term },
      appliedLogId: row.applied_log_id,
      serviceLogId: row.service_log_id,
      logTimeMs: row.log_time_ms,
      restoredFrom: { index: row.restored_index, term: row.restored_term },
    };
  }

  positionsPut({ applied, appliedLogId, serviceLogId, logTimeMs, restoredFrom }: Positions): void {
    this.#positionPut.run(
      applied.index,
      applied.term,
      appliedLogId,
      serviceLogId,
      logTimeMs,
      restoredFrom.index,
      restoredFrom.term,
    );
  }

  membershipJson(): string | undefined {
    return this.#db.prepare<[], { json: string }>("SELECT json FROM membership").get()?.json;
  }

  membershipPut(json: string): void {
    this.#membershipPut.run(json);
  }

  kvCount(): number {
    return this.#db.prepare<[], { rows: number }>("SELECT count(*) AS rows FROM kv").get()!.rows;
  }

  /** Every key in order, row by row; the connection can do nothing else until the iteration has ended. */
  everyKv(): IterableIterator<KvRow> {
    return this.#db.prepare<[], KvRow>(`SELECT ${KV_COLUMNS} FROM kv ORDER BY key`).iterate();
  }

  everyService(): IterableIterator<ServiceRow> {
    return this.#db
      .prepare<[], ServiceRow>(`SELECT ${SERVICE_COLUMNS} FROM service JOIN service_state USING (name) ORDER BY name`)
      .iterate();
  }

  /** Rows of the two tables of services, of which each has one of the other. */
  serviceCounts(): { readonly services: number; readonly states: number } {
    const sql = "SELECT (SELECT count(*) FROM service) AS services, (SELECT count(*) FROM service_state) AS states";
    return this.#db.prepare<[], { services: number; states: number }>(sql).get()!;
  }

  /** Every request from a log id on, oldest first; the rows of forgotten ones are removed only later. */
  requestsFrom(logId: LogId): IterableIterator<RequestRow> {
    const sql = `SELECT ${REQUEST_COLUMNS} FROM request WHERE log_id >= ? ORDER BY log_id`;
    return this.#db.prepare<[number], RequestRow>(sql).iterate(logId);
  }
}

function recordOf(row: KvRow): KvRecord {
  const { key, value, create_index: createIndex, modify_index: modifyIndex, version } = row;
  return { key, value, createIndex, modifyIndex, version };
}
