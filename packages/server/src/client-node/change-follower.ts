import type { Clock, Logger, LogId, NodeId, Service } from "@dister/types";
import {
  CLIENT_ATTEMPT_MS,
  CLIENT_CALL,
  FOLLOW_FRESH_MS,
  FOLLOW_WAIT_MS,
  type FollowCall,
  type FollowReply,
  type ServiceCall,
  type ServiceReply,
  type ServicesCall,
  type ServicesReply,
} from "../client-desk/calls.ts";
import { rest } from "../rest.ts";
import type { KeyCache } from "./key-cache.ts";
import type { Registry } from "./registry.ts";
import type { Servers } from "./servers.ts";

/** A server that hangs is left for another after this. */
const FOLLOW_TIMEOUT_MS = FOLLOW_WAIT_MS + CLIENT_ATTEMPT_MS;
/** Between two questions: what changes meanwhile comes in one answer. */
const FOLLOW_REST_MS = 5;
/** Between two looks for a server, when none can be followed. */
const RETRY_MS = 50;
/** Services that are asked for at the same time. */
const SERVICES_AT_ONCE = 16;

/** What is needed of the servers. */
export type FollowedServers = Pick<Servers, "stopped" | "ranked" | "call" | "avoid">;

/**
 * Follows the changes of one server, and goes on behind the same log id at another when that one fails. Keeps the cache
 * right and the registry new; when a server no longer knows what was missed, both begin anew.
 */
export class ChangeFollower {
  readonly #servers: FollowedServers;
  readonly #cache: KeyCache;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Changes behind this are asked for next; null: the services have to be read first. */
  #after: LogId | null = null;
  /** Services as they were read first, while changes behind them are not heard yet: until then servers are asked. */
  #loading: Map<string, Service> | null = null;
  #throughLogId: LogId = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  /** When the question was asked to which that was the answer: the answer may have lain unread for any time. */
  #askedMs = Number.NEGATIVE_INFINITY;
  #following: NodeId | null = null;
  #leader: NodeId | null = null;
  /** Newest log id that a service was read at: none is read from an older state than that. */
  #newestLogId: LogId = 0;

  constructor(parts: { servers: FollowedServers; cache: KeyCache; registry: Registry; clock: Clock; logger: Logger }) {
    this.#servers = parts.servers;
    this.#cache = parts.cache;
    this.#registry = parts.registry;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  /** Goes on until the servers are stopped. */
  start(): void {
    void this.#run();
  }

  /** Server that is followed, null while none is. */
  get following(): NodeId | null {
    return this.#following;
  }

  /** Who leads the cluster, as the followed server knows; null when none is followed. */
  get leader(): NodeId | null {
    return this.#following === null ? null : this.#leader;
  }

  /** Nothing up to this log id is missing in the cache and the registry; 0 before there was anything. */
  get throughLogId(): LogId {
    return this.#throughLogId;
  }

  /** Milliseconds since a server last said that nothing is missing, null when none ever did. */
  get ageMs(): number | null {
    if (this.#heardMs === Number.NEGATIVE_INFINITY) return null;
    return Math.max(0, Math.round(this.#clock.nowMs() - this.#heardMs));
  }

  /** Whether a server that is followed would still wait for this node to hear of a change. */
  get isFresh(): boolean {
    return this.#following !== null && this.#clock.nowMs() - this.#askedMs <= FOLLOW_FRESH_MS;
  }

  async #run(): Promise<void> {
    while (!this.#servers.stopped) {
      const server = this.#next();
      if (server === undefined) {
        this.#lost("no server is connected");
        await rest(this.#clock, RETRY_MS);
        continue;
      }
      try {
        await this.#follow(server);
        await rest(this.#clock, FOLLOW_REST_MS);
      } catch (error) {
        this.#servers.avoid(server);
        this.#lost((error as Error).message);
        await rest(this.#clock, RETRY_MS);
      }
    }
    this.#following = null;
  }

  /** The server that is followed, while it is connected; else the one that this node comes to by its own rank. */
  #next(): NodeId | undefined {
    const ranked = this.#servers.ranked("changes");
    return ranked.find((id) => id === this.#following) ?? ranked[0];
  }

  async #follow(server: NodeId): Promise<void> {
    const after = this.#after ?? (await this.#load(server));
    const askedMs = this.#clock.nowMs();
    const reply = await this.#servers.call<FollowCall, FollowReply>(
      server,
      CLIENT_CALL.follow,
      { after },
      FOLLOW_TIMEOUT_MS,
    );
    if (reply.compacted) {
      this.#logger.info("changes were missed, what was kept is read anew", { server, after });
      this.#after = null;
      this.#cache.reset(null);
      return;
    }
    for (const [key, logId] of reply.keys) this.#cache.changed(key, logId);
    await this.#renew(server, reply.services);
    this.#askedMs = askedMs;
    this.#took(server, reply.throughLogId, reply.leader);
  }

  #took(server: NodeId, throughLogId: LogId, leader: NodeId): void {
    if (this.#loading !== null) this.#registry.load(this.#loading.values());
    this.#loading = null;
    this.#after = throughLogId;
    this.#throughLogId = throughLogId;
    this.#heardMs = this.#clock.nowMs();
    this.#leader = leader;
    if (this.#following !== server) this.#logger.info("following a server", { server, logId: throughLogId });
    this.#following = server;
  }

  #lost(reason: string): void {
    if (this.#following !== null) this.#logger.warn("following no server", { reason });
    this.#following = null;
  }

  /** Reads all services, piece by piece; what changes meanwhile is heard behind the first piece's log id. */
  async #load(server: NodeId): Promise<LogId> {
    const services = new Map<string, Service>();
    let from: LogId | undefined;
    for (let name: string | undefined = ""; name !== undefined; ) {
      const minLogId = Math.max(this.#throughLogId, this.#newestLogId);
      const call: ServicesCall = { consistency: "local", minLogId, after: name };
      const reply: ServicesReply = await this.#servers.call(server, CLIENT_CALL.services, call, CLIENT_ATTEMPT_MS);
      from ??= reply.logId;
      this.#newestLogId = Math.max(this.#newestLogId, reply.logId);
      for (const service of reply.services) services.set(service.name, service);
      name = reply.more ? reply.services.at(-1)?.name : undefined;
    }
    const loadedLogId = from!;
    this.#after = loadedLogId;
    this.#cache.reset(loadedLogId);
    if (this.#registry.isLoaded) {
      // Whoever hears that this node asks for what comes behind this takes it that nothing older is answered here.
      this.#registry.load(services.values());
      this.#throughLogId = loadedLogId;
    } else this.#loading = services;
    return loadedLogId;
  }

  /** Reads services that have changed. Each is as of its change or newer, which a later change makes good. */
  async #renew(server: NodeId, changed: readonly (readonly [name: string, logId: LogId])[]): Promise<void> {
    const loading = this.#loading;
    for (let at = 0; at < changed.length; at += SERVICES_AT_ONCE) {
      await Promise.all(
        changed.slice(at, at + SERVICES_AT_ONCE).map(async ([name, changedAt]) => {
          const minLogId = Math.max(changedAt, this.#newestLogId);
          const call: ServiceCall = { consistency: "local", minLogId, name };
          const reply = await this.#servers.call<ServiceCall, ServiceReply>(
            server,
            CLIENT_CALL.service,
            call,
            CLIENT_ATTEMPT_MS,
          );
          this.#newestLogId = Math.max(this.#newestLogId, reply.logId);
          if (loading === null) this.#registry.set(name, reply.service);
          else if (reply.service === null) loading.delete(name);
          else loading.set(name, reply.service);
        }),
      );
    }
  }
}
