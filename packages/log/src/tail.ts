import { DisterError } from "@dister/types";
import type { ChainStop } from "./chain-scan.ts";
import { ITEM_BYTES, type Item, unpackItem, viewOf } from "./item.ts";
import { decodeHeader, RECORD_HEADER_BYTES, RECORD_MAGIC, type RecordHeader } from "./record.ts";
import { isZero, nonZeroEnd, type RecordWindow } from "./record-window.ts";

/** What is known about the last file when its chain ends. */
export interface TailFacts {
  readonly window: RecordWindow;
  readonly stop: ChainStop;
  /** The index area as it is on disk. */
  readonly items: Uint8Array;
  /** Offset up to which the file was durable before it got its name. */
  readonly madeEnd: number;
  readonly baseIndex: number;
  /** Last entry of the chain. */
  readonly lastIndex: number;
  /** Highest index that the chain knows to have been durable or committed. */
  readonly knownIndex: number;
}

/** The end of a log that may go on after what lies behind it is cleared. */
export interface Tail {
  /** End of the bytes behind the chain that are not zero; the chain's end when there are none. */
  readonly dirtyEnd: number;
  /** Bytes of a last batch that was cut by a crash, by what its records or items said. */
  readonly tornBytes: number;
}

/**
 * Decides what the end of the chain is: the end of the log, a batch that was cut by a crash, or damage
 * (docs/formats/log-file.md, "Recovery").
 *
 * A batch is written only after the one before it is durable. So what was cut can only be the last batch, its lost
 * sectors read as zeros, and no record of a later batch exists. Everything else is damage and is not touched.
 * @throws DisterError `DISTER_ERR_LOG_CORRUPT`.
 */
export function judgeTail(facts: TailFacts): Tail {
  const { window, stop, madeEnd } = facts;
  if (stop.offset < madeEnd) throw corrupt(facts, "the first records of the file are damaged");
  const dirtyEnd = nonZeroEnd(window, stop.offset);
  refuseLaterBatch(facts, dirtyEnd);

  const claims = claimsBehind(facts);
  const here = claims.find(({ item }) => item.start === stop.offset)?.item;
  const lost = claims.filter(({ index }) => index > facts.lastIndex);
  const acknowledged = lost.find(({ index }) => index <= facts.knownIndex);
  if (acknowledged !== undefined) throw corrupt(facts, `entry ${acknowledged.index} was acknowledged and is not there`);

  if (stop.reason === "unchained") {
    // Nobody wrote it here: what an item claims to be here instead was there once and is not any more.
    if (here !== undefined) throw corrupt(facts, "a record that does not belong here lies in the place of another");
    return { dirtyEnd, tornBytes: 0 };
  }
  if (stop.reason === "damaged") {
    const payloadLength = stop.header?.payloadLength;
    const length = payloadLength === undefined ? (here?.length ?? 0) : RECORD_HEADER_BYTES + payloadLength;
    if (!hasLostSector(window, stop.offset, Math.max(length, RECORD_HEADER_BYTES))) {
      throw corrupt(facts, "the checksum of the last record is wrong and no sector of it is missing");
    }
  }
  let tornEnd = dirtyEnd;
  for (const { item } of lost) {
    const end = item.start + item.length;
    if (end <= window.size()) tornEnd = Math.max(tornEnd, end);
  }
  return { dirtyEnd, tornBytes: tornEnd - stop.offset };
}

/** Items that claim a record at or behind the end of the chain. */
function claimsBehind({ items, baseIndex, stop }: TailFacts): { index: number; item: Item }[] {
  const view = viewOf(items);
  const claims: { index: number; item: Item }[] = [];
  for (let slot = 0; (slot + 1) * ITEM_BYTES <= items.length; slot++) {
    const item = unpackItem(view, slot * ITEM_BYTES);
    if (item !== undefined && item.start >= stop.offset) claims.push({ index: baseIndex + slot, item });
  }
  return claims;
}

/** A header further on that says what lies here was durable proves that it was acknowledged. */
function refuseLaterBatch(facts: TailFacts, dirtyEnd: number): void {
  const { window, stop } = facts;
  for (const header of headersBetween(window, stop.offset, dirtyEnd)) {
    if (header.syncedEnd > stop.offset) {
      throw corrupt(facts, `the record at ${header.start} is of a later batch, so that this one was acknowledged`);
    }
  }
}

const MAGIC_BYTES = Buffer.alloc(4);
MAGIC_BYTES.writeUInt32BE(RECORD_MAGIC);
/** What a disk writes whole or not at all; larger sectors are made of these. */
const SECTOR_BYTES = 512;
const PIECE_BYTES = 1024 * 1024;

/** Every header between two offsets that is intact and at its own offset, whether its payload is or not. */
export function* headersBetween(window: RecordWindow, from: number, to: number): Generator<RecordHeader> {
  for (let offset = from; offset < to; offset += PIECE_BYTES) {
    const wanted = Math.min(PIECE_BYTES, to - offset);
    // Reads a little more, for the headers that begin at the end of this piece.
    const piece = window.slice(offset, wanted + RECORD_HEADER_BYTES);
    const view = viewOf(piece);
    for (let at = piece.indexOf(MAGIC_BYTES); at >= 0 && at < wanted; at = piece.indexOf(MAGIC_BYTES, at + 1)) {
      const header = decodeHeader(piece, view, at);
      if (header !== undefined && header.start === offset + at) yield header;
    }
  }
}

/** True when all of the bytes that share some sector are zero. */
function hasLostSector(window: RecordWindow, offset: number, length: number): boolean {
  const at = window.reach(offset, length);
  for (let from = 0; from < length; ) {
    const to = Math.min(length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES));
    if (isZero(window.bytes, at + from, at + to)) return true;
    from = to;
  }
  return false;
}

function corrupt({ window, stop }: TailFacts, reason: string): DisterError {
  return new DisterError("DISTER_ERR_LOG_CORRUPT", { file: window.path, offset: stop.offset, reason });
}
