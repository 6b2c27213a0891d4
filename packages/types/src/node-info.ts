import type { ClusterId, LogId, NodeId } from "./ids.ts";

/** Cluster role: a server votes and stores, a client stores nothing, a monitor stores everything and never votes. */
export const ROLE = Object.freeze({ server: 0, client: 1, monitor: 2 } as const);
export type Role = (typeof ROLE)[keyof typeof ROLE];

/** Raft role. A learner is shown as a follower. */
export const RAFT_ROLE = Object.freeze({ follower: 0, candidate: 1, leader: 2 } as const);
export type RaftRole = (typeof RAFT_ROLE)[keyof typeof RAFT_ROLE];

/** Status of a node, or of a service's node, as the original wrote it. */
export const STATUS = Object.freeze({ dead: 0, alive: 1 } as const);
export type Status = (typeof STATUS)[keyof typeof STATUS];

/** TCP ports of a node, 1 to 65535. */
export interface Ports {
  /** Hello, heartbeats, votes, score comparison: small messages that never queue behind bulk. */
  readonly raft: number;
  /** Log entries, snapshots, forwarded writes and reads. */
  readonly repl: number;
  /** HTTP for applications. */
  readonly api: number;
}

/** Ports of a node that sets none. */
export const DEFAULT_PORTS: Ports = Object.freeze({ raft: 4166, repl: 4167, api: 4168 });

/** What a node says of itself in every hello; the first ten fields keep the names of the original's JSON. */
export interface NodeInfo {
  readonly name: string;
  readonly group: string;
  readonly id: NodeId;
  /** Address that peers should use; empty until a peer has seen the connection and filled it in. */
  readonly ip: string;
  readonly status: Status;
  readonly role: Role;
  readonly raft: RaftRole;
  /** Log id of the last entry in this node's log, 0 for an empty log. */
  readonly logid: LogId;
  /** Log id of the last change to any service that this node has applied, 0 for none. */
  readonly serviceid: LogId;
  /** Version of the software, for people. */
  readonly version: string;
  readonly ports: Ports;
  /** Cluster that the node belongs to, empty for none. */
  readonly cluster: ClusterId;
  /** Newest version of the replicated state that the node's software understands, 1 to 255; see `Membership.stateVersion`. */
  readonly stateVersion: number;
  /**
   * Drawn anew at every start of a process, 16 hexadecimal digits: one node id with two of them at the same time is one
   * data folder in two processes.
   */
  readonly boot: string;
}

/** Where a node was met. */
export interface Sighting {
  /** Its address on the connection. */
  readonly host: string;
  /** True when the node named an address of its own, which its `ip` then is; false when its `ip` is where it was met. */
  readonly named: boolean;
}

/** The original's names of the roles, for people. */
export function roleName(role: Role): string {
  return ["server", "client", "monitor"][role] ?? "unknown";
}

/** The original's names of the Raft roles, for people. */
export function raftRoleName(role: RaftRole): string {
  return ["follower", "candidate", "leader"][role] ?? "unknown";
}
