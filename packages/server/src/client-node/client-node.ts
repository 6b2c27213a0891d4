import { type Clock, hexIdOf, type NodeInfo, type Rng, type Sighting, type Timer } from "@dister/types";
import type { ApiNode, Latencies, Members, Reads, Writes } from "../api-node.ts";
import { AskedLatencies, LATENCIES_ASK_MS, LATENCIES_METHOD } from "../balance/asked-latencies.ts";
import { Discovery } from "../cluster/discovery.ts";
import { JsonRpc } from "../cluster/json-rpc.ts";
import type { HelloAddress } from "../cluster/peer-address.ts";
import { PeerDirectory } from "../cluster/peer-directory.ts";
import { Api, type ApiOptions } from "../http/api.ts";
import { Metrics } from "../metrics/metrics.ts";
import { MeasuredRpc } from "../operating/measured-rpc.ts";
import type { NodeComponents } from "../served-node.ts";
import { ChangeFollower } from "./change-follower.ts";
import { ClientMetrics } from "./client-metrics.ts";
import { ClientMembers, ClientOperations } from "./client-operations.ts";
import { ClientReads } from "./client-reads.ts";
import { ClientWrites } from "./client-writes.ts";
import { KeyCache } from "./key-cache.ts";
import { Registry } from "./registry.ts";
import { Servers } from "./servers.ts";

/** The concrete parts of a client node, handed in by whoever composes it. They stay open when the node has stopped. */
export type ClientComponents = Omit<NodeComponents, "log" | "state">;

export interface ClientNodeOptions {
  /** Addresses of servers to say hello to; one that answers tells of the others. */
  readonly peers: readonly HelloAddress[];
  /** May the local network be looked at for servers; default: no. */
  readonly scan?: boolean;
  readonly api: ApiOptions;
  /** Memory of the cache of keys, in bytes, about; 0: no cache. */
  readonly cacheBytes: number;
  /** How long a request is held while no server answers it; default 4,000 ms. */
  readonly holdMs?: number;
}

/** Between two questions to the known servers whom else they know; sooner while none is, or a new one was found. */
const REFRESH_MS = 2_000;
const SEARCH_MS = 100;

/**
 * A node that stores nothing and is no member: it finds the servers of the cluster, and serves the same API on its own
 * machine by asking them. What it keeps in memory, keys and services, follows their changes.
 */
export class ClientNode implements ApiNode {
  readonly directory: PeerDirectory;
  readonly discovery: Discovery;
  readonly reads: Reads;
  readonly latencies: Latencies;
  readonly writes: Writes;
  readonly members: Members;
  readonly operations: ClientOperations;
  readonly metrics: Metrics;
  readonly rng: Rng;
  readonly clock: Clock;
  readonly #servers: Servers;
  readonly #follower: ChangeFollower;
  readonly #api: Api;
  #timer: Timer | null = null;
  #stopping = false;

  constructor(components: ClientComponents, options: ClientNodeOptions) {
    const { self, clock, network, rng, logger, transport } = components;
    this.rng = rng;
    this.clock = clock;
    const cache = new KeyCache(options.cacheBytes);
    const registry = new Registry();
    this.metrics = new Metrics({
      status: () => null,
      notReady: () => this.notReady,
      keyCount: () => cache.size,
      peersUp: () => this.#servers.connected.length,
      host: components.host,
      services: () => registry.all(),
      checks: () => null,
      latenciesMs: () => [],
    });
    const rpc = new MeasuredRpc(components.rpc, (method, outcome) => this.metrics.call(method, outcome));
    // It belongs to no cluster itself: which one it serves is decided from all that it finds.
    this.directory = new PeerDirectory({ self: self.id, transport, others: { take: () => false }, clock });
    const { directory } = this;
    this.discovery = new Discovery(
      { self, directory, rpc, network, clock, logger },
      { peers: options.peers, scan: options.scan ?? false, hasCluster: () => this.#servers.cluster !== "" },
    );
    this.#servers = new Servers({ directory, rpc, clock, logger }, { holdMs: options.holdMs ?? 4_000 });
    const servers = this.#servers;
    this.#follower = new ChangeFollower({ servers, cache, registry, clock, logger });
    const follower = this.#follower;
    this.operations = new ClientOperations({
      ...{ self, servers, follower, cache, registry },
      isStopping: () => this.#stopping,
    });
    const tally = new ClientMetrics(this.metrics.registry, {
      cacheBytes: () => cache.bytes,
      cacheKeys: () => cache.size,
      servers: () => servers.connected.length,
      ageSeconds: () => (follower.ageMs ?? 0) / 1_000,
    });
    const reads = new ClientReads({ servers, follower, cache, registry, tally });
    const session = `${self.id}.${hexIdOf(rng.bytes(8))}`;
    this.reads = reads;
    this.latencies = new AskedLatencies(clock, async (call) => {
      const [server] = servers.ranked(call.name);
      if (server === undefined) throw servers.none();
      return servers.call(server, LATENCIES_METHOD, call, LATENCIES_ASK_MS);
    });
    this.writes = new ClientWrites({ servers, follower, reads, clock, session });
    this.members = new ClientMembers(servers);
    this.#api = new Api(this, options.api, logger);
    new JsonRpc(rpc).serve<null, NodeInfo>("node.info", () => self.info());
  }

  /**
   * Starts: listens, and looks for servers.
   * @returns the address of the API, for example `http://127.0.0.1:4168`.
   */
  async start(): Promise<string> {
    const url = await this.#api.listen();
    this.discovery.start();
    this.#refresh();
    this.#follower.start();
    return url;
  }

  /** Why the node does not serve, undefined when it does. */
  get notReady(): string | undefined {
    return this.operations.health().reason ?? undefined;
  }

  /** A node of the group was heard; the transport's owner tells it. */
  heard(info: NodeInfo, sighting?: Sighting): void {
    this.directory.heard(info, sighting);
  }

  /** Stops gracefully: requests that are under way are answered, then nothing more is taken. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#api.close();
    this.#servers.stop();
    this.#timer?.cancel();
    this.discovery.stop();
    this.metrics.stop();
  }

  /** A server may have come to a cluster, or another one to the cluster, since it was heard. */
  #refresh(): void {
    const known = this.directory.all().length;
    void this.discovery.refresh().finally(() => {
      if (this.#stopping) return;
      const isSettled = this.#servers.connected.length > 0 && this.directory.all().length === known;
      const restMs = isSettled ? REFRESH_MS : SEARCH_MS;
      this.#timer = this.clock.setTimer(restMs, () => this.#refresh());
    });
  }
}
