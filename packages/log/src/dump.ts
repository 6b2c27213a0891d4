import { type FileHandle, isDisterError } from "@dister/types";
import { itemOnDisk, readBeginning } from "./file-check.ts";
import type { FileHeader } from "./file-header.ts";
import { decodeHardState } from "./hard-state.ts";
import { ITEM_BYTES } from "./item.ts";
import { isEntryKind, kindName, RECORD_HEADER_BYTES, RECORD_KIND, type RecordHeader } from "./record.ts";
import { nonZeroEnd, RecordWindow } from "./record-window.ts";
import { decodeStateSlot, STATE_SLOT_BYTES, STATE_SLOT_OFFSETS, type StateSlot } from "./state-slot.ts";
import { headersBetween } from "./tail.ts";

/** One record as it lies in a file. */
export interface DumpedRecord {
  readonly offset: number;
  /** Bytes with the header. */
  readonly length: number;
  readonly kind: string;
  readonly index: number;
  readonly term: number;
  readonly r: number;
  readonly crcOk: boolean;
  /** Whether it names the CRC of the record before it. */
  readonly chainOk: boolean;
  /** Of an entry: `yes`, or `replaced` by a later one, or `no` when its item leads elsewhere; `-` for other records. */
  readonly item: "yes" | "replaced" | "no" | "-";
  /** Of a hard state or a truncation. */
  readonly hardState?: { readonly term: number; readonly vote: string | null; readonly commit: number };
}

/** One file, record by record. */
export interface DumpedFile {
  readonly path: string;
  readonly header: FileHeader | undefined;
  readonly records: readonly DumpedRecord[];
  /** End of the chain. */
  readonly end: number;
  /** What is wrong; empty for a sound file. A file in use may show its last batch here. */
  readonly problems: readonly string[];
}

/** The second copy of the hard state, slot by slot. */
export interface DumpedState {
  readonly path: string;
  /** The slots in their order; undefined for one that cannot be read. */
  readonly slots: readonly (StateSlot | undefined)[];
  readonly problems: readonly string[];
}

/** Reads the file `state` of a log without changing it. */
export function dumpState(handle: FileHandle): DumpedState {
  const problems: string[] = [];
  const slots = STATE_SLOT_OFFSETS.map((offset) => {
    const bytes = new Uint8Array(STATE_SLOT_BYTES);
    handle.readAt(bytes, offset);
    const slot = decodeStateSlot(bytes);
    if (slot === undefined) problems.push(`at ${offset}: a damaged copy of the hard state`);
    if (typeof slot !== "string") return slot;
    problems.push(`at ${offset}: ${slot}`);
    return undefined;
  });
  return { path: handle.path, slots, problems };
}

/** Reads a file of a log without changing it. Never throws for damage: it is what is looked for. */
export function dumpFile(handle: FileHandle): DumpedFile {
  const window = new RecordWindow(handle);
  const problems: string[] = [];
  let beginning: ReturnType<typeof readBeginning>;
  try {
    beginning = readBeginning(window, 1_000_000);
  } catch (error) {
    if (!isDisterError(error, "DISTER_ERR_LOG_CORRUPT")) throw error;
    return { path: handle.path, header: undefined, records: [], end: 0, problems: [String(error.details["reason"])] };
  }
  const { header } = beginning;
  const records: DumpedRecord[] = [];
  let end = header.dataOffset;
  let crc = beginning.previousCrc;
  for (;;) {
    const found = window.recordAt(end);
    if (found.state === "zero") break;
    if (found.state === "damaged") {
      problems.push(`at ${end}: damaged ${found.header === undefined ? "header" : kindName(found.header.kind)}`);
      if (found.header !== undefined) records.push(describe(found.header, { offset: end, crcOk: false, crc }));
      break;
    }
    const hardState = found.state === "record" ? hardStateOf(found.header, found.payload) : undefined;
    const record = describe(found.header, { offset: end, crcOk: true, crc });
    records.push(hardState === undefined ? record : { ...record, hardState });
    if (!record.chainOk || found.state !== "record") {
      problems.push(`at ${end}: an intact record that does not belong here`);
      break;
    }
    end = found.end;
    crc = found.header.crc;
  }
  problems.push(...behind(window, end));
  const itemsSeen = new RecordWindow(handle);
  const withItems = checkItems(itemsSeen, header, records, problems);
  return { path: handle.path, header, records: withItems, end, problems };
}

function describe(header: RecordHeader, at: { offset: number; crcOk: boolean; crc: number }): DumpedRecord {
  const { kind, payloadLength, index, term, r, previousCrc, start } = header;
  return {
    offset: at.offset,
    length: RECORD_HEADER_BYTES + payloadLength,
    kind: kindName(kind),
    index,
    term,
    r,
    crcOk: at.crcOk,
    chainOk: previousCrc === at.crc && start === at.offset,
    item: isEntryKind(kind) ? "no" : "-",
  };
}

function hardStateOf(header: RecordHeader, payload: Uint8Array): DumpedRecord["hardState"] {
  const { kind } = header;
  return kind === RECORD_KIND.hardState || kind === RECORD_KIND.cutBack ? decodeHardState(payload) : undefined;
}

/** What lies behind the end of the chain. */
function behind(window: RecordWindow, end: number): string[] {
  const dirtyEnd = nonZeroEnd(window, end);
  if (dirtyEnd === end) return [];
  const problems = [`${dirtyEnd - end} bytes behind the end of the chain are not zero`];
  for (const header of headersBetween(window, end, dirtyEnd)) {
    if (header.syncedEnd <= end) continue;
    problems.push(`at ${header.start}: a record of a later batch, so that what is missing was acknowledged`);
    break;
  }
  return problems;
}

/** Compares the items with the records: the last record of an index is the one that its item names. */
function checkItems(
  window: RecordWindow,
  { baseIndex, entriesPerFile }: FileHeader,
  records: readonly DumpedRecord[],
  problems: string[],
): DumpedRecord[] {
  const live = new Map<number, DumpedRecord>();
  let lastIndex = baseIndex - 1;
  for (const record of records) {
    const isCut = record.kind === "cutBack";
    if (record.item === "-" && !isCut) continue;
    for (let index = isCut ? record.index + 1 : record.index; index <= lastIndex; index++) live.delete(index);
    if (!isCut) live.set(record.index, record);
    lastIndex = record.index;
  }
  let leftovers = 0;
  for (let index = lastIndex + 1; index < baseIndex + entriesPerFile; index++) {
    if (itemOnDisk(window, index - baseIndex) !== undefined) leftovers++;
  }
  if (leftovers > 0) problems.push(`${leftovers} items lie behind the last entry`);
  return records.map((record) => {
    if (record.item === "-") return record;
    if (live.get(record.index) !== record) return { ...record, item: "replaced" as const };
    const item = itemOnDisk(window, record.index - baseIndex);
    const agrees = item?.start === record.offset && item.length === record.length && item.r === record.r;
    if (!agrees)
      problems.push(`the item of entry ${record.index} at ${(record.index - baseIndex) * ITEM_BYTES} is wrong`);
    return { ...record, item: agrees ? ("yes" as const) : ("no" as const) };
  });
}
