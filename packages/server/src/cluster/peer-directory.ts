import { type NodeId, type NodeInfo, type PeerAddress, ROLE, type Transport } from "@dister/types";
import type { OtherClusters } from "./other-clusters.ts";

/** A node that was heard. */
export interface KnownPeer {
  readonly info: NodeInfo;
  readonly address: PeerAddress;
}

/** Address under which a node can be reached, as it says itself or as it was seen. */
export function addressOf(info: NodeInfo): PeerAddress {
  return { host: info.ip, ports: info.ports };
}

/** Every node of the group that this one has heard of, whether it is a member of its cluster or not. */
export class PeerDirectory {
  readonly #self: NodeId;
  readonly #others: Pick<OtherClusters, "take">;
  readonly #transport: Transport;
  readonly #known = new Map<NodeId, KnownPeer>();

  constructor(parts: { self: NodeId; transport: Transport; others: Pick<OtherClusters, "take"> }) {
    this.#self = parts.self;
    this.#others = parts.others;
    this.#transport = parts.transport;
  }

  /** A node said who it is; `info.ip` is where it was seen. */
  heard(info: NodeInfo): void {
    if (this.#others.take(info)) return this.forget(info.id);
    if (info.id === this.#self || info.ip === "") return;
    // A connection that works is not moved: a node with several addresses is seen at one and reached at another.
    const working = this.#transport.isUp(info.id) ? this.#known.get(info.id)?.address : undefined;
    const address = working ?? addressOf(info);
    this.#known.set(info.id, { info, address });
    // A connection per known node: calls go over it before anybody is a member.
    this.#transport.setPeer(info.id, address);
  }

  isUp(id: NodeId): boolean {
    return this.#transport.isUp(id);
  }

  get(id: NodeId): KnownPeer | undefined {
    return this.#known.get(id);
  }

  all(): KnownPeer[] {
    return [...this.#known.values()];
  }

  forget(id: NodeId): void {
    this.#known.delete(id);
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
}
