import { isDisterError, type LogPosition, type Membership, type SnapshotSink } from "@dister/types";
import { type Database, databaseError, openForFilling } from "./database.ts";
import { incomingPath, prepareIncoming, removeDatabase } from "./database-file.ts";
import { membershipJson } from "./membership-json.ts";
import { createTables } from "./schema.ts";
import { refusal } from "./snapshot-chunks.ts";
import { type RowRecord, SnapshotReader } from "./snapshot-reader.ts";
import { loadState } from "./state.ts";
import { Tables } from "./tables.ts";

/** What a sink is told by the store that it belongs to. */
export interface SinkOrder {
  readonly path: string;
  readonly cacheBytesMax: number;
  readonly position: LogPosition;
  readonly membership: Membership;
  /** Puts the finished database in the place of the one in use; a database in a file is closed by then. */
  readonly use: (filled: Database) => void;
}

/** Receives a snapshot into a database beside the one in use. */
export class StoreSnapshotSink implements SnapshotSink {
  readonly #order: SinkOrder;
  readonly #reader: SnapshotReader;
  readonly #incoming: string;
  readonly #db: Database;
  readonly #tables: Tables;
  #over: Error | undefined;

  constructor(order: SinkOrder) {
    this.#order = order;
    this.#reader = new SnapshotReader(order);
    this.#incoming = incomingPath(order.path);
    prepareIncoming(this.#incoming);
    this.#db = openForFilling(this.#incoming, order.cacheBytesMax);
    try {
      createTables(this.#db);
      this.#tables = new Tables(this.#db);
      // One transaction for everything: without it every row would be written to the file on its own.
      this.#db.exec("BEGIN");
    } catch (error) {
      this.#discard();
      throw databaseError(error, this.#incoming);
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#step(() => {
      for (const record of this.#reader.read(chunk)) this.#insert(record);
    });
  }

  async commit(): Promise<void> {
    this.#step(() => {
      this.#finish();
      this.#over = refusal("it is in use already");
      this.#order.use(this.#db);
    });
  }

  abort(): void {
    if (this.#over !== undefined) return;
    this.#over = refusal("it was given up");
    this.#discard();
  }

  #insert(record: RowRecord): void {
    switch (record.type) {
      case "kv":
        this.#tables.kvInsert(record.row);
        break;
      case "service":
        this.#tables.serviceInsert(record.row);
        break;
      case "request":
        this.#tables.requestInsert(record.row);
        break;
    }
  }

  #finish(): void {
    const { position, appliedLogId, serviceLogId, logTimeMs } = this.#reader.finish();
    const { membership } = this.#order;
    this.#tables.positionsPut({ applied: position, appliedLogId, serviceLogId, logTimeMs, restoredFrom: position });
    this.#tables.membershipPut(membershipJson(membership));
    this.#db.exec("COMMIT");
    // Whatever could keep the store from using it must show now, while there still is the old one.
    loadState(this.#tables);
    if (!this.#db.memory) this.#db.close();
  }

  /** The first failure is the last step: nothing that comes later can heal the stream. */
  #step(run: () => void): void {
    if (this.#over !== undefined) throw this.#over;
    try {
      run();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(thrown: unknown): Error {
    const error = sinkError(databaseError(thrown, this.#incoming));
    this.#over = error;
    this.#discard();
    return error;
  }

  #discard(): void {
    this.#db.close();
    removeDatabase(this.#incoming);
  }
}

/** A row that the database does not take, or does not give back, is a fault of the snapshot and not of the store. */
function sinkError(error: unknown): Error {
  const refused = isDisterError(error, "DISTER_ERR_STORE");
  return refused ? refusal(String(error.details["reason"])) : (error as Error);
}
