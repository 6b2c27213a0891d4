import type { Envelope, HardState, LogEntry, NodeId } from "@dister/types";

/** What the shell has to hand to the log store in one call. */
export interface Write {
  /** Give this number to {@link RaftCore.stored} when the write is durable. Writes are stored in this order. */
  readonly seq: number;
  readonly entries: readonly LogEntry[];
  readonly hardState?: HardState;
}

/** Answer to {@link RaftCore.readIndex}: `index` -1 when it could not be confirmed. */
export interface ReadState {
  readonly id: number;
  readonly index: number;
}

/**
 * What has to happen next. The parts may run at the same time, with one rule: `write` is handed to the log store
 * before the core is asked anything again. Whatever must not leave before a write is durable is held back inside the
 * core and comes with a later Ready.
 */
export interface Ready {
  readonly write?: Write;
  /** To be sent in order per peer. */
  readonly messages: readonly Envelope[];
  /** To be applied, consecutive; report with {@link RaftCore.applied}. Never more than one batch under way. */
  readonly committed: readonly LogEntry[];
  readonly reads: readonly ReadState[];
  /** Peers that need a snapshot; report with {@link RaftCore.snapshotSent}. */
  readonly snapshots: readonly NodeId[];
  /** The log holds again all that it may have acknowledged: `LogStore.trust`, then {@link RaftCore.trusted}. */
  readonly trust: boolean;
  /** True when role, term, leader or membership changed since the last Ready. */
  readonly stateChanged: boolean;
}
