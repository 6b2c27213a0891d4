import { crc32 } from "node:zlib";
import { type HardState, LOG_START, type LogPosition, type NodeId } from "@dister/types";
import { decodeHardState, encodeHardState, HARD_STATE_BYTES, readHexId, writeHexId } from "./hard-state.ts";
import { viewOf } from "./item.ts";
import { getUint64, setUint64 } from "./record.ts";

/*
 * One slot of the file `state`, 100 bytes, big-endian (docs/formats/hard-state.md):
 *
 *  byte 0               4               8                                16
 *   +-------------------+---------------+--------------------------------+
 *   |  "DLS", version 1 |     zero      |  8 SEQUENCE (64)               |
 *   +-------------------+---------------+--------------------------------+
 *   | 16 NODE ID (64)                   | 24 SUSPECT INDEX (64)          |
 *   +-----------------------------------+--------------------------------+
 *   | 32 SUSPECT TERM (64)              | 40 DAMAGED FILE (64)           |
 *   +-----------------------------------+--------------------------------+
 *   | 48 CUT FILE (64)                  | 56 CUT END (64)                |
 *   +-----------------------------------+--------------------------------+
 *   | 64 hard state, 32 bytes                                            |
 *   +-------------------+------------------------------------------------+
 *   | 96 CRC, of 0 to 95|
 *   +-------------------+
 */

const STATE_MAGIC = 0x444c5301;
const HARD_STATE_AT = 64;
const CRC_AT = HARD_STATE_AT + HARD_STATE_BYTES;
export const STATE_SLOT_BYTES = CRC_AT + 4;
/** The slots lie in pages of their own, so that one bad place never hits both. */
export const STATE_SLOT_OFFSETS = [0, 4096] as const;

/** What the log remembers beside its files. */
export interface StateValues {
  /** Its commit is never above what was durable when it was written, so it proves that these entries were there. */
  readonly hardState: HardState;
  /** `{0, 0}` while the log is whole. */
  readonly suspect: LogPosition;
  /**
   * Base index of the first file that was found damaged while the log was open: the next start reads it and those behind it
   * whole. 0 for none.
   */
  readonly damagedFile: number;
  /** A cut that was begun: the file with this base index is to end at this offset, and no file follows. Zeros for none. */
  readonly cut: { readonly baseIndex: number; readonly end: number };
}

export const NO_CUT: StateValues["cut"] = Object.freeze({ baseIndex: 0, end: 0 });

/** One slot. The one with the higher sequence counts. */
export interface StateSlot extends StateValues {
  readonly sequence: number;
  readonly nodeId: NodeId;
}

/** Values of a log of which nothing but the hard state is known. */
export function plainValues(hardState: HardState): StateValues {
  return { hardState, suspect: LOG_START, damagedFile: 0, cut: NO_CUT };
}

export function encodeStateSlot(slot: StateSlot): Uint8Array {
  const bytes = new Uint8Array(STATE_SLOT_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, STATE_MAGIC);
  setUint64(view, 8, slot.sequence);
  writeHexId(bytes, 16, slot.nodeId);
  setUint64(view, 24, slot.suspect.index);
  setUint64(view, 32, slot.suspect.term);
  setUint64(view, 40, slot.damagedFile);
  setUint64(view, 48, slot.cut.baseIndex);
  setUint64(view, 56, slot.cut.end);
  bytes.set(encodeHardState(slot.hardState), HARD_STATE_AT);
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)));
  return bytes;
}

/** The slot; undefined when it is damaged; a reason when it is sound and of another version. */
export function decodeStateSlot(bytes: Uint8Array): StateSlot | string | undefined {
  if (bytes.length < STATE_SLOT_BYTES) return undefined;
  const view = viewOf(bytes);
  const magic = view.getUint32(0);
  if (crc32(bytes.subarray(0, CRC_AT)) !== view.getUint32(CRC_AT) || magic >>> 8 !== STATE_MAGIC >>> 8)
    return undefined;
  if (magic !== STATE_MAGIC) return `its format version ${magic & 0xff} is unknown, this program reads 1`;
  const hardState = decodeHardState(bytes.subarray(HARD_STATE_AT, CRC_AT));
  if (hardState === undefined) return undefined;
  return {
    sequence: getUint64(view, 8),
    nodeId: readHexId(bytes, 16),
    suspect: { index: getUint64(view, 24), term: getUint64(view, 32) },
    damagedFile: getUint64(view, 40),
    cut: { baseIndex: getUint64(view, 48), end: getUint64(view, 56) },
    hardState,
  };
}
