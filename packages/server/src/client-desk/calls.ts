import type { KvRecord, LogId, NodeId, Service } from "@dister/types";
import type { Consistency } from "../api-node.ts";

/**
 * The calls of client nodes to servers. All are JSON but `client.write`, whose question is a command as the store encodes
 * it, with the request id of the client.
 */
export const CLIENT_CALL = {
  write: "client.write",
  kv: "client.kv",
  kvPage: "client.kvPage",
  service: "client.service",
  services: "client.services",
  follow: "client.follow",
  members: "client.members",
  addMembers: "client.addMembers",
  removeMembers: "client.removeMembers",
  transfer: "client.transfer",
  report: "client.report",
  checks: "client.checks",
  told: "client.told",
} as const;

/** How long a server works on a client's call before it gives up, so that the client can ask another in time. */
export const CLIENT_HOLD_MS = 1_200;
/** How long a client waits for a server: longer than the server holds the call, so that its reason is heard. */
export const CLIENT_ATTEMPT_MS = 1_500;
/** How long a server holds the question for changes while there are none, at most. */
export const FOLLOW_WAIT_MS = 1_000;

/** Who follows asks again within this: a server that has not heard of a client for longer waits for it no more. */
export const FOLLOW_SILENT_MS_MAX = 3 * FOLLOW_WAIT_MS;
/**
 * How long after it asked, a client takes the answer that nothing is missing for good. Shorter than the above: one that was
 * stopped for a while, and is waited for no more, has to notice by itself that it may have missed something.
 */
export const FOLLOW_FRESH_MS = FOLLOW_SILENT_MS_MAX - 100;

/** How fresh an answer has to be. */
export interface ReadCall {
  readonly consistency: Consistency;
  /** The server answers when it has applied this log id: a client's readers never see a state go back. */
  readonly minLogId: LogId;
}

/** What the server had applied when it read. */
export interface ReadReply {
  readonly logId: LogId;
}

export interface KvCall extends ReadCall {
  readonly key: string;
}
export interface KvReply extends ReadReply {
  readonly record: KvRecord | null;
}

export interface KvPageCall extends ReadCall {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}
export interface KvPageReply extends ReadReply {
  /** At most `limit`, fewer when they are large; one at the least, if there is one. */
  readonly records: readonly KvRecord[];
  readonly more: boolean;
}

export interface ServiceCall extends ReadCall {
  readonly name: string;
}
export interface ServiceReply extends ReadReply {
  /** Without secrets. */
  readonly service: Service | null;
}

export interface ServicesCall extends ReadCall {
  /** Only services behind this name. */
  readonly after: string;
}
export interface ServicesReply extends ReadReply {
  /** In the order of their names, without secrets; a piece of the list when it is large. */
  readonly services: readonly Service[];
  readonly more: boolean;
}

/** What have the checks of this service found? */
export interface ChecksCall {
  readonly name: string;
}

/** Who was sent everything up to a log id? Answered when all were, or the wait is over. */
export interface ToldCall {
  readonly logId: LogId;
  readonly waitMs: number;
}

/** Hand leadership over; with null to whom the leader chooses. */
export interface TransferCall {
  readonly to: NodeId | null;
}

/** What changed behind a log id? Answered at once when something has, else when something does or the wait is over. */
export interface FollowCall {
  readonly after: LogId;
}
export type FollowReply =
  | { readonly compacted: true }
  | {
      readonly compacted: false;
      /** Names of what changed, each once, with the log id of its last change in this reply. */
      readonly keys: readonly (readonly [key: string, logId: LogId])[];
      readonly services: readonly (readonly [name: string, logId: LogId])[];
      /** Nothing up to here is missing. */
      readonly throughLogId: LogId;
      readonly leader: NodeId;
    };
