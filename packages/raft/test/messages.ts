import {
  type AppendReply,
  type AppendRequest,
  ENTRY_KIND,
  encodeMembership,
  type Heartbeat,
  type HeartbeatReply,
  type LogEntry,
  type LogPosition,
  type Membership,
  type VoteReply,
  type VoteRequest,
} from "@dister/types";

/** A place in the log, index first. */
export function at(index: number, term: number): LogPosition {
  return { index, term };
}

/** A command entry; its text tells entries of equal index and term apart, where a test makes such a thing. */
export function entry(index: number, term: number, text = `${index}.${term}`): LogEntry {
  return { index, term, r: 0, kind: ENTRY_KIND.command, payload: Buffer.from(text) };
}

/** A membership entry. */
export function membershipEntry(index: number, term: number, membership: Membership): LogEntry {
  return { index, term, r: 0, kind: ENTRY_KIND.membership, payload: encodeMembership(membership) };
}

/** A log from index 1 on, one entry per term, as the figures of the paper draw it. */
export function logOf(...terms: number[]): LogEntry[] {
  return terms.map((term, position) => entry(position + 1, term));
}

/** AppendEntries. */
export function append(term: number, prev: LogPosition, entries: readonly LogEntry[] = [], commit = 0): AppendRequest {
  return { type: "append", term, prev, entries, commit };
}

export function accepted(term: number, index: number): AppendReply {
  return { type: "appendReply", term, ok: true, index, hint: at(0, 0) };
}

export function refused(term: number, index: number, hint: LogPosition): AppendReply {
  return { type: "appendReply", term, ok: false, index, hint };
}

export function heartbeat(term: number, commit = 0, round = 0): Heartbeat {
  return { type: "heartbeat", term, commit, round };
}

export function heartbeatReply(term: number, round = 0): HeartbeatReply {
  return { type: "heartbeatReply", term, round };
}

/** A candidate's request. */
export function vote(term: number, last: LogPosition, more: { pre?: boolean; transfer?: boolean } = {}): VoteRequest {
  return { type: "vote", term, pre: more.pre ?? false, last, transfer: more.transfer ?? false };
}

/** A voter's answer. For a pre-vote the voter's own term is one below the asked one, unless said otherwise. */
export function voteReply(asked: number, more: { pre?: boolean; granted?: boolean; term?: number } = {}): VoteReply {
  const { pre = false, granted = true } = more;
  return { type: "voteReply", term: more.term ?? (pre ? asked - 1 : asked), pre, granted, asked };
}
