import { isIP } from "node:net";
import { type Clock, LIMITS, type Logger } from "@dister/types";
import type { HostNetwork } from "./host-network.ts";
import type { HelloAddress } from "./peer-address.ts";

/** Between two lookups of a name: the first wait, also after its addresses have changed, and the longest. */
const LOOKUP_MS_MIN = 1_000;
const LOOKUP_MS_MAX = 30_000;

interface Peer {
  readonly configured: HelloAddress;
  /** Its addresses as they were last found; an address has itself. */
  hosts: readonly string[];
  isName: boolean;
  nextMs: number;
  waitMs: number;
  underWay: boolean;
  /** The first lookup has ended, however. */
  lookedUp: boolean;
  /** It was said that nothing is found. */
  told: boolean;
}

/**
 * The addresses of the configured peers. A name is looked up again and again, ever less often while nothing changes, so
 * that a change in the DNS is followed; what was found last stays while nothing is found.
 */
export class PeerNames {
  readonly #peers: Peer[];
  readonly #network: Pick<HostNetwork, "lookup">;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(
    parts: { network: Pick<HostNetwork, "lookup">; clock: Clock; logger: Logger },
    configured: readonly HelloAddress[],
  ) {
    this.#network = parts.network;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#peers = configured.map((peer) => {
      const isName = isIP(peer.host) === 0;
      const hosts = isName ? [] : [peer.host];
      const times = { nextMs: 0, waitMs: LOOKUP_MS_MIN, underWay: false };
      return { configured: peer, hosts, isName, ...times, lookedUp: !isName, told: false };
    });
  }

  /** Has every name been looked up once? */
  get lookedUp(): boolean {
    return this.#peers.every((peer) => peer.lookedUp);
  }

  /** Every address, each once. */
  addresses(): HelloAddress[] {
    const all = new Map<string, HelloAddress>();
    for (const { hosts, configured } of this.#peers) {
      for (const host of hosts) all.set(`${host} ${configured.raftPort}`, { host, raftPort: configured.raftPort });
    }
    return [...all.values()];
  }

  /** Begins the lookups that are due. `isSettled` tells where nothing new is to be found. */
  look(isSettled: (address: HelloAddress) => boolean): void {
    const nowMs = this.#clock.nowMs();
    for (const peer of this.#peers) {
      if (!peer.isName || peer.underWay || peer.nextMs > nowMs) continue;
      const { raftPort } = peer.configured;
      if (peer.hosts.length > 0 && peer.hosts.every((host) => isSettled({ host, raftPort }))) continue;
      void this.#lookup(peer);
    }
  }

  async #lookup(peer: Peer): Promise<void> {
    peer.underWay = true;
    const { host } = peer.configured;
    try {
      const found = [...new Set(await this.#network.lookup(host))].slice(0, LIMITS.membersMax).sort();
      if (found.length === 0) throw new Error("no address");
      const isChanged = found.join(" ") !== peer.hosts.join(" ");
      peer.waitMs = isChanged ? LOOKUP_MS_MIN : Math.min(2 * peer.waitMs, LOOKUP_MS_MAX);
      peer.hosts = found;
      peer.told = false;
    } catch (error) {
      peer.waitMs = Math.min(2 * peer.waitMs, LOOKUP_MS_MAX);
      const fields = { name: host, reason: (error as Error).message };
      if (!peer.told) this.#logger.warn("a name of Peers has no address and is looked up again and again", fields);
      peer.told = true;
    } finally {
      peer.underWay = false;
      peer.lookedUp = true;
      peer.nextMs = this.#clock.nowMs() + peer.waitMs;
    }
  }
}
