import {
  Discovery,
  Formation,
  type HostNetwork,
  IdentityFile,
  OtherClusters,
  PeerDirectory,
  Self,
} from "@dister/server";
import {
  type Clock,
  DisterError,
  isDisterError,
  NO_LOGGER,
  type NodeId,
  type PeerRpc,
  type Ports,
} from "@dister/types";
import { type CrashChoice, type ManualClock, MemoryFileSystem, type MemoryNetwork } from "@dister/types/testing";
import type { Dice } from "../world/dice.ts";
import { livingFiles } from "../world/living-files.ts";

/** Addresses only: nobody is looked up, and nothing is scanned. */
const NO_NETWORK: HostNetwork = { lookup: () => Promise.reject(new Error("no names here")), interfaces: () => [] };

/** What all nodes of a run share. */
export interface FoundingParts {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly dice: Dice;
  /** Tells a node that another one has said hello to it, as a connection does. */
  readonly saidHello: (from: FoundingNode, to: NodeId) => void;
  /** Does the cluster take nodes in: has it a leader? */
  readonly takesIn: (cluster: string) => boolean;
}

/** One machine: its disk stays, its process comes and goes. What runs in it is the real code of founding and joining. */
export class FoundingNode {
  readonly number: number;
  readonly files = new MemoryFileSystem();
  readonly #parts: FoundingParts;
  readonly #options: { readonly minNode: number; readonly peers: readonly number[] };
  #life: Life | null = null;

  constructor(number: number, parts: FoundingParts, options: { minNode: number; peers: readonly number[] }) {
    this.number = number;
    this.#parts = parts;
    this.#options = options;
  }

  get life(): Life | null {
    return this.#life;
  }

  /** Starts the process. A disk that is halted ends it at once, and until the power failed. */
  start(): void {
    try {
      this.#life = new Life(this, this.#parts, this.#options);
    } catch (error) {
      if (!isDisterError(error, "DISTER_ERR_DISK")) throw error;
    }
  }

  /** Ends the process and the power of the machine. */
  kill(choice: CrashChoice): void {
    this.#life?.end();
    this.#life = null;
    this.files.crash(choice);
  }
}

/** One process of a node, from its start to its end. */
export class Life {
  readonly identity: IdentityFile;
  readonly #self: Self;
  readonly #directory: PeerDirectory;
  readonly #formation: Formation;
  readonly #discovery: Discovery;
  readonly #leave: () => void;
  #alive = true;

  constructor(
    node: FoundingNode,
    parts: FoundingParts,
    { minNode, peers }: { minNode: number; peers: readonly number[] },
  ) {
    const { dice: rng, network } = parts;
    const clock = livingClock(parts.clock, () => this.#alive);
    const fileSystem = livingFiles(node.files, () => this.#alive);
    this.identity = IdentityFile.open({ fileSystem, rng, folder: "/dister.db", group: "g" });
    const ports = portsOf(node.number);
    this.#self = new Self({
      ...{ identity: this.identity, name: `n${node.number}`, ip: "10.0.0.1" },
      ...{ role: 0, version: "0", stateVersion: 1, ports, rng },
    });
    const peer = network.join(() => this.#self.info());
    this.#leave = () => peer.vanish();
    const rpc: PeerRpc = {
      serve: (method, handler) => peer.serve(method, handler),
      call: (to, method, body, options) => peer.call(to, method, body, options),
      ports: () => peer.ports(),
      hello: async (address) => {
        const info = await peer.hello(address);
        parts.saidHello(node, info.id);
        return info;
      },
    };
    const others = new OtherClusters({ self: this.#self, clock, logger: NO_LOGGER });
    this.#directory = new PeerDirectory({ self: this.#self.id, transport: peer, others, clock });
    const shared = { self: this.#self, directory: this.#directory, rpc, clock, logger: NO_LOGGER };
    const addresses = peers.map((number) => ({ host: "10.0.0.1", raftPort: portsOf(number).raft }));
    this.#discovery = new Discovery({ ...shared, network: NO_NETWORK }, { peers: addresses, scan: false });
    this.#formation = new Formation(
      { ...shared, identity: this.identity, discovery: this.#discovery, rng },
      { minNode, formed: () => {} },
    );
    rpc.serve("cluster.join", async () => {
      if (!parts.takesIn(this.identity.current.clusterId)) throw new DisterError("DISTER_ERR_NO_LEADER");
      return new TextEncoder().encode("null");
    });
    this.#discovery.start();
    this.#formation.start();
  }

  get self(): Self {
    return this.#self;
  }

  get waitingFor(): string {
    return this.#formation.waitingFor;
  }

  heard(from: Life): void {
    this.#directory.heard(from.#self.info());
  }

  end(): void {
    this.#alive = false;
    this.#formation.stop();
    this.#discovery.stop();
    this.#leave();
  }
}

function portsOf(number: number): Ports {
  return { raft: 1_000 + number, repl: 2_000 + number, api: 3_000 + number };
}

/** What a process that has ended still awaits must come to nothing: no timer of it fires. */
function livingClock(clock: Clock, isAlive: () => boolean): Clock {
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    setTimer: (delayMs, fire) =>
      clock.setTimer(delayMs, () => {
        if (isAlive()) fire();
      }),
  };
}
