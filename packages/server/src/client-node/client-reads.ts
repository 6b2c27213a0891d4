import type { KvRecord, LogId, ReplyMarks, Service } from "@dister/types";
import type { Answer, Consistency, KvPage, KvPageQuery, Reads } from "../api-node.ts";
import {
  CLIENT_CALL,
  type KvCall,
  type KvPageCall,
  type KvPageReply,
  type KvReply,
  type ServiceCall,
  type ServiceReply,
  type ServicesCall,
  type ServicesReply,
} from "../client-desk/calls.ts";
import type { ChangeFollower } from "./change-follower.ts";
import type { KeyCache } from "./key-cache.ts";
import type { Registry } from "./registry.ts";
import type { Servers } from "./servers.ts";

/** How long a local read of services waits for a server before it is answered with what was last known. */
const SERVICES_HOLD_MS = 1_000;
/** A list of services that comes in several pieces is read again when it changed meanwhile. */
const LIST_ATTEMPTS = 5;

/**
 * Reads of a client node. Linearizable ones are a server's, always. A local one may be answered from what this node
 * keeps, if that is as new as everything that it has shown or written before: its readers never see keys go back, nor
 * services, and see their own writes.
 */
export class ClientReads implements Reads {
  readonly #servers: Pick<Servers, "ask" | "holdMs">;
  readonly #follower: Pick<ChangeFollower, "throughLogId" | "following" | "ageMs" | "isFresh">;
  readonly #cache: KeyCache;
  readonly #registry: Registry;
  readonly #tally: { hit(): void; miss(): void };
  /** Newest log ids of what this node has shown or written. */
  #shownKeys: LogId = 0;
  #shownServices: LogId = 0;

  constructor(parts: {
    servers: Pick<Servers, "ask" | "holdMs">;
    follower: Pick<ChangeFollower, "throughLogId" | "following" | "ageMs" | "isFresh">;
    cache: KeyCache;
    registry: Registry;
    tally: { hit(): void; miss(): void };
  }) {
    this.#servers = parts.servers;
    this.#follower = parts.follower;
    this.#cache = parts.cache;
    this.#registry = parts.registry;
    this.#tally = parts.tally;
  }

  /** This node has written these keys: whoever reads them here next sees that or something newer. */
  wroteKeys(keys: Iterable<string>, logId: LogId): void {
    for (const key of keys) this.#cache.changed(key, logId);
    this.#shownKeys = Math.max(this.#shownKeys, logId);
  }

  wroteServices(logId: LogId): void {
    this.#shownServices = Math.max(this.#shownServices, logId);
  }

  async kv(key: string, consistency: Consistency): Promise<Answer<KvRecord | undefined>> {
    if (consistency === "local") {
      const kept = this.#cached(key);
      if (kept !== undefined) return kept;
    }
    const call: KvCall = { key, consistency, minLogId: this.#shownKeys };
    const { record, logId } = await this.#servers.ask<KvCall, KvReply>(key, CLIENT_CALL.kv, call);
    this.#cache.put(key, { record, logId });
    return this.#keysShown({ value: record ?? undefined, logId });
  }

  async kvPage(query: KvPageQuery, consistency: Consistency): Promise<Answer<KvPage>> {
    const call: KvPageCall = { ...query, consistency, minLogId: this.#shownKeys };
    const asked = this.#servers.ask<KvPageCall, KvPageReply>(query.prefix, CLIENT_CALL.kvPage, call);
    const { records, more, logId } = await asked;
    return this.#keysShown({ value: { records, more }, logId });
  }

  async services(consistency: Consistency): Promise<Answer<readonly Service[]>> {
    return this.#fromRegistry(
      consistency,
      () => this.#registry.all(),
      (holdMs) => this.#askServices(consistency, holdMs),
    );
  }

  async service(name: string, consistency: Consistency): Promise<Answer<Service | undefined>> {
    return this.#fromRegistry(
      consistency,
      () => this.#registry.get(name),
      async (holdMs) => {
        const call: ServiceCall = { name, consistency, minLogId: this.#shownServices };
        const asked = this.#servers.ask<ServiceCall, ServiceReply>(name, CLIENT_CALL.service, call, holdMs);
        const { service, logId } = await asked;
        return { value: service ?? undefined, logId };
      },
    );
  }

  onServiceChanged(listener: (name: string, service: Service | null) => void): void {
    this.#registry.onChanged(listener);
  }

  #cached(key: string): Answer<KvRecord | undefined> | undefined {
    const kept = this.#cache.get(key);
    const logId = Math.max(kept?.logId ?? 0, this.#follower.throughLogId);
    if (kept === undefined || logId < this.#shownKeys) {
      this.#tally.miss();
      return undefined;
    }
    this.#tally.hit();
    const marks: ReplyMarks = { cached: true, ageMs: this.#follower.ageMs ?? 0, logid: logId };
    return this.#keysShown({ value: kept.record ?? undefined, logId, marks });
  }

  #keysShown<T>(answer: Answer<T>): Answer<T> {
    this.#shownKeys = Math.max(this.#shownKeys, answer.logId);
    return answer;
  }

  /** The registry where it is new enough, else a server, and where no server answers the registry all the same. */
  async #fromRegistry<T>(
    consistency: Consistency,
    kept: () => T,
    ask: (holdMs: number) => Promise<Answer<T>>,
  ): Promise<Answer<T>> {
    const isUsable = consistency === "local" && this.#registry.isLoaded;
    const { following } = this.#follower;
    if (isUsable && (following === null || this.#isFresh)) return this.#servicesShown(this.#marked(kept()));
    try {
      const answer = await ask(isUsable ? SERVICES_HOLD_MS : this.#servers.holdMs);
      // What was heard while the answer travelled is newer, and whoever waits for this node to know it counts on it.
      const isOld = consistency === "local" && this.#registry.isLoaded && this.#follower.throughLogId > answer.logId;
      return this.#servicesShown(isOld ? this.#marked(kept()) : answer);
    } catch (error) {
      if (!isUsable) throw error;
      return this.#stale(kept());
    }
  }

  /** Whether the registry has everything that this node has shown, and what others take it to have been told. */
  get #isFresh(): boolean {
    return this.#follower.isFresh && this.#follower.throughLogId >= this.#shownServices;
  }

  /** What is kept and as new as a server's answer, unless no server is followed. */
  #marked<T>(value: T): Answer<T> {
    const { throughLogId: logId, following } = this.#follower;
    return following === null ? this.#stale(value) : { value, logId };
  }

  #stale<T>(value: T): Answer<T> {
    const { throughLogId: logId, ageMs } = this.#follower;
    return { value, logId, marks: { stale: true, ageMs: ageMs ?? 0, logid: logId } };
  }

  #servicesShown<T>(answer: Answer<T>): Answer<T> {
    this.#shownServices = Math.max(this.#shownServices, answer.logId);
    return answer;
  }

  async #askServices(consistency: Consistency, holdMs: number): Promise<Answer<readonly Service[]>> {
    for (let attempt = 1; ; attempt++) {
      const services: Service[] = [];
      const logIds = new Set<LogId>();
      let after = "";
      for (;;) {
        const call: ServicesCall = { after, consistency, minLogId: this.#shownServices };
        const asked = this.#servers.ask<ServicesCall, ServicesReply>("services", CLIENT_CALL.services, call, holdMs);
        const piece = await asked;
        services.push(...piece.services);
        logIds.add(piece.logId);
        const last = piece.services.at(-1);
        if (!piece.more || last === undefined) break;
        after = last.name;
      }
      const logId = Math.min(...logIds);
      if (logIds.size === 1 || attempt === LIST_ATTEMPTS) return { value: services, logId };
    }
  }
}
