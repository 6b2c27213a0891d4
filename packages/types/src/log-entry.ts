import { type LogId, logIdOf } from "./ids.ts";

/** What the payload of an entry is. */
export const ENTRY_KIND = Object.freeze({
  /** A command of the state machine; Raft does not look inside. */
  command: 0,
  /** Nothing: what a new leader appends first (Raft §5.4.2, §8). */
  empty: 1,
  /** A whole membership, encoded by {@link encodeMembership}. */
  membership: 2,
} as const);
export type EntryKind = (typeof ENTRY_KIND)[keyof typeof ENTRY_KIND];

/** One entry of the replicated log. */
export interface LogEntry {
  /** Position in the log, 1 or more, without gaps. */
  readonly index: number;
  /** Term of the leader that made the entry, 1 or more. */
  readonly term: number;
  /** Random number of the entry, 0 to 9999, drawn by that leader: the last four digits of its log id. */
  readonly r: number;
  readonly kind: EntryKind;
  /** At most `LIMITS.entryPayloadBytesMax` bytes. Nobody writes to it once the entry is made. */
  readonly payload: Uint8Array;
}

/** A place in the log: an index and the term of the entry there. `{index: 0, term: 0}` is before the first entry. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** Before the first entry. */
export const LOG_START: LogPosition = Object.freeze({ index: 0, term: 0 });

/** Log id of an entry. */
export function entryLogId(entry: LogEntry): LogId {
  return logIdOf(entry.index, entry.r);
}

/** What a node must never forget (Raft figure 2, "persistent state"), and a hint of what was committed. */
export interface HardState {
  readonly term: number;
  /** Candidate that got this node's vote in `term`, null for none. */
  readonly vote: string | null;
  /** Highest index known to be committed when this was written; may be behind, never ahead. */
  readonly commit: number;
}

/** Hard state of a node that has never run. */
export const HARD_STATE_START: HardState = Object.freeze({ term: 0, vote: null, commit: 0 });
