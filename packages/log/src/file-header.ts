import { type ClusterId, invariant, type LogPosition, type NodeId } from "@dister/types";
import { readHexId, writeHexId } from "./hard-state.ts";
import { ITEM_BYTES, viewOf } from "./item.ts";
import { getUint64, setUint64 } from "./record.ts";

/*
 * Payload of the first record of a file, 80 bytes and the group, big-endian (docs/formats/log-file.md):
 *
 *  byte 0        2            4                   8
 *   +------------+------------+-------------------+------------------------------------+
 *   | FORMAT (1) | zero       | ENTRIES PER FILE  | DATA OFFSET (64)                   |
 *   +------------+------------+-------------------+------------------------------------+
 *   | 16 BASE INDEX (64)      | 24 BASE TERM (64)     | 32 GENERATION (64)             |
 *   +-------------------------+-----------------------+--------------------------------+
 *   | 40 PREVIOUS BASE INDEX (64)  | 48 PREVIOUS END (64)                              |
 *   +------------------------------+---------------------------------------------------+
 *   | 56 NODE ID (64)         | 64 CLUSTER ID (64)    | 72 GROUP LENGTH | 74 zero      |
 *   +-------------------------+-----------------------+-----------------+--------------+
 *   | 80 GROUP, UTF-8 ...                                                              |
 *   +----------------------------------------------------------------------------------+
 */

export const FILE_FORMAT_VERSION = 1;
const GROUP_AT = 80;
const ALIGNMENT = 4096;
const NO_CLUSTER = "0000000000000000";

/** Whose log it is. */
export interface LogIdentity {
  readonly group: string;
  readonly nodeId: NodeId;
  /** Empty while the node belongs to no cluster. */
  readonly clusterId: ClusterId;
}

/** What the first record of a file says. */
export interface FileHeader extends LogIdentity {
  /** How many items the index area holds. */
  readonly entriesPerFile: number;
  /** Where the data area begins. */
  readonly dataOffset: number;
  /** Index of the entry of slot 0. */
  readonly baseIndex: number;
  /** Term of the entry right before slot 0. */
  readonly baseTerm: number;
  /** Grows with each reset of the log: files of a lower generation than the highest are leftovers. */
  readonly generation: number;
  /** Base index of the file before this one, 0 when this one begins a log. */
  readonly previousBaseIndex: number;
  /** Where the chain of the file before ended when this one was made. */
  readonly previousEnd: number;
}

/** Where the data area begins: the index area, rounded up to whole pages so that no sector is shared. */
export function dataOffsetOf(entriesPerFile: number): number {
  return Math.ceil((entriesPerFile * ITEM_BYTES) / ALIGNMENT) * ALIGNMENT;
}

/** Position right before the first entry of a file. */
export function basePosition({ baseIndex, baseTerm }: FileHeader): LogPosition {
  return { index: baseIndex - 1, term: baseTerm };
}

export function encodeFileHeader(header: FileHeader): Uint8Array {
  const group = new TextEncoder().encode(header.group);
  invariant(group.length < 2 ** 16, "a group name fits its length field");
  const bytes = new Uint8Array(GROUP_AT + group.length);
  const view = viewOf(bytes);
  view.setUint16(0, FILE_FORMAT_VERSION);
  view.setUint32(4, header.entriesPerFile);
  setUint64(view, 8, header.dataOffset);
  setUint64(view, 16, header.baseIndex);
  setUint64(view, 24, header.baseTerm);
  setUint64(view, 32, header.generation);
  setUint64(view, 40, header.previousBaseIndex);
  setUint64(view, 48, header.previousEnd);
  writeHexId(bytes, 56, header.nodeId);
  writeHexId(bytes, 64, header.clusterId === "" ? NO_CLUSTER : header.clusterId);
  view.setUint16(72, group.length);
  bytes.set(group, GROUP_AT);
  return bytes;
}

/** The header, or why the bytes are none. */
export function decodeFileHeader(bytes: Uint8Array): FileHeader | string {
  if (bytes.length < GROUP_AT) return "the file header is too short";
  const view = viewOf(bytes);
  const version = view.getUint16(0);
  if (version !== FILE_FORMAT_VERSION) return `format version ${version} is unknown, this program reads 1`;
  if (bytes.length !== GROUP_AT + view.getUint16(72)) return "the file header has a wrong length";
  const clusterId = readHexId(bytes, 64);
  const header: FileHeader = {
    entriesPerFile: view.getUint32(4),
    dataOffset: getUint64(view, 8),
    baseIndex: getUint64(view, 16),
    baseTerm: getUint64(view, 24),
    generation: getUint64(view, 32),
    previousBaseIndex: getUint64(view, 40),
    previousEnd: getUint64(view, 48),
    nodeId: readHexId(bytes, 56),
    clusterId: clusterId === NO_CLUSTER ? "" : clusterId,
    group: new TextDecoder().decode(bytes.subarray(GROUP_AT)),
  };
  if (header.baseIndex < 1 || header.dataOffset !== dataOffsetOf(header.entriesPerFile)) {
    return "the fields of the file header contradict each other";
  }
  return header;
}

const NAME_DIGITS = 16;
const NAME = /^(\d{16})\.dlog$/;

/** Name of a file: its base index in 16 decimal digits. */
export function fileNameOf(baseIndex: number): string {
  return `${String(baseIndex).padStart(NAME_DIGITS, "0")}.dlog`;
}

/** The base index in a name; undefined for the name of something else. */
export function baseIndexOf(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** The second copy of the hard state, and the name under which it is made. */
export const STATE_NAME = "state";
export const STATE_DRAFT_NAME = "state.new";

/** What is added to the name of a file to name the copy that was kept of it before it was cut. */
export const KEPT_SUFFIX = ".damaged";

/** True for a file that was damaged and is kept for people. */
export function isKeptAside(name: string): boolean {
  return name.endsWith(`.dlog${KEPT_SUFFIX}`);
}

/** Names of files that are being made: removed at the next start. */
export function isUnfinished(name: string): boolean {
  return name === STATE_DRAFT_NAME || name.endsWith(".dlog.new") || name.endsWith(`.dlog${KEPT_SUFFIX}.new`);
}
