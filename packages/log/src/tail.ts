import { LIMITS } from "@dister/types";
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
  /** Highest index that is known to have been committed: up to there nothing is ever replaced. */
  readonly committedIndex: number;
  /** A read has found a record damaged here since the file was opened last; what is not durable is never read. */
  readonly isNoted: boolean;
}

/** The end of a log. It may go on after what lies behind is cleared, unless that is damage. */
export interface Tail {
  /** End of the bytes behind the chain that are not zero; the chain's end when there are none. */
  readonly dirtyEnd: number;
  /** Bytes of a last batch that was cut by a crash, by what its records or items said. */
  readonly tornBytes: number;
  /** Why this is no end that a crash leaves; undefined when it is one. */
  readonly damage: string | undefined;
}

/**
 * Decides what the end of the chain is: the end of the log, a batch that was cut by a crash, or damage
 * (docs/formats/log-file.md, "Recovery").
 *
 * A batch is written only after the one before it is durable. So what was cut can only be the last batch, its lost
 * sectors read as zeros, and no record of a later batch exists. Everything else is damage and is not touched.
 */
export function judgeTail(facts: TailFacts): Tail {
  const { window, stop } = facts;
  const dirtyEnd = nonZeroEnd(window, stop.offset);
  const claims = claimsBehind(facts);
  const lost = claims.filter(({ index }) => index > facts.lastIndex);
  const here = claims.find(({ item }) => item.start === stop.offset)?.item;
  const committed = claims.find(({ index }) => index <= facts.committedIndex);
  const damage = damageOf(facts, { dirtyEnd, claims, lost, here, committed });
  if (damage !== undefined || stop.reason === "unchained") return { dirtyEnd, tornBytes: 0, damage };
  let tornEnd = dirtyEnd;
  for (const { item } of lost) {
    const end = item.start + item.length;
    if (end <= window.size()) tornEnd = Math.max(tornEnd, end);
  }
  return { dirtyEnd, tornBytes: tornEnd - stop.offset, damage };
}

interface Claim {
  readonly index: number;
  readonly item: Item;
}

/** What there is behind the end of the chain. */
interface Behind {
  readonly dirtyEnd: number;
  readonly claims: readonly Claim[];
  /** Claims of entries that are not in the chain. */
  readonly lost: readonly Claim[];
  /** The item that claims the end of the chain itself. */
  readonly here: Item | undefined;
  readonly committed: Claim | undefined;
}

/** Why the end of the chain is not one that a crash leaves. */
function damageOf(facts: TailFacts, behind: Behind): string | undefined {
  const { window, stop, madeEnd, knownIndex } = facts;
  const { dirtyEnd, claims, lost, here, committed } = behind;
  if (stop.offset < madeEnd) return "the first records of the file are damaged";
  for (const header of headersBetween(window, stop.offset, dirtyEnd)) {
    // A header further on that says that what lies here was durable proves that it was acknowledged.
    if (header.syncedEnd <= stop.offset) continue;
    return `the record at ${header.start} is of a later batch, so that this one was acknowledged`;
  }
  const acknowledged = lost.find(({ index }) => index <= knownIndex);
  if (acknowledged !== undefined) return `entry ${acknowledged.index} was acknowledged and is not there`;
  // No batch that a crash cuts writes the item of an entry that was committed before.
  if (committed !== undefined) return `entry ${committed.index} was committed and is not there`;
  const lostBytes = lost.reduce((bytes, { item }) => bytes + item.length, 0);
  if (lost.length > LIMITS.appendEntriesMax && lostBytes > BATCH_BYTES_MAX) {
    return `${lost.length} entries are not there, more than one batch holds`;
  }
  // Also where what is lost had replaced others: those are in the chain then, as if they had never been replaced.
  if (facts.isNoted && (dirtyEnd > stop.offset || claims.length > 0)) {
    return "a read has found a record damaged that was durable";
  }
  if (stop.reason === "unchained") {
    // Nobody wrote it here: what an item claims to be here instead was there once and is not any more.
    return here === undefined ? undefined : "a record that does not belong here lies in the place of another";
  }
  if (stop.reason !== "damaged") return undefined;
  // Of a sector a crash leaves all or nothing: a header that cannot be read lies in one that is missing.
  const length = RECORD_HEADER_BYTES + (stop.header?.payloadLength ?? 0);
  if (hasLostSector(window, stop.offset, length)) return brokenBehind(window, stop, dirtyEnd);
  return "the checksum of the last record is wrong and no sector of it is missing";
}

/** Why what follows a torn record is no rest of its batch: each header is there, or a sector that it reaches into is missing. */
function brokenBehind(window: RecordWindow, { offset, header }: ChainStop, dirtyEnd: number): string | undefined {
  let [at, torn] = [offset, header];
  while (torn !== undefined) {
    at += RECORD_HEADER_BYTES + torn.payloadLength;
    if (at >= dirtyEnd) return undefined;
    const found = window.recordAt(at);
    torn = found.state === "zero" ? undefined : found.header;
    const isThere = torn?.start === at;
    if (!isThere && !hasLostSector(window, at, RECORD_HEADER_BYTES)) {
      return `what lies at ${at}, behind the last record, is no record, and no sector of it is missing`;
    }
  }
  return undefined;
}

/** Items that claim a record at or behind the end of the chain. */
function claimsBehind({ items, baseIndex, stop }: TailFacts): Claim[] {
  const view = viewOf(items);
  const claims: Claim[] = [];
  for (let slot = 0; (slot + 1) * ITEM_BYTES <= items.length; slot++) {
    const item = unpackItem(view, slot * ITEM_BYTES);
    if (item !== undefined && item.start >= stop.offset) claims.push({ index: baseIndex + slot, item });
  }
  return claims;
}

const MAGIC_BYTES = Buffer.alloc(4);
MAGIC_BYTES.writeUInt32BE(RECORD_MAGIC);
/** What a disk writes whole or not at all; larger sectors are made of these. */
const SECTOR_BYTES = 512;
/** Steps for one file are written together up to this many bytes; up to about here a sync costs the same. */
export const BATCH_BYTES_MAX = 1024 * 1024;
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

/**
 * True when some sector that a record reaches into is zero from the record on: also what shares the sector and was written
 * behind it, for that would have been lost with it.
 */
function hasLostSector(window: RecordWindow, offset: number, length: number): boolean {
  const end = offset + length;
  const reached = end + ((SECTOR_BYTES - (end % SECTOR_BYTES)) % SECTOR_BYTES) - offset;
  const at = window.reach(offset, reached);
  for (let from = 0; from < length; ) {
    const to = from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES);
    if (isZero(window.bytes, at + from, at + to)) return true;
    from = to;
  }
  return false;
}
