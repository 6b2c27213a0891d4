import { crc32 } from "node:zlib";
import { ENTRY_KIND, type EntryKind, invariant } from "@dister/types";

/*
 * Header of one record, 64 bytes, big-endian (docs/formats/log-file.md):
 *
 *  byte 0               4       5       6               8
 *   +-------------------+-------+-------+---------------+-------------------------------+
 *   |  "DLR", version 1 |HEADER | KIND  |       R       |        PAYLOAD LENGTH         |
 *   +-------------------+-------+-------+---------------+-------------------------------+
 *   | 12 PREVIOUS CRC   | 16 INDEX (64)         | 24 TERM (64)                          |
 *   +-------------------+-----------------------+---------------------------------------+
 *   | 32 START (64)         | 40 SYNCED END (64)      | 48 SYNCED INDEX (64)            |
 *   +-----------------------+-------------------------+---------------------------------+
 *   | 56 CRC, of bytes 0 to 55 and the payload | 60 HEADER CRC, of bytes 0 to 55        |
 *   +------------------------------------------+----------------------------------------+
 */

export const RECORD_MAGIC = 0x444c5201;
export const RECORD_HEADER_BYTES = 64;
const CRC_AT = 56;
const HEADER_CRC_AT = 60;
const TWO_32 = 2 ** 32;

/** What a record is: the kinds of entries, and what only the log knows. */
export const RECORD_KIND = Object.freeze({
  ...ENTRY_KIND,
  hardState: 16,
  /** Everything above its index is void, also in later files; holds the hard state of that moment. */
  cutBack: 17,
  /** First record of a file. */
  fileHeader: 18,
} as const);
export type RecordKind = (typeof RECORD_KIND)[keyof typeof RECORD_KIND];

const KIND_NAMES = new Map<number, string>(Object.entries(RECORD_KIND).map(([name, kind]) => [kind, name]));

export interface RecordHeader {
  readonly kind: RecordKind;
  /** Random number of an entry, equal to its item's; 0 otherwise. */
  readonly r: number;
  readonly payloadLength: number;
  /** CRC of the record physically before this one: the chain. */
  readonly previousCrc: number;
  /** Index of an entry; of other kinds the index of the last entry at that point. */
  readonly index: number;
  readonly term: number;
  /** Offset of this record in its file. */
  readonly start: number;
  /** Everything in this file below this offset was durable when the record was written: where its batch starts. */
  readonly syncedEnd: number;
  /** Highest index that was durable then and is not replaced by this batch. */
  readonly syncedIndex: number;
  readonly crc: number;
}

/** What a caller of {@link encodeRecord} gives; the rest follows. */
export type RecordFields = Omit<RecordHeader, "crc" | "payloadLength">;

/** Writes a record at `at` of the target and returns its CRC, the chain value of the next one. */
export function encodeRecord(
  target: { bytes: Uint8Array; view: DataView },
  at: number,
  fields: RecordFields,
  payload: Uint8Array,
): number {
  const { bytes, view } = target;
  view.setUint32(at, RECORD_MAGIC);
  view.setUint32(at + 4, RECORD_HEADER_BYTES * 2 ** 24 + fields.kind * 2 ** 16 + fields.r);
  view.setUint32(at + 8, payload.length);
  view.setUint32(at + 12, fields.previousCrc);
  setUint64(view, at + 16, fields.index);
  setUint64(view, at + 24, fields.term);
  setUint64(view, at + 32, fields.start);
  setUint64(view, at + 40, fields.syncedEnd);
  setUint64(view, at + 48, fields.syncedIndex);
  bytes.set(payload, at + RECORD_HEADER_BYTES);
  const fieldsCrc = crc32(bytes.subarray(at, at + CRC_AT));
  const crc = payload.length === 0 ? fieldsCrc : crc32(payload, fieldsCrc);
  view.setUint32(at + CRC_AT, crc);
  view.setUint32(at + HEADER_CRC_AT, fieldsCrc);
  return crc;
}

/** Reads a header that begins at `at`; undefined unless its magic, version and checksum are right. */
export function decodeHeader(bytes: Uint8Array, view: DataView, at: number): RecordHeader | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length || view.getUint32(at) !== RECORD_MAGIC) return undefined;
  if (crc32(bytes.subarray(at, at + CRC_AT)) !== view.getUint32(at + HEADER_CRC_AT)) return undefined;
  const packed = view.getUint32(at + 4);
  const kind = (packed >>> 16) & 0xff;
  if (packed >>> 24 !== RECORD_HEADER_BYTES || !isRecordKind(kind)) return undefined;
  return {
    kind,
    r: packed & 0xffff,
    payloadLength: view.getUint32(at + 8),
    previousCrc: view.getUint32(at + 12),
    index: getUint64(view, at + 16),
    term: getUint64(view, at + 24),
    start: getUint64(view, at + 32),
    syncedEnd: getUint64(view, at + 40),
    syncedIndex: getUint64(view, at + 48),
    crc: view.getUint32(at + CRC_AT),
  };
}

/** True when the payload behind a decoded header belongs to it. */
export function payloadAgrees(header: RecordHeader, bytes: Uint8Array, view: DataView, at: number): boolean {
  // The CRC of the fields was found to be right when the header was decoded.
  const fieldsCrc = view.getUint32(at + HEADER_CRC_AT);
  const payloadAt = at + RECORD_HEADER_BYTES;
  return crc32(bytes.subarray(payloadAt, payloadAt + header.payloadLength), fieldsCrc) === header.crc;
}

export function isRecordKind(kind: number): kind is RecordKind {
  return KIND_NAMES.has(kind);
}

export function isEntryKind(kind: RecordKind): kind is EntryKind {
  return kind <= RECORD_KIND.membership;
}

export function kindName(kind: RecordKind): string {
  return KIND_NAMES.get(kind)!;
}

/** Writes a whole number of at most 53 bits as 64. */
export function setUint64(view: DataView, at: number, value: number): void {
  invariant(Number.isSafeInteger(value) && value >= 0, `${value} is a whole number`);
  view.setUint32(at, Math.floor(value / TWO_32));
  view.setUint32(at + 4, value % TWO_32);
}

export function getUint64(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_32 + view.getUint32(at + 4);
}
