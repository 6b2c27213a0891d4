import { decodeCommand } from "@dister/store";
import {
  type Clock,
  type Logger,
  NO_LOGGER,
  type NodeId,
  type PeerRpc,
  type ReplyMarks,
  type Rng,
  ROLE,
  type Role,
} from "@dister/types";
import { systemRng } from "@dister/types/system";
import {
  MemoryFileSystem,
  MemoryLogStore,
  MemoryNetwork,
  type MemoryPeer,
  MemoryStateMachine,
  SeededRng,
} from "@dister/types/testing";
import {
  type CleanupPolicy,
  ClientNode,
  ClusterNode,
  type HostFigures,
  type HostNetwork,
  IdentityFile,
  type NodeOptions,
  Self,
} from "../src/index.ts";
import { SteadyClock } from "./steady-clock.ts";

/** A machine without interfaces, where no name has an address. */
export const NO_NETWORK: HostNetwork = {
  lookup: (name) => Promise.reject(new Error(`nobody knows ${name}`)),
  interfaces: () => [],
};

const DISK = { folder: "/dister.db", logBytes: 8_192, stateBytes: 4_096, freeBytes: 1_000_000, totalBytes: 2_000_000 };
const HOST: HostFigures = { disk: () => Promise.resolve(DISK), connections: () => 4 };

/** What a node keeps over a restart. */
interface Disk {
  readonly fileSystem: MemoryFileSystem;
  readonly log: MemoryLogStore;
  readonly state: MemoryStateMachine;
}

/** A whole node over parts in memory, with its real HTTP API on a free port of loopback. */
export interface TestNode {
  readonly number: number;
  readonly id: NodeId;
  readonly node: ClusterNode;
  readonly url: string;
  readonly fatal: unknown[];
  /** State as this node has applied it. */
  readonly state: MemoryStateMachine;
  /** Its data folder. */
  readonly fileSystem: MemoryFileSystem;
  /** Vanishes without a word; its disk stays. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** A client node, with its real HTTP API on a free port of loopback. */
export interface TestClient {
  readonly id: NodeId;
  readonly node: ClientNode;
  readonly url: string;
  /** Its data folder. */
  readonly fileSystem: MemoryFileSystem;
  stop(): Promise<void>;
}

/** What a cluster in memory may be given in place of its own. */
export interface MemoryClusterParts {
  readonly clock: Clock;
  readonly loggerOf: (name: string) => Logger;
}

const usualLogger = (name: string): Logger => (process.env["SHOW_LOG"] ? showLog(name) : NO_LOGGER);

/** Nodes that share a network in memory. The time is real unless a clock is given: HTTP is real as well. */
export class MemoryCluster {
  readonly network: MemoryNetwork;
  readonly #clock: Clock;
  readonly #loggerOf: (name: string) => Logger;
  readonly #disks = new Map<number, Disk>();
  #wiped = 0;
  readonly nodes = new Map<number, TestNode>();
  readonly #clients = new Set<TestClient>();

  constructor({ clock = new SteadyClock(), loggerOf = usualLogger }: Partial<MemoryClusterParts> = {}) {
    this.#clock = clock;
    this.#loggerOf = loggerOf;
    this.network = new MemoryNetwork({ clock, rng: new SeededRng(7) }, { reconnectMs: 10 });
  }

  #disk(number: number): Disk {
    const known = this.#disks.get(number);
    if (known !== undefined) return known;
    const disk = {
      fileSystem: new MemoryFileSystem(),
      log: new MemoryLogStore(),
      state: new MemoryStateMachine(decodeCommand),
    };
    this.#disks.set(number, disk);
    return disk;
  }

  /** Ids in the order of the numbers, so that node 1 proposes; a wiped node gets another. */
  #idsOf(number: number): Rng {
    return { next: () => 0, bytes: () => Uint8Array.of(0, number, 0, 0, 0, 0, 0, this.#wiped) };
  }

  /** Empties a node's data folder, which must not be in use. */
  wipe(number: number): void {
    this.#disks.delete(number);
    this.#wiped++;
  }

  async start(
    number: number,
    options: {
      minNode: number;
      peers?: readonly number[];
      role?: Role;
      group?: string;
      holdMs?: number;
      stateVersion?: number;
      cleanup?: CleanupPolicy;
      checks?: NodeOptions["checks"];
    },
  ): Promise<TestNode> {
    const { fileSystem, log, state } = this.#disk(number);
    const { group = "test", role = 0, minNode, peers = [] } = options;
    const identity = IdentityFile.open({ fileSystem, rng: this.#idsOf(number), folder: "/dister.db", group });
    const ports = { raft: 10_000 + number, repl: 20_000 + number, api: 0 };
    const name = `node${number}`;
    const { stateVersion = 1 } = options;
    const address = { name, ip: "127.0.0.1", ports };
    const self = new Self({ identity, ...address, role, version: "0.0.0", stateVersion, rng: systemRng });
    const peer = this.network.join(() => self.info());
    const rpc = this.#tellingWhoCalled(peer, self);
    const fatal: unknown[] = [];
    const nodeOptions: NodeOptions = {
      minNode,
      peers: peers.map((one) => ({ host: "127.0.0.1", raftPort: 10_000 + one })),
      api: { host: "127.0.0.1", port: 0, hosts: ["api.test"], origins: ["http://console.test"] },
      raft: { heartbeatMs: 30, electionTimeoutMs: 220, compareMs: 15 },
      gateway: { holdMs: options.holdMs ?? 2_000 },
      checks: { dampingMs: 0, ...options.checks },
      ...(options.cleanup === undefined ? {} : { cleanup: options.cleanup }),
      ...(options.checks === undefined ? {} : { checks: options.checks }),
      onFatal: (error) => fatal.push(error),
    };
    const node = new ClusterNode(
      {
        identity,
        self,
        log,
        state,
        transport: peer,
        rpc,
        network: NO_NETWORK,
        clock: this.#clock,
        rng: systemRng,
        logger: this.#loggerOf(name),
        host: { ...HOST },
      },
      nodeOptions,
    );
    const url = await node.start();
    const end = async (): Promise<void> => {
      this.nodes.delete(number);
      await node.stop(0);
    };
    const started: TestNode = {
      number,
      id: self.id,
      node,
      url,
      fatal,
      state,
      fileSystem,
      kill: async () => {
        peer.vanish();
        await end();
        log.crash();
      },
      stop: async () => {
        this.nodes.delete(number);
        await node.stop();
        await peer.close();
      },
    };
    this.nodes.set(number, started);
    return started;
  }

  /** A client node, which finds the servers by the addresses of some. */
  async startClient(
    number: number,
    options: { peers: readonly number[]; group?: string; cacheBytes?: number; holdMs?: number },
  ): Promise<TestClient> {
    const { fileSystem } = this.#disk(number);
    const group = options.group ?? "test";
    const identity = IdentityFile.open({ fileSystem, rng: this.#idsOf(number), folder: "/dister.db", group });
    const ports = { raft: 10_000 + number, repl: 20_000 + number, api: 0 };
    const name = `client${number}`;
    const address = { name, ip: "127.0.0.1", ports };
    const software = { version: "0.0.0", stateVersion: 1, rng: systemRng };
    const self = new Self({ identity, ...address, ...software, role: ROLE.client });
    const peer = this.network.join(() => self.info());
    const rpc = this.#tellingWhoCalled(peer, self);
    const logger = this.#loggerOf(name);
    const node = new ClientNode(
      {
        identity,
        self,
        transport: peer,
        rpc,
        network: NO_NETWORK,
        clock: this.#clock,
        rng: systemRng,
        logger,
        host: HOST,
      },
      {
        peers: options.peers.map((one) => ({ host: "127.0.0.1", raftPort: 10_000 + one })),
        api: { host: "127.0.0.1", port: 0, hosts: ["api.test"], origins: ["http://console.test"] },
        cacheBytes: options.cacheBytes ?? 1024 * 1024,
        holdMs: options.holdMs ?? 2_000,
      },
    );
    const client: TestClient = {
      id: self.id,
      node,
      url: await node.start(),
      fileSystem,
      stop: async () => {
        this.#clients.delete(client);
        await node.stop();
        await peer.close();
      },
    };
    this.#clients.add(client);
    return client;
  }

  /** As over TCP, whoever gets a hello has heard of the one that says it. */
  #tellingWhoCalled(peer: MemoryPeer, self: Self): PeerRpc {
    return {
      serve: (method, handler) => peer.serve(method, handler),
      call: (to, method, body, options) => peer.call(to, method, body, options),
      ports: () => peer.ports(),
      hello: async (address) => {
        const info = await peer.hello(address);
        const called = [...this.nodes.values()].find(({ id }) => id === info.id);
        called?.node.heard(self.info());
        return info;
      },
    };
  }

  /**
   * `count` nodes that know each other's addresses and found a cluster together.
   * @param checksOf - how the node of a number checks.
   */
  async found(count: number, checksOf: (number: number) => NodeOptions["checks"] = () => ({})): Promise<TestNode[]> {
    const peers = Array.from({ length: count }, (_, i) => i + 1);
    const nodes = await Promise.all(
      peers.map((number) => this.start(number, { minNode: count, peers, checks: checksOf(number) ?? {} })),
    );
    await Promise.all(nodes.map(({ node }) => until(() => node.notReady === undefined)));
    return nodes;
  }

  get leader(): TestNode | undefined {
    return [...this.nodes.values()].find(({ node }) => node.status?.role === "leader");
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.stop()));
    await Promise.all([...this.nodes.values()].map((node) => node.kill()));
  }
}

/** Waits until a condition holds; fails after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what = "the condition"): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what} did not come true within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Reply<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly result: number;
    readonly message: string;
    readonly data: T;
    readonly code?: string;
  } & ReplyMarks;
}

/** One request to a node's API. */
export async function request<T = unknown>(
  node: { readonly url: string },
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply<T>> {
  const init: RequestInit = { method, headers: { ...headers } };
  if (body !== undefined) {
    init.body = typeof body === "string" ? body : JSON.stringify(body);
    init.headers = { "content-type": "application/json", ...headers };
  }
  const response = await fetch(`${node.url}${path}`, init);
  const text = await response.text();
  return {
    status: response.status,
    body: (text === "" ? null : JSON.parse(text)) as Reply<T>["body"],
    headers: response.headers,
  };
}

function showLog(name: string): Logger {
  const line = (message: string, fields?: object): void => console.log(name, message, fields ?? "");
  return { debug: line, info: line, warn: line, error: line, child: () => showLog(name) };
}
