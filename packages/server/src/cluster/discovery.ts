import { type Clock, DisterError, type NodeId, type NodeInfo, type PeerRpc, type Timer } from "@dister/types";
import { JsonRpc } from "./json-rpc.ts";
import type { HelloAddress } from "./peer-address.ts";
import type { KnownPeer, PeerDirectory } from "./peer-directory.ts";
import type { Self } from "./self.ts";

/** Between two looks at who is there, while the node belongs to no cluster. */
const LOOK_MS = 100;
/** Between two hellos to an address that does not answer, at most. */
const HELLO_MS_MAX = 2_000;
const CALL_MS = 1_000;

interface Hello extends HelloAddress {
  nextMs: number;
  waitMs: number;
  underWay: boolean;
  /** Who answered there last. */
  node: NodeId | null;
}

/**
 * Finds the other nodes of the group: says hello to the configured addresses, and asks whoever is known whom else it
 * knows. Runs on when the node belongs to a cluster, only to say hello to configured addresses that are not connected.
 */
export class Discovery {
  readonly #self: Self;
  readonly #directory: PeerDirectory;
  readonly #rpc: PeerRpc;
  readonly #json: JsonRpc;
  readonly #clock: Clock;
  readonly #hellos: Hello[];
  #timer: Timer | null = null;
  #stopped = false;
  #searchedOnce = false;

  constructor(
    parts: { self: Self; directory: PeerDirectory; rpc: PeerRpc; clock: Clock },
    options: { peers: readonly HelloAddress[] },
  ) {
    this.#self = parts.self;
    this.#directory = parts.directory;
    this.#rpc = parts.rpc;
    this.#json = new JsonRpc(parts.rpc);
    this.#clock = parts.clock;
    this.#hellos = options.peers.map((peer) => ({ ...peer, nextMs: 0, waitMs: LOOK_MS, underWay: false, node: null }));
    this.#json.serve<null, NodeInfo[]>("peers", (from) => this.#peersFor(from));
  }

  start(): void {
    this.#timer = this.#clock.setTimer(0, () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Has every configured address been tried? */
  get searchedOnce(): boolean {
    return this.#searchedOnce;
  }

  /** Says hello to an address now; the node there takes part from then on. */
  async hello(address: HelloAddress): Promise<NodeInfo> {
    const info = await this.#rpc.hello(address);
    this.#directory.heard(info);
    return info;
  }

  /** Asks every known node what it is now, and whom else it knows. */
  async refresh(): Promise<void> {
    const ask = async ({ info, address }: KnownPeer): Promise<void> => {
      const told = await this.#json.call<null, NodeInfo[]>(info.id, "peers", null, CALL_MS);
      for (const other of told) {
        if (other.id === info.id) this.#directory.heard({ ...other, ip: other.ip === "" ? address.host : other.ip });
        else if (this.#directory.get(other.id) === undefined) this.#directory.heard(other);
      }
    };
    await Promise.allSettled(this.#directory.all().map(ask));
  }

  #peersFor(from: NodeInfo): NodeInfo[] {
    this.#directory.heard(from); // Whoever asks is there as well.
    const known = this.#directory.all().map(({ info, address }) => ({ ...info, ip: address.host }));
    return [this.#self.info(), ...known];
  }

  #look(): void {
    if (this.#stopped) return;
    this.#sayHellos();
    const restMs = this.#self.info().cluster === "" ? LOOK_MS : HELLO_MS_MAX;
    this.#timer = this.#clock.setTimer(restMs, () => this.#look());
  }

  #sayHellos(): void {
    const now = this.#clock.nowMs();
    for (const hello of this.#hellos) {
      if (hello.underWay || hello.nextMs > now) continue;
      if (hello.node !== null && this.#directory.isUp(hello.node)) continue; // Nothing new to be heard there.
      hello.underWay = true;
      this.hello(hello)
        .then(
          ({ id }) => {
            hello.node = id;
            hello.waitMs = HELLO_MS_MAX;
          },
          (error: unknown) => {
            hello.waitMs = Math.min(HELLO_MS_MAX, hello.waitMs * 2);
            // Every node may list every node, itself included: the address is then no longer asked.
            if (error instanceof DisterError && String(error.details["reason"]).includes("itself")) {
              hello.waitMs = Number.POSITIVE_INFINITY;
            }
          },
        )
        .finally(() => {
          hello.underWay = false;
          hello.nextMs = this.#clock.nowMs() + hello.waitMs;
          this.#searchedOnce ||= this.#hellos.every((one) => one.nextMs > 0);
        });
    }
    this.#searchedOnce ||= this.#hellos.length === 0;
  }
}
