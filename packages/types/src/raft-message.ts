import type { SnapshotContent } from "./contracts/state-machine.ts";
import type { NodeId } from "./ids.ts";
import type { LogEntry, LogPosition } from "./log-entry.ts";
import type { Membership } from "./membership.ts";

interface OfTerm {
  /** Term of the sender; 0 is allowed only where a field's comment says so. */
  readonly term: number;
}

/** Asks for a vote (Raft §5.2) or, with `pre`, whether a vote would be given (dissertation §9.6). */
export interface VoteRequest extends OfTerm {
  readonly type: "vote";
  /** With `pre`, `term` is the term that the sender would stand in; it has not adopted it. */
  readonly pre: boolean;
  readonly last: LogPosition;
  /** True when the old leader asked the sender to stand: voters then do not wait for the leader to be silent. */
  readonly transfer: boolean;
}

/** Answer to a vote request. */
export interface VoteReply extends OfTerm {
  readonly type: "voteReply";
  readonly pre: boolean;
  readonly granted: boolean;
  /** Term that was asked for; a reply to an older round counts for nothing. */
  readonly asked: number;
}

/** AppendEntries (Raft §5.3). */
export interface AppendRequest extends OfTerm {
  readonly type: "append";
  /** Entry right before the first of `entries`. */
  readonly prev: LogPosition;
  /** Consecutive from `prev.index + 1`; empty only to tell the commit index or to probe. */
  readonly entries: readonly LogEntry[];
  readonly commit: number;
}

/** Answer to AppendEntries. */
export interface AppendReply extends OfTerm {
  readonly type: "appendReply";
  readonly ok: boolean;
  /** ok: highest index known to equal the leader's and durable here. Not ok: `prev.index` of the refused request. */
  readonly index: number;
  /**
   * Not ok: where the leader may try next: the last index here whose term is not above the refused term, and its term.
   * Ok: `{index: 0, term: 0}`.
   */
  readonly hint: LogPosition;
}

/** Sign of life of a leader; also confirms reads. */
export interface Heartbeat extends OfTerm {
  readonly type: "heartbeat";
  /** At most what the receiver is known to hold, so that it never commits what it has not matched. */
  readonly commit: number;
  /** Number of the read round that this heartbeat confirms, 0 for none. Never used twice in a term. */
  readonly round: number;
}

/** Answer to a heartbeat. */
export interface HeartbeatReply extends OfTerm {
  readonly type: "heartbeatReply";
  readonly round: number;
}

/**
 * Answer of a node whose log lost acknowledged entries to damage, to appends and heartbeats alike: whatever it
 * acknowledged before is void, and nothing of it counts until it answers like the others again.
 */
export interface SuspectReply extends OfTerm {
  readonly type: "suspectReply";
  /** Highest index known to equal the leader's of this term, 0 when none is. */
  readonly matched: number;
  /** With `matched` 0: where the leader may try next, as in {@link AppendReply}; else `{index: 0, term: 0}`. */
  readonly hint: LogPosition;
}

/** A follower asks the leader for a read index (dissertation §6.4). */
export interface ReadIndexRequest extends OfTerm {
  readonly type: "readIndex";
  /** Unique among the requests of the sender since it started. */
  readonly id: number;
}

/** Answer to a read-index request; `index` -1 means "not now". */
export interface ReadIndexReply extends OfTerm {
  readonly type: "readIndexReply";
  readonly id: number;
  readonly index: number;
}

/** Tells the receiver to stand for election at once (dissertation §3.10). */
export interface TimeoutNow extends OfTerm {
  readonly type: "timeoutNow";
}

/** Comparison round: asks a peer for its log position and score. `term` changes nothing at the receiver. */
export interface CompareRequest extends OfTerm {
  readonly type: "compare";
  /** Number of the sender's round; a late answer to an older one counts for nothing. */
  readonly round: number;
}

/** Answer to a comparison. `term` changes nothing at the receiver. */
export interface CompareReply extends OfTerm {
  readonly type: "compareReply";
  readonly round: number;
  readonly last: LogPosition;
  /** Peers that answered in the sender's last comparison round, and the sum of their response times in microseconds. */
  readonly scoreCount: number;
  readonly score: number;
  /** True when the sender has a leader that it does not doubt. */
  readonly leaderAlive: boolean;
}

/**
 * "You are the best connected of the most up to date: stand first." A wish, not an order: the receiver runs a normal
 * pre-vote. `term` changes nothing at the receiver.
 */
export interface StandRequest extends OfTerm {
  readonly type: "stand";
}

/** Everything that one Raft core sends to another. The union is closed: a codec covers exactly these. */
export type RaftMessage =
  | VoteRequest
  | VoteReply
  | AppendRequest
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | SuspectReply
  | ReadIndexRequest
  | ReadIndexReply
  | TimeoutNow
  | CompareRequest
  | CompareReply
  | StandRequest;

export type RaftMessageType = RaftMessage["type"];

/** What goes before the pieces of a snapshot (InstallSnapshot, Raft §7). */
export interface SnapshotHeader {
  readonly term: number;
  /** Last entry that the snapshot covers. */
  readonly position: LogPosition;
  /** Membership as of `position`. */
  readonly membership: Membership;
}

/** A snapshot that is offered, before its pieces: what the core has to know, and what tells its content from another's. */
export interface SnapshotOffer extends SnapshotHeader {
  readonly content: SnapshotContent;
}

/** The receiver's answer, sent when the snapshot is durable and in use, or refused. */
export interface SnapshotReply {
  readonly term: number;
  readonly ok: boolean;
  /** Highest index that the receiver now holds in common with the sender. */
  readonly index: number;
}

/** A message and whom it goes to. */
export interface Envelope {
  readonly to: NodeId;
  readonly message: RaftMessage;
}
