import { type Database, openForFilling } from "./database.ts";
import { prepareIncoming, removeDatabase, syncInBackground } from "./database-file.ts";
import { membershipJson } from "./membership-json.ts";
import type { Announced, Pieces } from "./pieces.ts";
import { createTables } from "./schema.ts";
import { type RowRecord, SnapshotReader } from "./snapshot-reader.ts";
import { readable, type State, StateBuilder } from "./state.ts";
import { type Positions, Tables } from "./tables.ts";
import { Turns } from "./turns.ts";

/** Pages that are kept in memory while filling, in bytes: rows come in order, so few pages are touched again. */
const CACHE_BYTES = 4 * 1024 * 1024;
/** Pieces between two syncs in the background: the last one must not find everything still to be written. */
const PIECES_PER_SYNC = 64;

/** A database that was filled, and the state beside it. One in a file is closed and durable. */
export interface Filled {
  readonly db: Database;
  readonly state: State;
}

/**
 * Fills a new database with the rows of a snapshot, a few in each turn of the event loop. Nobody misses it until
 * {@link finish} has returned it, and nothing is left of it after {@link discard}.
 */
export class SnapshotFiller {
  readonly #path: string;
  readonly #announced: Announced;
  readonly #reader: SnapshotReader;
  readonly #db: Database;
  readonly #tables: Tables;
  readonly #state = new StateBuilder();
  readonly #turns = new Turns();
  #keys = 0;

  constructor(path: string, announced: Announced) {
    this.#path = path;
    this.#announced = announced;
    this.#reader = new SnapshotReader(announced);
    prepareIncoming(path);
    this.#db = openForFilling(path, CACHE_BYTES);
    try {
      createTables(this.#db);
      this.#tables = new Tables(this.#db);
      // One transaction for everything: without it every row would be written to the file on its own.
      this.#db.exec("BEGIN");
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /**
   * @param assertWanted - throws when the reception has ended meanwhile; asked after every wait.
   * @throws DisterError `DISTER_ERR_SNAPSHOT`, `DISTER_ERR_STORE` for rows that cannot be read or put in, and of the disk.
   */
  async fill(pieces: Pieces, assertWanted: () => void): Promise<Filled> {
    for (let at = 0; at < pieces.count; at++) {
      const piece = await pieces.read(at);
      assertWanted();
      for (const record of this.#reader.read(piece)) {
        readable(() => this.#insert(record));
        if (!this.#turns.isOver(sizeOf(record))) continue;
        await this.#turns.next();
        assertWanted();
      }
      if (at % PIECES_PER_SYNC === PIECES_PER_SYNC - 1) await this.#sync();
      assertWanted();
    }
    const positions = this.#finish();
    if (!this.#db.memory) {
      this.#db.close();
      await this.#sync();
      assertWanted();
    }
    // Whatever could keep the store from using it must show now, while there still is the old one.
    const { membership } = this.#announced;
    return {
      db: this.#db,
      state: readable(() => this.#state.finish(positions, membershipJson(membership), this.#keys)),
    };
  }

  discard(): void {
    this.#db.close();
    removeDatabase(this.#path);
  }

  #insert(record: RowRecord): void {
    switch (record.type) {
      case "kv":
        this.#tables.kvInsert(record.row);
        this.#keys++;
        break;
      case "service":
        this.#state.service(record.row);
        this.#tables.servicePut(record.row);
        break;
      case "request":
        this.#state.request(record.row);
        this.#tables.requestInsert(record.row);
        break;
    }
  }

  #finish(): Positions {
    const { position, appliedLogId, serviceLogId, logTimeMs } = this.#reader.finish();
    const positions = { applied: position, appliedLogId, serviceLogId, logTimeMs, restoredFrom: position };
    this.#tables.positionsPut(positions);
    this.#tables.membershipPut(membershipJson(this.#announced.membership));
    this.#db.exec("COMMIT");
    return positions;
  }

  async #sync(): Promise<void> {
    if (!this.#db.memory) await syncInBackground(this.#path);
  }
}

function sizeOf(record: RowRecord): number {
  if (record.type === "kv") return record.row.value.length;
  return record.type === "service" ? record.row.definition.length + record.row.state.length : 0;
}
