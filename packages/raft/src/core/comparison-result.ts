import type { LogPosition, NodeId } from "@dister/types";

/** What a peer answered in a comparison round. */
export interface PeerScore {
  readonly id: NodeId;
  /** Time to its answer, in microseconds; null when none came in time. */
  readonly responseUs: number | null;
  /** Index and term of its last entry, 0 while its log is suspect; null without an answer. */
  readonly last: LogPosition | null;
  /** How many peers it reached in its own last round, and the sum of their response times in microseconds. */
  readonly scoreCount: number | null;
  readonly score: number | null;
}

/** What a comparison round found. */
export interface ComparisonResult {
  readonly round: number;
  /** On the core's clock, in milliseconds. */
  readonly endedMs: number;
  /** True when the leader was suspected, false for a mere measurement. */
  readonly decides: boolean;
  /** All voters that were asked. */
  readonly peers: readonly PeerScore[];
}
