import type { Clock, Logger, NodeInfo, PeerRpc, Timer } from "@dister/types";
import { HelloRound } from "./hello-round.ts";
import type { HostNetwork } from "./host-network.ts";
import { JsonRpc } from "./json-rpc.ts";
import { LanScan } from "./lan-scan.ts";
import type { HelloAddress } from "./peer-address.ts";
import type { KnownPeer, PeerDirectory } from "./peer-directory.ts";
import { PeerNames } from "./peer-names.ts";
import type { Self } from "./self.ts";

/** Between two looks at what is due, in milliseconds: while the node belongs to no cluster, and afterwards. */
const LOOK_MS = 100;
const LOOK_MS_FORMED = 250;
const CALL_MS = 1_000;

/** What finding the others works with. */
export interface DiscoveryParts {
  readonly self: Self;
  readonly directory: PeerDirectory;
  readonly rpc: PeerRpc;
  readonly network: HostNetwork;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Finds the other nodes of the group: says hello to the configured addresses, looks at the local network when it is told
 * to, and asks whoever is known whom else it knows. When the node belongs to a cluster it goes on only with configured
 * addresses that are not connected, and with the further addresses of members.
 */
export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #json: JsonRpc;
  readonly #names: PeerNames;
  readonly #hellos: HelloRound;
  readonly #scan: LanScan | null;
  readonly #hasCluster: () => boolean;
  #timer: Timer | null = null;
  #stopped = false;

  /**
   * @param options - `peers` are the configured addresses; `scan` allows to look at the local network; `hasCluster` tells
   *   when the search is over, which is when the node belongs to a cluster unless set.
   */
  constructor(
    parts: DiscoveryParts,
    options: { peers: readonly HelloAddress[]; scan: boolean; hasCluster?: () => boolean },
  ) {
    this.#parts = parts;
    this.#hasCluster = options.hasCluster ?? (() => parts.self.cluster !== "");
    const { directory, rpc, clock } = parts;
    this.#json = new JsonRpc(rpc);
    this.#names = new PeerNames(parts, options.peers);
    const hello = (address: HelloAddress): Promise<NodeInfo> => this.hello(address);
    this.#hellos = new HelloRound({ clock, hello, isUp: (id) => directory.isUp(id) });
    this.#scan = options.scan ? this.#makeScan() : null;
    this.#json.serve<null, NodeInfo[]>("peers", (from) => this.#peersFor(from));
  }

  start(): void {
    if (!this.#hasCluster()) this.#scan?.start();
    this.#timer = this.#parts.clock.setTimer(0, () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#scan?.stop();
    this.#timer?.cancel();
  }

  /** Has everything been tried once that may lead to another node? */
  get searchedOnce(): boolean {
    return this.#names.lookedUp && this.#hellos.isTried && (this.#scan?.finishedOnce ?? true);
  }

  /** Says hello to an address now; the node there takes part from then on. */
  async hello(address: HelloAddress, options?: { timeoutMs: number }): Promise<NodeInfo> {
    const info = await this.#parts.rpc.hello(address, options);
    this.#parts.directory.heardOf(info);
    return info;
  }

  /** Asks every known node what it is now, and whom else it knows. */
  async refresh(): Promise<void> {
    const { directory } = this.#parts;
    const ask = async ({ info, address }: KnownPeer): Promise<void> => {
      const told = await this.#json.call<null, NodeInfo[]>(info.id, "peers", null, CALL_MS);
      for (const other of told) {
        if (other.id === info.id) directory.heard(other, { host: address.host, named: other.ip !== "" });
        else directory.heardOf(other);
      }
    };
    await Promise.allSettled(directory.all().map(ask));
  }

  #peersFor(from: NodeInfo): NodeInfo[] {
    const { directory, self } = this.#parts;
    directory.heardOf(from); // Whoever asks is there as well.
    const known = directory.all().map(({ info, address }) => ({ ...info, ip: address.host }));
    return [self.info(), ...known];
  }

  #look(): void {
    if (this.#stopped) return;
    const isFormed = this.#hasCluster();
    if (isFormed) this.#scan?.stop();
    this.#names.look((address) => isFormed && this.#hellos.isSettled(address));
    this.#hellos.setAddresses(this.#names.addresses());
    this.#hellos.look();
    this.#parts.directory.look();
    this.#timer = this.#parts.clock.setTimer(isFormed ? LOOK_MS_FORMED : LOOK_MS, () => this.#look());
  }

  #makeScan(): LanScan {
    const { network, clock, logger, self, directory } = this.#parts;
    const raftPort = self.info().ports.raft;
    return new LanScan({
      network,
      clock,
      logger,
      hello: (host, timeoutMs) => this.hello({ host, raftPort }, { timeoutMs }),
      isConnected: (host) =>
        directory.all().some(({ info, address }) => {
          return address.host === host && address.ports.raft === raftPort && directory.isUp(info.id);
        }),
    });
  }
}
