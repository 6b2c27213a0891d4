import type { ShownNode } from "@dister/client";

/** What `GET /cluster/status` answers, as far as it is shown. */
export interface StatusReport {
  readonly node: { readonly id: string; readonly name: string; readonly version: string };
  readonly cluster: string | null;
  readonly waitingFor: string | null;
  readonly raft: RaftReport | null;
  readonly leadership: (LeaderReport & { readonly forMs: number }) | null;
  readonly leaderless: { readonly since: string; readonly forMs: number; readonly reason: string } | null;
  /** The newest first; the first of them may be the one that leads. */
  readonly leaders: readonly LeaderReport[];
  readonly members: readonly ShownNode[];
  readonly appliedLogId: number;
  readonly keys: number;
  readonly services: number;
  readonly disk: DiskReport | null;
  /** Clusters of the same group that were met lately. */
  readonly otherClusters?: readonly {
    readonly cluster: string;
    readonly nodes: readonly { readonly name: string; readonly host: string; readonly raftPort: number }[];
  }[];
  /** Only of a node with the role client, which has most of the others not. */
  readonly client?: ClientReport;
}

/** A client node's view of the servers that it asks. */
export interface ClientReport {
  readonly following: string | null;
  readonly leader: string | null;
  readonly ageMs: number | null;
  readonly servers: readonly { readonly id: string; readonly name: string }[];
  readonly cache: { readonly keys: number; readonly bytes: number };
}

interface RaftReport {
  readonly role: string;
  readonly term: number;
  readonly leader: string | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly scoreCount: number;
  readonly score: number;
  readonly comparison: ComparisonReport | null;
}

interface LeaderReport {
  readonly term: number;
  readonly leader: string;
  readonly name: string | null;
  readonly reason: string;
  readonly since: string;
  readonly ended: { readonly until: string; readonly reason: string } | null;
}

interface ComparisonReport {
  readonly decides: boolean;
  readonly endedForMs: number;
  readonly peers: readonly {
    readonly id: string;
    readonly responseUs: number | null;
    readonly last: { readonly index: number; readonly term: number } | null;
    readonly scoreCount: number | null;
    readonly score: number | null;
  }[];
}

interface DiskReport {
  readonly folder: string;
  readonly logBytes: number;
  readonly stateBytes: number;
  readonly freeBytes: number;
  readonly totalBytes: number;
}
