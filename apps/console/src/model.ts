import type { HealthReport, KvPair, Page, ShownNode } from "@dister/client";
import type { ShownService } from "@dister/types";

/** Something that was asked for: what came, or why it did not. */
export type Part<T> = { readonly ok: true; readonly data: T } | { readonly ok: false; readonly message: string };

/** Which keys to show. */
export interface KeysQuery {
  readonly prefix: string;
  /** Only keys behind this one; empty for the first page. */
  readonly after: string;
  readonly limit: number;
}

/** The page's keys, and what was asked for them. */
export interface ShownKeys extends Page<KvPair> {
  readonly query: KeysQuery;
}

/** State of the cluster as the node that serves the page sees it. */
export interface ClusterView {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly group: string;
  readonly version: string;
  /** Null for a node that belongs to no cluster. */
  readonly clusterId: string | null;
  /** Why the node does not serve; null when it does. */
  readonly waitingFor: string | null;
  /** Null while the node belongs to no cluster. */
  readonly raft: RaftView | null;
  readonly members: number;
  readonly membersUp: number;
  readonly keys: number;
  readonly services: number;
  readonly appliedLogId: number;
}

export interface RaftView {
  readonly role: string;
  readonly term: number;
  readonly leader: { readonly id: string; readonly name: string } | null;
  /** Why the node took its role, or changed its leader, last. */
  readonly reason: string;
  /** How long it has had that role. */
  readonly roleForMs: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
}

/** What one round of questions brought. */
export type Snapshot =
  | { readonly answered: false; readonly message: string }
  | {
      readonly answered: true;
      readonly health: HealthReport;
      readonly cluster: Part<ClusterView>;
      readonly nodes: Part<readonly ShownNode[]>;
      readonly services: Part<readonly ShownService[]>;
      readonly keys: Part<ShownKeys>;
    };

type Fields = Readonly<Record<string, unknown>>;

/** Reads a reply of `GET /cluster/status`. What is missing in it, as in one of another version, is shown as empty. */
export function clusterOf(status: Fields): ClusterView {
  const node = fieldsOf(status["node"]);
  const raft = status["raft"] === null || status["raft"] === undefined ? null : fieldsOf(status["raft"]);
  const members = listOf(fieldsOf(raft?.["membership"])["members"]).map(fieldsOf);
  return {
    nodeId: textOf(node["id"]),
    nodeName: textOf(node["name"]),
    group: textOf(node["group"]),
    version: textOf(node["version"]),
    clusterId: textOf(status["cluster"]) || null,
    waitingFor: textOf(status["waitingFor"]) || null,
    raft: raft === null ? null : raftOf(raft, members),
    members: members.length,
    membersUp: listOf(status["up"]).length,
    keys: numberOf(status["keys"]),
    services: numberOf(status["services"]),
    appliedLogId: numberOf(status["appliedLogId"]),
  };
}

function raftOf(raft: Fields, members: readonly Fields[]): RaftView {
  const id = textOf(raft["leader"]);
  const name = textOf(members.find((member) => member["id"] === id)?.["name"]);
  return {
    role: textOf(raft["role"]),
    term: numberOf(raft["term"]),
    leader: id === "" ? null : { id, name },
    reason: textOf(raft["reason"]),
    roleForMs: numberOf(raft["roleForMs"]),
    commitIndex: numberOf(raft["commitIndex"]),
    appliedIndex: numberOf(raft["appliedIndex"]),
  };
}

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);
