import {
  invariant,
  type LogId,
  type LogPosition,
  type Membership,
  NO_MEMBERSHIP,
  type SnapshotSource,
} from "@dister/types";
import type { Database } from "./database.ts";
import { membershipJson } from "./membership-json.ts";
import { ChunkCutter, refusal } from "./snapshot-chunks.ts";
import type { RowRecord } from "./snapshot-reader.ts";
import { encodeRecord, type SnapshotHead } from "./snapshot-records.ts";
import type { State } from "./state.ts";
import { Tables } from "./tables.ts";
import { Turns } from "./turns.ts";

/** A snapshot of the state as it was when its connection began to read. */
export class StoreSnapshotSource implements SnapshotSource {
  readonly position: LogPosition;
  readonly membership: Membership;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #reader: Database;
  readonly #records: Generator<RowRecord>;
  readonly #onClose: (source: StoreSnapshotSource) => void;
  readonly #pieceBytes: number;
  #closed = false;
  #digest: string | undefined;

  /**
   * @param reader - a connection with an open transaction, for this snapshot alone.
   * @param state - the state right now: the first read happens here, so both are of one position.
   */
  constructor(
    reader: Database,
    state: State,
    options: { readonly pieceBytes: number; readonly onClose: (source: StoreSnapshotSource) => void },
  ) {
    const tables = new Tables(reader);
    const { applied, appliedLogId, serviceLogId, logTimeMs } = tables.positions();
    invariant(applied.index === state.applied.index, "a snapshot is of another position than the state");
    this.position = applied;
    this.membership = state.membership ?? NO_MEMBERSHIP;
    this.#reader = reader;
    this.#records = recordsOf(tables, state.requests.oldestLogId());
    this.#onClose = options.onClose;
    this.#pieceBytes = options.pieceBytes;
    this.chunks = this.#produce({
      position: applied,
      appliedLogId,
      serviceLogId,
      logTimeMs,
      membershipJson: membershipJson(this.membership),
      rows: { kv: state.kvCount, service: state.services.size, request: state.requests.size },
    });
  }

  /** SHA-256 of the content in hex, as its end says; undefined before everything is read. */
  get digest(): string | undefined {
    return this.#digest;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // The connection cannot be closed while a statement is in the middle of its rows.
    this.#records.return(undefined);
    this.#reader.close();
    this.#onClose(this);
  }

  async *#produce(head: SnapshotHead): AsyncGenerator<Uint8Array> {
    const cutter = new ChunkCutter(this.#pieceBytes);
    const rows = { kv: 0, service: 0, request: 0 };
    cutter.add(encodeRecord({ type: "header", ...head }));
    const turns = new Turns();
    for (;;) {
      if (this.#closed) throw refusal("it was closed before it was read to its end");
      const { value: record, done } = this.#records.next();
      if (done === true) break;
      rows[record.type]++;
      const bytes = encodeRecord(record);
      cutter.add(bytes);
      yield* cutter.take();
      if (turns.isOver(bytes.length)) await turns.next();
    }
    const { kv, service, request } = head.rows;
    invariant(rows.kv === kv && rows.service === service && rows.request === request, "rows differ from their count");
    const hash = cutter.digest();
    cutter.add(encodeRecord({ type: "end", rows, hash }));
    this.#digest = Buffer.from(hash).toString("hex");
    const last = cutter.end();
    // Everything is read: from here on the write-ahead log need not be kept for this snapshot.
    this.close();
    yield* last;
  }
}

function* recordsOf(tables: Tables, oldestRequest: LogId): Generator<RowRecord> {
  for (const row of tables.everyKv()) yield { type: "kv", row };
  for (const row of tables.everyService()) yield { type: "service", row };
  for (const row of tables.requestsFrom(oldestRequest)) yield { type: "request", row };
}
