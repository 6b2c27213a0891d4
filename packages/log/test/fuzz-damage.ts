import { baseIndexOf } from "../src/file-header.ts";
import { ITEM_BYTES, unpackItem, viewOf } from "../src/item.ts";
import { decodeHeader, RECORD_HEADER_BYTES, RECORD_KIND, type RecordHeader } from "../src/record.ts";
import type { Dice, Image } from "./fuzz-disk.ts";

export const SECTOR_BYTES = 512;

/** One place of one file that is not what was written there. */
export interface Damage {
  readonly name: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** The image with the damage in it. */
export function damagedBy(image: Image, { name, offset, bytes }: Damage): Image {
  const damaged = new Uint8Array(image.get(name)!);
  damaged.set(bytes, offset);
  return new Map([...image, [name, damaged]]);
}

/** A place and what lies there instead; it always differs from what was there. */
export function drawDamage(dice: Dice, image: Image): Damage {
  const files = [...image.keys()].filter((name) => name === "state" || baseIndexOf(name) !== undefined);
  for (;;) {
    const name = files.length > 1 && dice.chance(0.3) ? files.at(-2)! : dice.of(files);
    const bytes = image.get(name)!;
    if (bytes.length === 0) continue;
    const place = name === "state" ? dice.of([0, 4096]) + dice.between(0, 99) : drawPlace(dice, bytes);
    if (place >= bytes.length) continue;
    const kind = dice.of(["flip", "flip", "zeros", "garbage"] as const);
    const offset = kind === "flip" ? place : place - (place % SECTOR_BYTES);
    const old = bytes.subarray(offset, kind === "flip" ? offset + 1 : offset + SECTOR_BYTES);
    const made = bytesOf(dice, kind, old);
    if (Buffer.compare(made, old) !== 0) return { name, offset, bytes: made, text: `${kind} of ${name} at ${offset}` };
  }
}

function bytesOf(dice: Dice, kind: "flip" | "zeros" | "garbage", old: Uint8Array): Uint8Array {
  if (kind === "zeros") return new Uint8Array(old.length);
  if (kind === "garbage") return dice.rng.bytes(old.length);
  return old.map((byte) => byte ^ dice.of([1, 128, 255, dice.between(1, 255)]));
}

function drawPlace(dice: Dice, bytes: Uint8Array): number {
  const records = recordsIn(bytes);
  const written = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const dataOffset = records[0]?.start ?? 0;
  switch (dice.between(0, 7)) {
    case 0:
      return dice.between(0, bytes.length - 1);
    case 1:
      return dataOffset + dice.between(0, 255);
    case 2:
      return Math.max(0, written - dice.between(1, 600));
    case 3:
      return dice.of(itemPlaces(bytes, dataOffset)) + dice.between(0, ITEM_BYTES - 1);
    case 4: {
      const cuts = records.filter(({ kind }) => kind === RECORD_KIND.cutBack);
      return (dice.of(cuts)?.start ?? dataOffset) + dice.between(0, 95);
    }
    default:
      return (dice.of(records)?.start ?? 0) + dice.between(0, RECORD_HEADER_BYTES - 1);
  }
}

function itemPlaces(bytes: Uint8Array, dataOffset: number): number[] {
  const places = [0];
  const view = viewOf(bytes);
  for (let at = 0; at + ITEM_BYTES <= dataOffset && at < 1_000; at += ITEM_BYTES) {
    if (unpackItem(view, at) !== undefined) places.push(at);
  }
  return places;
}

/** The records of the chain of a file without damage, replaced ones as well. */
export function recordsIn(bytes: Uint8Array): RecordHeader[] {
  const view = viewOf(bytes);
  const records: RecordHeader[] = [];
  let offset = 4096;
  for (;;) {
    const header = decodeHeader(bytes, view, offset);
    if (header?.start !== offset || (records.length > 0 && header.previousCrc !== records.at(-1)!.crc)) return records;
    records.push(header);
    offset += RECORD_HEADER_BYTES + header.payloadLength;
  }
}

/**
 * Whether zeros at the end of the last file, or a sector of zeros in its last batch, make this damage look like a batch that
 * a crash has cut (docs/formats/log-file.md, "Not noticed").
 * @returns which of the two rules; undefined when it has to be noticed.
 */
export function looksLikeCutBatch(
  image: Image,
  damage: Damage,
): "zeros at the end" | "last record" | "last batch" | undefined {
  const newest = [...image.keys()]
    .filter((name) => baseIndexOf(name) !== undefined)
    .sort()
    .at(-1);
  if (damage.name !== newest) return undefined;
  const sound = image.get(newest)!;
  const damaged = damagedBy(image, damage).get(newest)!;
  const damageEnd = damage.offset + damage.bytes.length;
  const records = recordsIn(sound);
  const hit = records.find(({ start, payloadLength }) => {
    const end = start + RECORD_HEADER_BYTES + payloadLength;
    return Buffer.compare(sound.subarray(start, end), damaged.subarray(start, end)) !== 0;
  });
  if (hit === undefined) return undefined;
  const isZeros = damage.bytes.length === SECTOR_BYTES && damage.bytes.every((byte) => byte === 0);
  if (isZeros && records.every(({ start }) => start < damageEnd)) return "zeros at the end";
  if (!hasZeroSector(damaged, hit.start, hit.start + RECORD_HEADER_BYTES + hit.payloadLength)) return undefined;
  if (records.some(({ syncedEnd }) => syncedEnd > hit.start)) return undefined;
  return hit === records.at(-1) ? "last record" : "last batch";
}

/** A sector that a record reaches into holds only zeros from the record on. */
function hasZeroSector(bytes: Uint8Array, start: number, end: number): boolean {
  for (let from = start; from < end; ) {
    const to = from - (from % SECTOR_BYTES) + SECTOR_BYTES;
    if (bytes.subarray(from, to).every((byte) => byte === 0)) return true;
    from = to;
  }
  return false;
}
