import { LIMITS, type LogId, type LogPosition } from "@dister/types";
import { ByteReader, BytesError, ByteWriter } from "./bytes.ts";
import type { KvRow, RequestRow, ServiceRow } from "./tables.ts";

//  byte 0       1                    5
// +------------+--------------------+-----------------------+
// | TYPE       | LENGTH (fields)    | fields of the type    |   docs/formats/snapshot.md
// +------------+--------------------+-----------------------+
export const RECORD_HEAD_BYTES = 5;

/** Version of the snapshot's format: the first field of its first record. */
export const SNAPSHOT_VERSION = 1;

const TYPE = Object.freeze({ header: 1, kv: 2, service: 3, request: 4, end: 5 } as const);

const HASH_BYTES = 32;
/** The largest record is that of a service: its definition, and an instance's state takes four numbers. */
const STATE_BYTES_MAX = LIMITS.serviceNodesMax * 64;
const RECORD_BYTES_MAX = LIMITS.serviceBytesMax + STATE_BYTES_MAX + 64 * 1024;

/** Rows of each table. */
export interface RowCounts {
  readonly kv: number;
  readonly service: number;
  readonly request: number;
}

export interface SnapshotHead {
  readonly position: LogPosition;
  readonly appliedLogId: LogId;
  readonly serviceLogId: LogId;
  readonly logTimeMs: number;
  readonly membershipJson: string;
  readonly rows: RowCounts;
}

export type SnapshotRecord =
  | ({ readonly type: "header" } & SnapshotHead)
  | { readonly type: "kv"; readonly row: KvRow }
  | { readonly type: "service"; readonly row: ServiceRow }
  | { readonly type: "request"; readonly row: RequestRow }
  /** `hash` is that of the stream before this record. */
  | { readonly type: "end"; readonly rows: RowCounts; readonly hash: Uint8Array };

/** Encodes a record with its head. */
export function encodeRecord(record: SnapshotRecord): Uint8Array {
  const out = new ByteWriter();
  out.raw(new Uint8Array(RECORD_HEAD_BYTES));
  writeFields(out, record);
  const bytes = out.finish();
  bytes[0] = TYPE[record.type];
  bytes.writeUInt32BE(bytes.length - RECORD_HEAD_BYTES, 1);
  return bytes;
}

/**
 * Length of the record that begins here, with its head.
 * @param head - at least `RECORD_HEAD_BYTES` bytes.
 * @throws BytesError when no record is that long.
 */
export function recordLength(head: Buffer): number {
  const length = head.readUInt32BE(1);
  if (length > RECORD_BYTES_MAX) throw new BytesError(`a record of ${length} bytes`);
  return RECORD_HEAD_BYTES + length;
}

/**
 * Decodes one whole record.
 * @throws BytesError
 */
export function decodeRecord(bytes: Buffer): SnapshotRecord {
  const read = new ByteReader(bytes.subarray(RECORD_HEAD_BYTES));
  const record = readFields(read, bytes[0]!);
  read.end();
  return record;
}

function writeFields(out: ByteWriter, record: SnapshotRecord): void {
  switch (record.type) {
    case "header":
      out.varint(SNAPSHOT_VERSION);
      for (const number of [record.position.index, record.position.term]) out.varint(number);
      for (const number of [record.appliedLogId, record.serviceLogId, record.logTimeMs]) out.varint(number);
      out.text(record.membershipJson);
      writeCounts(out, record.rows);
      break;
    case "kv":
      out.text(record.row.key);
      out.text(record.row.value);
      for (const number of [record.row.create_index, record.row.modify_index, record.row.version]) out.varint(number);
      break;
    case "service":
      out.text(record.row.name);
      out.text(record.row.definition);
      out.varint(record.row.defined_index);
      out.text(record.row.state);
      out.varint(record.row.modify_index);
      break;
    case "request":
      out.varint(record.row.log_id);
      out.text(record.row.request_id);
      for (const number of [record.row.time_ms, record.row.changed]) out.varint(number);
      out.text(record.row.error ?? "");
      break;
    case "end":
      writeCounts(out, record.rows);
      out.raw(record.hash);
      break;
  }
}

function readFields(read: ByteReader, type: number): SnapshotRecord {
  switch (type) {
    case TYPE.header:
      return readHeader(read);
    case TYPE.kv: {
      const [key, value] = [read.text(LIMITS.keyBytesMax), read.text(LIMITS.valueBytesMax)];
      const [create_index, modify_index, version] = [read.varint(), read.varint(), read.varint()];
      return { type: "kv", row: { key, value, create_index, modify_index, version } };
    }
    case TYPE.service: {
      const [name, definition] = [read.text(RECORD_BYTES_MAX), read.text(RECORD_BYTES_MAX)];
      const [defined_index, state, modify_index] = [read.varint(), read.text(RECORD_BYTES_MAX), read.varint()];
      return { type: "service", row: { name, definition, defined_index, state, modify_index } };
    }
    case TYPE.request: {
      const [log_id, request_id] = [read.varint(), read.text(LIMITS.requestIdCharsMax * 3)];
      const [time_ms, changed] = [read.varint(), read.varint()];
      const error = read.text(RECORD_BYTES_MAX);
      return { type: "request", row: { log_id, request_id, time_ms, changed, error: error === "" ? null : error } };
    }
    case TYPE.end:
      return { type: "end", rows: readCounts(read), hash: read.raw(HASH_BYTES) };
    default:
      throw new BytesError(`a record of unknown type ${type}`);
  }
}

function readHeader(read: ByteReader): SnapshotRecord {
  const version = read.varint();
  if (version !== SNAPSHOT_VERSION) throw new BytesError(`version ${version}, known is ${SNAPSHOT_VERSION}`);
  return {
    type: "header",
    position: { index: read.varint(), term: read.varint() },
    appliedLogId: read.varint(),
    serviceLogId: read.varint(),
    logTimeMs: read.varint(),
    membershipJson: read.text(RECORD_BYTES_MAX),
    rows: readCounts(read),
  };
}

function writeCounts(out: ByteWriter, { kv, service, request }: RowCounts): void {
  for (const count of [kv, service, request]) out.varint(count);
}

function readCounts(read: ByteReader): RowCounts {
  return { kv: read.varint(), service: read.varint(), request: read.varint() };
}
