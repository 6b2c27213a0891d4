import type { ClusterId, LogId, NodeId, NodeInfo, ServiceChecks, WatchersTold } from "@dister/types";
import type { ServiceReport } from "@dister/types/schemas";
import type { Health, Members, Operations, ShownNode } from "../api-node.ts";
import { type ChecksCall, CLIENT_CALL, type ToldCall, type TransferCall } from "../client-desk/calls.ts";
import type { HelloAddress } from "../cluster/peer-address.ts";
import type { Self } from "../cluster/self.ts";
import type { ChangeFollower } from "./change-follower.ts";
import type { KeyCache } from "./key-cache.ts";
import type { Registry } from "./registry.ts";
import type { Servers } from "./servers.ts";

/** A change of members takes two rounds of the log, and a server passes it on to the leader. */
const ORDER_MS = 6_000;

/** The status is answered without the members when no server tells them within this. */
const MEMBERS_HOLD_MS = 500;

/** The members of the cluster, as one of its servers sees and changes them. */
export class ClientMembers implements Members {
  readonly #servers: Servers;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  list(): Promise<readonly ShownNode[]> {
    return this.#servers.ask<null, readonly ShownNode[]>("members", CLIENT_CALL.members, null);
  }

  async add(addresses: readonly HelloAddress[]): Promise<void> {
    await this.#servers.order<readonly HelloAddress[], null>(CLIENT_CALL.addMembers, addresses, ORDER_MS);
  }

  async remove(names: readonly string[]): Promise<void> {
    await this.#servers.order<readonly string[], null>(CLIENT_CALL.removeMembers, names, ORDER_MS);
  }
}

/** What a client node knows of itself and its cluster. */
export interface ClientView {
  readonly node: NodeInfo;
  readonly cluster: ClusterId | null;
  readonly waitingFor: string | null;
  /** It is no member. */
  readonly raft: null;
  /** Servers that are connected. */
  readonly up: readonly NodeId[];
  /** Everything up to here is in what it keeps. */
  readonly appliedLogId: LogId;
  readonly services: number;
  readonly client: {
    readonly following: NodeId | null;
    readonly leader: NodeId | null;
    readonly ageMs: number | null;
    readonly servers: readonly Pick<NodeInfo, "id" | "name" | "ip" | "ports">[];
    readonly cache: { readonly keys: number; readonly bytes: number; readonly bytesMax: number };
  };
}

/** What a client node is made of, as far as it tells of it. */
interface ClientParts {
  readonly self: Pick<Self, "info">;
  readonly servers: Pick<Servers, "ask" | "order" | "connected" | "missing" | "cluster">;
  readonly follower: Pick<ChangeFollower, "following" | "leader" | "ageMs" | "throughLogId">;
  readonly cache: Pick<KeyCache, "size" | "bytes" | "bytesMax">;
  readonly registry: Pick<Registry, "size" | "isLoaded">;
  readonly isStopping: () => boolean;
}

/** What a client node says of itself. It is no member: what it orders, a server does. */
export class ClientOperations implements Operations {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  health(): Health {
    const { follower, isStopping } = this.#parts;
    if (isStopping()) return { leader: null, reason: "stopping", code: "DISTER_ERR_STOPPED" };
    return { leader: follower.leader, reason: this.#missing() ?? null, code: "DISTER_ERR_NO_SERVER" };
  }

  /** Why this node does not serve, undefined when it does. */
  #missing(): string | undefined {
    const { follower, servers, registry } = this.#parts;
    if (follower.following !== null) return undefined;
    const services = registry.isLoaded
      ? `services are answered as they were ${follower.ageMs ?? 0} ms ago`
      : "services were never read";
    return `connected to no server that can answer: ${servers.missing}; ${services}`;
  }

  /** What this node is, knows and waits for, with the members as a server sees them, if one answers soon. */
  async status(): Promise<object> {
    const asked = this.#parts.servers.ask<null, readonly ShownNode[]>(
      "members",
      CLIENT_CALL.members,
      null,
      MEMBERS_HOLD_MS,
    );
    return { ...this.view, members: await asked.catch(() => []) };
  }

  /** The status as far as this node knows it itself. */
  get view(): ClientView {
    const { self, servers, follower, cache, registry } = this.#parts;
    const { connected } = servers;
    return {
      node: self.info(),
      cluster: servers.cluster || null,
      waitingFor: this.health().reason,
      raft: null,
      up: connected.map(({ id }) => id),
      appliedLogId: follower.throughLogId,
      services: registry.size,
      client: {
        following: follower.following,
        leader: follower.leader,
        ageMs: follower.ageMs,
        servers: connected.map(({ id, name, ip, ports }) => ({ id, name, ip, ports })),
        cache: { keys: cache.size, bytes: cache.bytes, bytesMax: cache.bytesMax },
      },
    };
  }

  async report(reports: readonly ServiceReport[]): Promise<void> {
    await this.#parts.servers.order<readonly ServiceReport[], null>(CLIENT_CALL.report, reports, ORDER_MS);
  }

  checks(name: string): Promise<ServiceChecks> {
    return this.#parts.servers.ask<ChecksCall, ServiceChecks>(name, CLIENT_CALL.checks, { name });
  }

  async watchersTold(logId: LogId, waitMs: number): Promise<WatchersTold> {
    const { servers, self } = this.#parts;
    const call: ToldCall = { logId, waitMs };
    try {
      return await servers.order<ToldCall, WatchersTold>(CLIENT_CALL.told, call, waitMs + ORDER_MS);
    } catch {
      // The change itself is done: an error would be read as if it were not.
      return { told: 0, waiting: [...servers.connected, self.info()].map(({ name }) => name) };
    }
  }

  transfer(to: NodeId | null): Promise<NodeId> {
    return this.#parts.servers.order<TransferCall, NodeId>(CLIENT_CALL.transfer, { to }, ORDER_MS);
  }
}
