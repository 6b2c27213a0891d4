import { crc32 } from "node:zlib";
import {
  ENTRY_KIND,
  type HardState,
  type LogEntry,
  type LogPosition,
  type LogStore,
  type LogWrite,
} from "@dister/types";

export type Call =
  | ({ readonly type: "append" } & LogWrite)
  | { readonly type: "compact"; readonly index: number }
  | { readonly type: "reset"; readonly base: LogPosition };

/** A log as plain data. Compaction may have gone less far than `base`, but not further. */
export interface ModelState {
  readonly start: LogPosition;
  readonly compactedTo: number;
  readonly entries: readonly LogEntry[];
  readonly hardState: HardState;
}

export const EMPTY: ModelState = {
  start: { index: 0, term: 0 },
  compactedTo: 0,
  entries: [],
  hardState: { term: 0, vote: null, commit: 0 },
};

export function entryOf(index: number, term: number, bytes = 40): LogEntry {
  // No byte is zero, so that every lost sector can be told.
  const payload = new Uint8Array(bytes).map((_, at) => 1 + ((index * 13 + term * 101 + at) % 255));
  return { index, term, r: (index * 37 + term) % 10_000, kind: ENTRY_KIND.command, payload };
}

export function entriesOf(from: number, to: number, term: number, bytes?: number): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entryOf(from + at, term, bytes));
}

export function perform(log: LogStore, call: Call): Promise<void> {
  if (call.type === "append") return log.append(call);
  return call.type === "compact" ? log.compact(call.index) : log.reset(call.base);
}

/** What a call makes of a state when all of it is done. */
export function after(state: ModelState, call: Call): ModelState {
  if (call.type === "compact") return { ...state, compactedTo: Math.max(state.compactedTo, call.index) };
  if (call.type === "reset") {
    return { ...state, start: call.base, compactedTo: call.base.index, entries: [] };
  }
  const grown = withEntries(state, call.entries);
  return call.hardState === undefined ? grown : { ...grown, hardState: call.hardState };
}

/** What may be there when a crash came into a call: nothing of it, or its entries up to any, in order. */
export function* during(state: ModelState, call: Call): Generator<ModelState> {
  yield state;
  if (call.type !== "append") {
    yield after(state, call);
    return;
  }
  const first = call.entries[0];
  if (first !== undefined) yield { ...state, entries: state.entries.filter(({ index }) => index < first.index) };
  for (let count = 1; count <= call.entries.length; count++) yield withEntries(state, call.entries.slice(0, count));
  yield after(state, call);
}

/**
 * What a state becomes when the second copy of a later hard state is durable and nothing else of its append is. Its commit
 * is not believed then, only that of the last record, which may be any before; the copy knows what was durable before.
 */
export function* withCopy(state: ModelState, { term, vote, commit }: HardState): Generator<ModelState> {
  const last = state.entries.at(-1)?.index ?? state.start.index;
  for (let each = 0; each <= Math.max(state.hardState.commit, Math.min(commit, last)); each++) {
    yield { ...state, hardState: { term, vote, commit: each } };
  }
}

function withEntries(state: ModelState, entries: readonly LogEntry[]): ModelState {
  const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
  return { ...state, entries: [...state.entries.filter(({ index }) => index < first), ...entries] };
}

/** Everything that can be read from a log, in a line of text; every entry is read and its term asked for. */
export function lineOf(log: LogStore): string {
  const base = log.base();
  const entries = log.read(base.index + 1, log.lastIndex(), Number.MAX_SAFE_INTEGER);
  let line = lineStart(base, log.hardState());
  if (log.termAt(base.index) !== base.term) line += " term of the base differs";
  for (const entry of entries) {
    line += entryLine(entry);
    if (log.termAt(entry.index) !== entry.term) line += " term differs";
  }
  if (log.suspect().index !== 0 || log.recovery.damage !== undefined) line += ` suspect: ${log.recovery.damage}`;
  if (entries.length !== log.lastIndex() - base.index) line += ` ends at ${log.lastIndex()}`;
  return line;
}

/** The same line of a state, compacted up to `base`; undefined when there is no such position. */
export function lineOfState({ start, entries, hardState }: ModelState, base: number): string | undefined {
  const term = base === start.index ? start.term : entries.find(({ index }) => index === base)?.term;
  if (term === undefined) return undefined;
  let line = lineStart({ index: base, term }, hardState);
  for (const entry of entries) if (entry.index > base) line += entryLine(entry);
  return line;
}

function lineStart(base: LogPosition, { term, vote, commit }: HardState): string {
  return `base ${base.index} of term ${base.term}, hard state ${term} ${vote} ${commit}, entries`;
}

const ENTRY_LINES = new WeakMap<LogEntry, string>();

function entryLine(entry: LogEntry): string {
  let line = ENTRY_LINES.get(entry);
  if (line === undefined) {
    const { index, term, r, kind, payload } = entry;
    line = ` ${index}:${term}:${r}:${kind}:${payload.length}:${crc32(payload)}`;
    ENTRY_LINES.set(entry, line);
  }
  return line;
}
