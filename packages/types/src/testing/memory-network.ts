import type { Clock } from "../contracts/clock.ts";
import type { Rng } from "../contracts/rng.ts";
import type { NodeId } from "../ids.ts";
import type { PeerAddress } from "../membership.ts";
import type { NodeInfo } from "../node-info.ts";
import { type MemoryLane, MemoryPeer, type MemoryWires } from "./memory-peer.ts";

/** How one direction between two nodes behaves. */
export interface LinkBehaviour {
  /** Shortest and longest time that a message takes, in milliseconds; drawn per message, order is kept per port. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Share of messages that are lost, 0 to 1. Pieces of a snapshot are never lost: they travel on one stream. */
  readonly dropRate: number;
  /** Share of Raft messages that arrive twice, 0 to 1. */
  readonly doubleRate: number;
}

const QUIET: LinkBehaviour = Object.freeze({ delayMsMin: 0, delayMsMax: 1, dropRate: 0, doubleRate: 0 });

/**
 * A network in memory whose members are both Transport and PeerRpc. With a manual clock and a seeded rng every run is
 * the same. A cut is silent, as in life: what is under way is lost and nobody is told; a closed member is noticed.
 */
export class MemoryNetwork implements MemoryWires {
  readonly clock: Clock;
  readonly reconnectMs: number;
  readonly #rng: Rng;
  readonly #usual: LinkBehaviour;
  readonly #behaviours = new Map<string, LinkBehaviour>();
  readonly #cuts = new Set<string>();
  readonly #queues = new Map<string, (() => void)[]>();
  readonly #busyUntil = new Map<string, number>();
  readonly #members = new Map<NodeId, MemoryPeer>();

  /** @param options - behaviour of every link that is not set apart, and the pause between two tries to connect. */
  constructor(
    components: { clock: Clock; rng: Rng },
    options: Partial<LinkBehaviour> & { readonly reconnectMs?: number } = {},
  ) {
    this.clock = components.clock;
    this.#rng = components.rng;
    const { reconnectMs = 50, ...behaviour } = options;
    this.reconnectMs = reconnectMs;
    this.#usual = { ...QUIET, ...behaviour };
  }

  /** Starts a member; a former one of the same id must be closed. `self` is asked whenever somebody connects. */
  join(self: () => NodeInfo): MemoryPeer {
    const { id } = self();
    if (this.#members.has(id)) throw new Error(`${id} is still in the network`);
    const member = new MemoryPeer(this, self);
    this.#members.set(id, member);
    return member;
  }

  /** Loses everything from one node to another from now on, also what is under way. One direction only. */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Ends a cut, one direction only. */
  heal(from: NodeId, to: NodeId): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  /** Ends every cut and every special behaviour. */
  healAll(): void {
    this.#cuts.clear();
    this.#behaviours.clear();
  }

  /** Changes how one direction behaves; what is not named is as usual. */
  setLink(from: NodeId, to: NodeId, behaviour: Partial<LinkBehaviour>): void {
    this.#behaviours.set(`${from}>${to}`, { ...this.#usual, ...behaviour });
  }

  /** Breaks the connections between two nodes in the way a reset does: both are told and connect again by themselves. */
  reset(a: NodeId, b: NodeId): void {
    this.#members.get(a)?.broken(b);
    this.#members.get(b)?.broken(a);
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  memberAt(address: { host: string; raftPort: number }): MemoryPeer | undefined {
    for (const member of this.#members.values()) {
      const own = member.address();
      if (own.host === address.host && own.ports.raft === address.raftPort) return member;
    }
    return undefined;
  }

  member(id: NodeId, address: PeerAddress): MemoryPeer | undefined {
    const found = this.memberAt({ host: address.host, raftPort: address.ports.raft });
    return found?.id === id ? found : undefined;
  }

  leave(member: MemoryPeer, silent: boolean): void {
    if (this.#members.get(member.id) !== member) return;
    this.#members.delete(member.id);
    if (silent) return;
    for (const other of this.#members.values()) {
      this.carry({ from: member.id, to: other.id, name: "close", lossy: false }, () => other.lost(member));
    }
  }

  carry(lane: MemoryLane, arrive: () => void): void {
    const link = `${lane.from}>${lane.to}`;
    const behaviour = this.#behaviours.get(link) ?? this.#usual;
    // The numbers are drawn in any case, so that a cut does not shift the fate of later messages.
    const [drop, double, spread] = [this.#rng.next(), this.#rng.next(), this.#rng.next()];
    if (this.#cuts.has(link) || (lane.lossy && drop < behaviour.dropRate)) return;
    const times = lane.lossy && lane.doubles === true && double < behaviour.doubleRate ? 2 : 1;
    const delayMs = behaviour.delayMsMin + spread * (behaviour.delayMsMax - behaviour.delayMsMin);
    for (let time = 0; time < times; time++) {
      this.#enqueue(`${link} ${lane.name}`, delayMs, () => {
        if (!this.#cuts.has(link)) arrive();
      });
    }
  }

  /** Each timer takes the head of its queue: order is kept whatever the resolution of the clock. */
  #enqueue(name: string, delayMs: number, arrive: () => void): void {
    const now = this.clock.nowMs();
    const at = Math.max(now + delayMs, this.#busyUntil.get(name) ?? 0);
    this.#busyUntil.set(name, at);
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = [];
      this.#queues.set(name, queue);
    }
    queue.push(arrive);
    const line = queue;
    this.clock.setTimer(at - now, () => line.shift()?.());
  }
}
