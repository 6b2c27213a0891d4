import type { Clock, Timer } from "../contracts/clock.ts";
import type { PeerRpc, RpcHandler } from "../contracts/peer-rpc.ts";
import type { PiecesFrom, Transport, TransportReceiver } from "../contracts/transport.ts";
import { DisterError, isDisterError } from "../errors.ts";
import type { NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { PeerAddress } from "../membership.ts";
import type { NodeInfo, Ports } from "../node-info.ts";
import type { RaftMessage, SnapshotOffer, SnapshotReply } from "../raft-message.ts";

/** One ordered way from one node to another. */
export interface MemoryLane {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly name: "raft" | "repl" | "call" | "snapshot" | "close";
  readonly lossy: boolean;
  readonly doubles?: boolean;
}

/** What a member needs of its network. */
export interface MemoryWires {
  readonly clock: Clock;
  readonly reconnectMs: number;
  isCut(from: NodeId, to: NodeId): boolean;
  member(id: NodeId, address: PeerAddress): MemoryPeer | undefined;
  memberAt(address: { host: string; raftPort: number }): MemoryPeer | undefined;
  leave(member: MemoryPeer, silent: boolean): void;
  carry(lane: MemoryLane, arrive: () => void): void;
}

interface Link {
  address: PeerAddress;
  /** The member that the connection leads to; undefined while there is none. */
  target: MemoryPeer | undefined;
  retry: Timer | undefined;
  waiting: Set<() => void>;
}

interface Call {
  readonly to: NodeId;
  readonly timer: Timer;
  settle(result: Uint8Array | DisterError): void;
}

const CONNECT_WAIT_MS = 500;
const BULK = new Set<RaftMessage["type"]>(["append", "appendReply"]);

/** A member of a `MemoryNetwork`: Transport and PeerRpc in one, made by `MemoryNetwork.join`. */
export class MemoryPeer implements Transport, PeerRpc {
  readonly id: NodeId;
  readonly #wires: MemoryWires;
  readonly #self: () => NodeInfo;
  readonly #links = new Map<NodeId, Link>();
  readonly #handlers = new Map<string, RpcHandler>();
  readonly #calls = new Map<number, Call>();
  #nextCall = 1;
  #receiver: TransportReceiver | undefined;
  #closed = false;

  constructor(wires: MemoryWires, self: () => NodeInfo) {
    this.#wires = wires;
    this.#self = self;
    this.id = self().id;
  }

  /** Where others reach this member: its node info's address and ports. */
  address(): PeerAddress {
    const { ip, ports } = this.#self();
    return { host: ip, ports };
  }

  bind(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    for (const peer of this.#links.keys()) if (this.isUp(peer)) this.#later(() => this.#announce(peer));
  }

  setPeer(peer: NodeId, address: PeerAddress): void {
    const known = this.#links.get(peer);
    if (known !== undefined && JSON.stringify(known.address) === JSON.stringify(address)) return;
    if (known !== undefined) {
      known.address = address;
      this.broken(peer);
      return;
    }
    this.#links.set(peer, { address, target: undefined, retry: undefined, waiting: new Set() });
    this.#connect(peer, 0);
  }

  removePeer(peer: NodeId): void {
    const link = this.#links.get(peer);
    link?.retry?.cancel();
    this.#links.delete(peer);
    for (const wake of link?.waiting ?? []) wake();
    this.#failCalls(peer, "the peer was removed");
  }

  isUp(peer: NodeId): boolean {
    return this.#links.get(peer)?.target !== undefined;
  }

  send(to: NodeId, messages: readonly RaftMessage[]): void {
    for (const message of messages) {
      const target = this.#reach(to);
      if (target === undefined) return;
      const name = BULK.has(message.type) ? "repl" : "raft";
      this.#wires.carry({ from: this.id, to, name, lossy: true, doubles: true }, () => {
        target.#deliver(this.id, message);
      });
    }
  }

  async sendSnapshot(to: NodeId, offer: SnapshotOffer, piecesFrom: PiecesFrom): Promise<SnapshotReply> {
    const target = this.#reach(to);
    const receiver = target === undefined ? undefined : target.#receiver;
    if (target === undefined || receiver === undefined) throw unreachable(to, "not connected", false);
    const stands = this.#stands(target);
    try {
      const answer = receiver.snapshot(this.id, offer, (first) => this.#stream(target, piecesFrom(first)));
      const reply = await Promise.race([answer, stands.broken]);
      await this.#pass(target, this);
      return reply;
    } catch (cause) {
      throw unreachable(to, `the snapshot stream broke: ${(cause as Error).message}`, true);
    } finally {
      stands.end();
    }
  }

  /** Looks from time to time whether the way to a member still stands: a receiver that is gone does not answer. */
  #stands(target: MemoryPeer): { readonly broken: Promise<never>; end(): void } {
    let timer: Timer | undefined;
    const broken = new Promise<never>((_resolve, reject) => {
      const look = (): void => {
        if (this.#isGone(target)) reject(unreachable(target.id, "the connection broke", true));
        else timer = this.#wires.clock.setTimer(CONNECT_WAIT_MS, look);
      };
      look();
    });
    broken.catch(() => {});
    return { broken, end: () => timer?.cancel() };
  }

  #isGone(other: MemoryPeer): boolean {
    return this.#closed || other.#closed || !this.#bothWays(other);
  }

  serve(method: string, handler: RpcHandler): void {
    this.#handlers.set(method, handler);
  }

  async call(to: NodeId, method: string, body: Uint8Array, options: { timeoutMs: number }): Promise<Uint8Array> {
    const start = this.#wires.clock.nowMs();
    await this.#connected(to, Math.min(options.timeoutMs, CONNECT_WAIT_MS));
    const target = this.#reach(to);
    if (target === undefined) throw unreachable(to, "not connected", false);
    if (this.#calls.size >= LIMITS.peerCallsMax) {
      throw new DisterError("DISTER_ERR_BUSY", { what: `calls to peer ${to}`, limit: LIMITS.peerCallsMax });
    }
    const leftMs = options.timeoutMs - (this.#wires.clock.nowMs() - start);
    return new Promise((resolve, reject) => {
      const number = this.#nextCall++;
      const settle = (result: Uint8Array | DisterError): void => {
        if (!this.#calls.delete(number)) return;
        timer.cancel();
        if (result instanceof DisterError) reject(result);
        else resolve(result);
      };
      const timer = this.#wires.clock.setTimer(leftMs, () => {
        settle(new DisterError("DISTER_ERR_TIMEOUT", { what: `call ${method}`, timeoutMs: options.timeoutMs }));
      });
      this.#calls.set(number, { to, timer, settle });
      const [info, copy] = [this.#self(), body.slice()];
      this.#wires.carry({ from: this.id, to, name: "call", lossy: true }, () => {
        void target.#answer(info, method, copy).then((result) => {
          this.#wires.carry({ from: to, to: this.id, name: "call", lossy: true }, () => settle(result));
        });
      });
    });
  }

  async hello(address: { host: string; raftPort: number }): Promise<NodeInfo> {
    const name = `${address.host}:${address.raftPort}`;
    const target = this.#wires.memberAt(address);
    if (target === undefined || !this.#bothWays(target)) throw unreachable(name, "nobody answers", false);
    const refusal = target === this ? "this is the node itself" : this.#refusal(target, false);
    if (refusal !== undefined) {
      throw new DisterError("DISTER_ERR_HANDSHAKE", { peer: name, reason: refusal, itself: target === this });
    }
    await this.#pass(this, target);
    await this.#pass(target, this);
    return { ...target.#self(), ip: address.host };
  }

  ports(): Pick<Ports, "raft" | "repl"> {
    const { raft, repl } = this.#self().ports;
    return { raft, repl };
  }

  /** Ends the member as the end of its process does: everybody who is connected and not cut off notices. */
  close(): Promise<void> {
    this.#end(false);
    return Promise.resolve();
  }

  /** Ends the member as a power loss does: nobody is told. */
  vanish(): void {
    this.#end(true);
  }

  /** The connection to a peer broke. */
  broken(peer: NodeId): void {
    const link = this.#links.get(peer);
    if (link === undefined || this.#closed) return;
    const wasUp = link.target !== undefined;
    link.target = undefined;
    this.#failCalls(peer, "the connection broke");
    if (wasUp) this.#receiver?.peerDown(peer);
    this.#connect(peer, this.#wires.reconnectMs);
  }

  /** A member has closed; breaks the connection if it led there. */
  lost(member: MemoryPeer): void {
    if (this.#links.get(member.id)?.target === member) this.broken(member.id);
  }

  #end(silent: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const peer of [...this.#links.keys()]) this.removePeer(peer);
    this.#wires.leave(this, silent);
  }

  #connect(peer: NodeId, delayMs: number): void {
    const link = this.#links.get(peer);
    if (link === undefined || this.#closed) return;
    link.retry?.cancel();
    link.retry = this.#wires.clock.setTimer(delayMs, () => {
      const target = this.#wires.member(peer, link.address);
      if (target === undefined || !this.#bothWays(target) || this.#refusal(target, true) !== undefined) {
        this.#connect(peer, this.#wires.reconnectMs);
        return;
      }
      link.target = target;
      for (const wake of link.waiting) wake();
      this.#announce(peer);
    });
  }

  #announce(peer: NodeId): void {
    if (this.isUp(peer)) this.#receiver?.peerUp(peer);
  }

  #bothWays(target: MemoryPeer): boolean {
    return !this.#wires.isCut(this.id, target.id) && !this.#wires.isCut(target.id, this.id);
  }

  #refusal(target: MemoryPeer, member: boolean): string | undefined {
    const [mine, theirs] = [this.#self(), target.#self()];
    if (mine.group !== theirs.group) return "it closed the connection";
    const oneCluster = mine.cluster === "" || theirs.cluster === "" || mine.cluster === theirs.cluster;
    return member && !oneCluster ? "it belongs to another cluster" : undefined;
  }

  /** The member that a connection leads to. One that is gone is noticed here, as a reset tells on the next packet. */
  #reach(to: NodeId): MemoryPeer | undefined {
    const target = this.#links.get(to)?.target;
    if (this.#closed || target === undefined) return undefined;
    if (target.#closed && !this.#wires.isCut(this.id, to)) {
      this.#later(() => this.lost(target));
      return undefined;
    }
    return target;
  }

  #deliver(from: NodeId, message: RaftMessage): void {
    if (!this.#closed) this.#receiver?.message(from, message);
  }

  async #answer(from: NodeInfo, method: string, body: Uint8Array): Promise<Uint8Array | DisterError> {
    const handler = this.#handlers.get(method);
    if (this.#closed) return new Promise(() => {});
    if (handler === undefined) return new DisterError("DISTER_ERR_PEER_METHOD", { peer: this.id, method });
    try {
      return (await handler(from, body)).slice();
    } catch (error) {
      if (!isDisterError(error)) return new DisterError("DISTER_ERR_INTERNAL");
      return new DisterError(error.code, error.details, { message: error.message });
    }
  }

  #connected(to: NodeId, withinMs: number): Promise<void> {
    const link = this.#links.get(to);
    if (link === undefined || link.target !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        link.waiting.delete(wake);
        resolve();
      };
      const timer = this.#wires.clock.setTimer(withinMs, wake);
      link.waiting.add(wake);
    });
  }

  #failCalls(peer: NodeId, reason: string): void {
    for (const call of [...this.#calls.values()]) if (call.to === peer) call.settle(unreachable(peer, reason, true));
  }

  async *#stream(target: MemoryPeer, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      await this.#pass(this, target);
      yield chunk.slice();
    }
    await this.#pass(this, target);
  }

  /** Lets one piece of a stream travel; a stream that is cut or whose end is gone breaks. */
  #pass(from: MemoryPeer, to: MemoryPeer): Promise<void> {
    const gone = (): boolean => this.#isGone(from === this ? to : from);
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const arrive = (): void => {
        timer?.cancel();
        if (gone()) reject(unreachable(to.id, "the connection broke", true));
        else resolve();
      };
      if (gone()) this.#later(arrive);
      else {
        this.#wires.carry({ from: from.id, to: to.id, name: "snapshot", lossy: false }, arrive);
        // A cut swallows the piece; the stream must end all the same.
        timer = this.#wires.clock.setTimer(CONNECT_WAIT_MS, arrive);
      }
    });
  }

  #later(run: () => void): void {
    this.#wires.clock.setTimer(0, run);
  }
}

function unreachable(peer: string, reason: string, sent: boolean): DisterError {
  return new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer, reason, sent });
}
