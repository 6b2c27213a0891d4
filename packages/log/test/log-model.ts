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

function withEntries(state: ModelState, entries: readonly LogEntry[]): ModelState {
  const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
  return { ...state, entries: [...state.entries.filter(({ index }) => index < first), ...entries] };
}

/** Why a log is not in this state; undefined when it is. */
export function difference(log: LogStore, state: ModelState): string | undefined {
  const last = state.entries.at(-1)?.index ?? state.start.index;
  if (log.lastIndex() !== last) return `last index ${log.lastIndex()}, not ${last}`;
  const base = log.base();
  if (base.index > state.compactedTo || base.index < state.start.index) return `base ${base.index}`;
  const kept = state.entries.filter(({ index }) => index > base.index);
  const term = state.entries.find(({ index }) => index === base.index)?.term ?? state.start.term;
  if (base.term !== term || log.termAt(base.index) !== term) return `term of the base ${base.term}, not ${term}`;
  if (JSON.stringify(log.hardState()) !== JSON.stringify(state.hardState)) return "hard state";
  const read = log.read(base.index + 1, last, Number.MAX_SAFE_INTEGER);
  if (read.length !== kept.length) return `${read.length} entries, not ${kept.length}`;
  for (const [at, wanted] of kept.entries()) {
    const got = read[at]!;
    const isSame =
      got.index === wanted.index &&
      got.term === wanted.term &&
      got.r === wanted.r &&
      got.kind === wanted.kind &&
      Buffer.compare(got.payload, wanted.payload) === 0;
    if (!isSame || log.termAt(wanted.index) !== wanted.term) return `entry ${wanted.index}`;
  }
  return undefined;
}
