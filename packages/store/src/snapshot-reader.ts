import { createHash } from "node:crypto";
import type { LogPosition, Membership, SnapshotContent } from "@dister/types";
import { BytesError } from "./bytes.ts";
import { membershipJson } from "./membership-json.ts";
import { bodyOfChunk, refusal } from "./snapshot-chunks.ts";
import {
  decodeRecord,
  RECORD_HEAD_BYTES,
  type RowCounts,
  recordLength,
  type SnapshotHead,
  type SnapshotRecord,
} from "./snapshot-records.ts";

/** A record that becomes a row. */
export type RowRecord = Extract<SnapshotRecord, { type: "kv" | "service" | "request" }>;

/** The order in which records come. */
const ORDER: readonly SnapshotRecord["type"][] = ["header", "kv", "service", "request", "end"];

/**
 * Puts chunks together to records and checks all that can be checked: every chunk, their order, the order of the
 * records, their counts, the hash of the whole and that it is the snapshot that was announced.
 */
export class SnapshotReader {
  readonly #position: LogPosition;
  readonly #membershipJson: string;
  readonly #content: SnapshotContent | undefined;
  readonly #hash = createHash("sha256");
  readonly #rows = { kv: 0, service: 0, request: 0 };
  #head: SnapshotHead | undefined;
  #stage: SnapshotRecord["type"] = "header";
  #sequence = 0;
  /** The beginning of a record of which the rest is in the next chunk. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(announced: { position: LogPosition; membership: Membership; content?: SnapshotContent | undefined }) {
    this.#position = announced.position;
    this.#membershipJson = membershipJson(announced.membership);
    this.#content = announced.content;
  }

  /**
   * The rows that are complete with this chunk.
   * @throws DisterError `DISTER_ERR_SNAPSHOT`; nothing more can be read then.
   */
  *read(chunk: Uint8Array): Generator<RowRecord> {
    try {
      const body = bodyOfChunk(chunk, this.#sequence++);
      const bytes = Buffer.concat([this.#rest, body]);
      let at = 0;
      for (let length = 0; bytes.length - at >= RECORD_HEAD_BYTES; at += length) {
        length = recordLength(bytes.subarray(at));
        if (bytes.length - at < length) break;
        const record = decodeRecord(bytes.subarray(at, at + length));
        this.#enter(record);
        if (record.type === "end") this.#end(record, bytes.subarray(0, at));
        else if (record.type === "header") this.#begin(record);
        else yield this.#count(record);
      }
      this.#hash.update(bytes.subarray(0, at));
      this.#rest = bytes.subarray(at);
      if (this.#stage === "end" && this.#rest.length > 0) throw refusal("bytes behind its end");
    } catch (error) {
      if (error instanceof BytesError) throw refusal(error.message);
      throw error;
    }
  }

  /**
   * What the snapshot says of itself, once it is complete.
   * @throws DisterError `DISTER_ERR_SNAPSHOT` when its end has not come.
   */
  finish(): SnapshotHead {
    if (this.#head === undefined || this.#stage !== "end") throw refusal("its end is missing");
    return this.#head;
  }

  #enter({ type }: SnapshotRecord): void {
    const [from, to] = [ORDER.indexOf(this.#stage), ORDER.indexOf(type)];
    const first = this.#head === undefined;
    if (first ? type !== "header" : to < from || type === "header" || this.#stage === "end") {
      throw refusal(`a record of type ${type} out of order`);
    }
    this.#stage = type;
  }

  #begin(head: SnapshotHead): void {
    const { index, term } = head.position;
    if (index !== this.#position.index || term !== this.#position.term) {
      throw refusal(`it is of index ${index} and term ${term}`);
    }
    if (head.membershipJson !== this.#membershipJson) throw refusal("it is of another membership");
    this.#head = head;
  }

  #count(record: RowRecord): RowRecord {
    this.#rows[record.type]++;
    const { index } = this.#position;
    const { type, row } = record;
    const sound =
      type === "kv"
        ? row.create_index >= 1 && row.create_index <= row.modify_index && row.modify_index <= index && row.version >= 1
        : type === "service"
          ? row.defined_index >= 1 && row.defined_index <= row.modify_index && row.modify_index <= index
          : row.log_id <= this.#head!.appliedLogId && row.time_ms <= this.#head!.logTimeMs;
    if (!sound) throw refusal(`a row of ${type} from beyond its position`);
    return record;
  }

  #end({ rows, hash }: { rows: RowCounts; hash: Uint8Array }, before: Buffer): void {
    for (const table of ["kv", "service", "request"] as const) {
      if (rows[table] !== this.#rows[table] || this.#head!.rows[table] !== this.#rows[table]) {
        throw refusal(`rows of ${table} are missing`);
      }
    }
    if (!this.#hash.copy().update(before).digest().equals(hash)) throw refusal("the hash of the whole is wrong");
    const announced = this.#content?.digest;
    if (announced !== undefined && Buffer.from(hash).toString("hex") !== announced) {
      throw refusal("it is other content than was announced");
    }
  }
}
