import {
  type Clock,
  type Member,
  type NodeId,
  type NodeInfo,
  type PeerAddress,
  type Ports,
  ROLE,
  type Sighting,
  type Transport,
} from "@dister/types";
import type { OtherClusters } from "./other-clusters.ts";
import { addressOf } from "./peer-address.ts";
import { PeerRoute } from "./peer-route.ts";

/** A node that is no member is forgotten when it was not connected for this long: wiped nodes come back under other ids. */
const FORGET_MS = 600_000;

/** A node that was heard. */
export interface KnownPeer {
  /** What it said last; its `ip` is the address that it names or, where it names none, the one in use. */
  readonly info: NodeInfo;
  /** Where it is connected, or tried just now. */
  readonly address: PeerAddress;
  /** The address that it names itself (`Ip`), empty when it names none. */
  readonly named: string;
}

interface Entry {
  /** Null for a member that was not heard yet. */
  info: NodeInfo | null;
  named: string;
  /** Where it listens, as it said last. */
  ports: Ports;
  readonly route: PeerRoute;
  isMember: boolean;
  /** When it was connected, or said or told of, last. */
  heardMs: number;
  /** What the transport was told: where the connection is, or is tried. */
  address: PeerAddress;
}

/**
 * Every node of the group that this one has heard of, whether it is a member of its cluster or not. What makes it the same
 * node is its id; it may have several addresses, and others tomorrow. Of these the one that worked last is used, and a
 * connection that works is never moved: a node with several addresses is seen at one and reached at another.
 */
export class PeerDirectory {
  readonly #self: NodeId;
  readonly #others: Pick<OtherClusters, "take">;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #entries = new Map<NodeId, Entry>();

  constructor(parts: { self: NodeId; transport: Transport; others: Pick<OtherClusters, "take">; clock: Clock }) {
    this.#self = parts.self;
    this.#others = parts.others;
    this.#transport = parts.transport;
    this.#clock = parts.clock;
  }

  /**
   * A node said who it is. Its `ip` is the address that it names or, where it names none, the one where it was met.
   * @param sighting - where it was met; without one, its `ip` is an address that it names.
   */
  heard(info: NodeInfo, sighting: Sighting = { host: info.ip, named: info.ip !== "" }): void {
    if (info.id === this.#self || isClient(info)) return;
    const named = sighting.named ? info.ip : "";
    const best = named === "" ? sighting.host : named;
    if (this.#others.take({ ...info, ip: best })) return this.forget(info.id);
    if (best === "") return;
    const entry = this.#entry(info.id, { host: best, ports: info.ports });
    entry.info = { ...info, ip: best };
    entry.named = named;
    // Where it listens now is known best by itself.
    entry.ports = info.ports;
    entry.route.prefer(best, { isUp: this.#transport.isUp(info.id), nowMs: this.#clock.nowMs() });
    if (sighting.host !== "") entry.route.offer(sighting.host);
    this.#connect(info.id, entry);
  }

  /** Another node told of this one. It may be behind: its word gives an address to try, and what was heard stays. */
  heardOf(info: NodeInfo): void {
    if (this.#others.take(info)) return this.forget(info.id);
    if (info.id === this.#self || info.ip === "" || isClient(info)) return;
    const entry = this.#entry(info.id, addressOf(info));
    entry.info ??= info;
    entry.route.offer(info.ip);
    this.#connect(info.id, entry);
  }

  /** The log says where a member is. Where it was heard itself is newer than that. */
  isMember({ id, address }: Member): void {
    if (id === this.#self) return;
    const entry = this.#entry(id, address);
    if (entry.info === null) entry.ports = address.ports;
    entry.isMember = true;
    entry.route.offer(address.host);
    this.#connect(id, entry);
  }

  /** Lets every node that is not connected have its next address tried in its turn, and forgets those that are gone. */
  look(): void {
    const nowMs = this.#clock.nowMs();
    for (const [id, entry] of this.#entries) {
      const isUp = this.#transport.isUp(id);
      if (isUp) entry.heardMs = nowMs;
      if (!entry.isMember && nowMs - entry.heardMs > FORGET_MS) {
        this.forget(id);
        continue;
      }
      entry.route.look({ isUp, nowMs });
      this.#connect(id, entry);
    }
  }

  isUp(id: NodeId): boolean {
    return this.#transport.isUp(id);
  }

  get(id: NodeId): KnownPeer | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined ? undefined : known(entry);
  }

  all(): KnownPeer[] {
    return [...this.#entries.values()].flatMap((entry) => known(entry) ?? []);
  }

  forget(id: NodeId): void {
    this.#entries.delete(id);
    this.#transport.removePeer(id);
  }

  /** Servers that belong to no cluster and are connected now. */
  freeServers(): KnownPeer[] {
    return this.all().filter(
      ({ info }) => info.cluster === "" && info.role === ROLE.server && this.#transport.isUp(info.id),
    );
  }

  /** Connected nodes that belong to a cluster. */
  formed(): KnownPeer[] {
    return this.all().filter(({ info }) => info.cluster !== "" && this.#transport.isUp(info.id));
  }

  #entry(id: NodeId, address: PeerAddress): Entry {
    const { host, ports } = address;
    const nowMs = this.#clock.nowMs();
    const entry = this.#entries.get(id);
    if (entry !== undefined) {
      entry.heardMs = nowMs;
      return entry;
    }
    const route = new PeerRoute(host, nowMs);
    const made = { info: null, named: "", ports, route, isMember: false, heardMs: nowMs, address };
    this.#entries.set(id, made);
    return made;
  }

  /** A connection per known node: calls go over it before anybody is a member. */
  #connect(id: NodeId, entry: Entry): void {
    if (this.#transport.isUp(id)) return;
    entry.address = { host: entry.route.current, ports: entry.ports };
    this.#transport.setPeer(id, entry.address);
  }
}

function known({ info, address, named }: Entry): KnownPeer | undefined {
  if (info === null) return undefined;
  return { info: { ...info, ip: named === "" ? address.host : named }, address, named };
}

/** A client node asks and is never asked: nobody connects to it, or tells others of it. */
function isClient({ role }: NodeInfo): boolean {
  return role === ROLE.client;
}
