import {
  type Clock,
  DisterError,
  isDisterError,
  LIMITS,
  type Logger,
  type NodeId,
  type NodeInfo,
  type PeerAddress,
  type PeerRpc,
  type PiecesFrom,
  type Ports,
  type RaftMessage,
  type Rng,
  type RpcHandler,
  type Sighting,
  type SnapshotOffer,
  type SnapshotReply,
  type Transport,
  type TransportReceiver,
} from "@dister/types";
import { badMessage } from "./byte-writer.ts";
import { CallServer } from "./call-server.ts";
import type { Connection } from "./connection.ts";
import { dial } from "./dial.ts";
import { encodeFrame, FRAME_KIND, type Frame } from "./frame.ts";
import { CLOSED, type Handshaken, type HandshakeSide, isOrdinary } from "./handshake.ts";
import { Peer } from "./peer.ts";
import { CONNECTIONS_MAX, PeerServer } from "./peer-server.ts";
import type { PeerTls } from "./peer-tls.ts";
import { type Purpose, Secret } from "./preface.ts";
import { decodeRaftMessage, encodeRaftFrame } from "./raft-codec.ts";
import { Refusals } from "./refusals.ts";
import { receiveSnapshotFrom, sendSnapshotOver } from "./snapshot-stream.ts";

/** What a {@link TcpPeers} is built of. */
export interface TcpPeersComponents {
  readonly clock: Clock;
  /** Its `bytes` make the nonces of the handshake: unpredictable in production. */
  readonly rng: Rng;
  readonly logger: Logger;
}

/** How a {@link TcpPeers} is set. */
export interface TcpPeersOptions {
  /** Address to listen on, for example "0.0.0.0". */
  readonly host: string;
  /** Ports to listen on; 0 takes any free one. */
  readonly ports: Pick<Ports, "raft" | "repl">;
  /** Nodes of other groups are refused. */
  readonly group: string;
  /** Shared key of the group; with one, nothing is read from a peer that has not proven it. Make it long and random. */
  readonly secret?: string | Uint8Array | undefined;
  /** Certificates for both ports; with them, everything is encrypted and nothing is taken in the clear. */
  readonly tls?: PeerTls | undefined;
  /** What this node says of itself, asked anew for every handshake. Ports of 0 are replaced by the bound ones. */
  readonly self: () => NodeInfo;
  /** Told every node info that a handshake brought, from either side, and where the node was met. */
  readonly onInfo?: ((info: NodeInfo, sighting: Sighting) => void) | undefined;
  /** Connections that others may hold open per port; `LIMITS.peerConnectionsMax` unless set. */
  readonly connectionsMax?: number;
}

/**
 * Waits for a connection before a call is given up, in milliseconds: longer than a reconnect, shorter than an
 * operator's patience.
 */
const CONNECT_WAIT_MS = 500;

/** Connections to and from all peers over TCP: the Raft transport and the calls between nodes. */
export class TcpPeers implements Transport, PeerRpc {
  readonly #side: HandshakeSide;
  readonly #onInfo: (info: NodeInfo, sighting: Sighting) => void;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #calls: CallServer;
  readonly #refusals = new Refusals();
  /** Accepted connections by purpose and peer; a newer one takes the place of an older. */
  readonly #accepted = new Map<string, Connection>();
  readonly #snapshots = new Map<Connection, NodeId>();
  #servers: { raft: PeerServer; repl: PeerServer } | undefined;
  #receiver: TransportReceiver | undefined;
  #closed = false;

  private constructor({ clock, rng, logger }: TcpPeersComponents, options: TcpPeersOptions) {
    const secret = options.secret === undefined ? undefined : new Secret(options.secret);
    const self = (): NodeInfo => this.#selfWithPorts(options.self());
    this.#side = { clock, rng, logger, group: options.group, secret, tls: options.tls, self };
    this.#onInfo = options.onInfo ?? (() => {});
    this.#calls = new CallServer(logger);
  }

  /**
   * Opens both ports.
   * @throws DisterError `DISTER_ERR_CONFIG` when a port cannot be bound; nothing stays open then.
   */
  static async listen(config: { components: TcpPeersComponents; options: TcpPeersOptions }): Promise<TcpPeers> {
    const peers = new TcpPeers(config.components, config.options);
    await peers.#listen(config.options);
    return peers;
  }

  async #listen({ host, ports, connectionsMax = CONNECTIONS_MAX }: TcpPeersOptions): Promise<void> {
    const open = (name: "raft" | "repl", purposes: readonly Purpose[]): Promise<PeerServer> =>
      PeerServer.listen(this.#side, {
        name,
        host,
        port: ports[name],
        purposes,
        connectionsMax,
        accepted: (connection, handshaken) => this.#take(connection, handshaken),
      });
    const raft = await open("raft", ["hello", "raft"]);
    try {
      this.#servers = { raft, repl: await open("repl", ["repl", "snapshot"]) };
    } catch (error) {
      await raft.close();
      throw error;
    }
  }

  bind(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    for (const peer of this.#peers.values()) setImmediate(() => peer.announce());
  }

  setPeer(id: NodeId, address: PeerAddress): void {
    const known = this.#peers.get(id);
    if (this.#closed || known?.isAt(address) === true) return;
    if (id === this.#side.self().id) {
      this.#side.logger.warn("this node was set as its own peer", { peer: id });
      return;
    }
    known?.close("the peer has moved");
    const peer = new Peer(id, address, this.#side, {
      heard: ({ info, sighting }) => this.#onInfo(info, sighting),
      up: () => this.#receiver?.peerUp(id),
      down: () => this.#receiver?.peerDown(id),
      bound: () => this.#receiver !== undefined,
    });
    this.#peers.set(id, peer);
    if (known?.told === true) setImmediate(() => this.#receiver?.peerDown(id));
  }

  removePeer(id: NodeId): void {
    this.#peers.get(id)?.close("the peer was removed");
    this.#peers.delete(id);
    for (const [connection, peer] of this.#snapshots) if (peer === id) connection.close("the peer was removed");
  }

  isUp(peer: NodeId): boolean {
    return this.#peers.get(peer)?.up ?? false;
  }

  send(to: NodeId, messages: readonly RaftMessage[]): void {
    const peer = this.#peers.get(to);
    if (peer === undefined) return;
    for (const message of messages) {
      try {
        (isBulk(message) ? peer.repl : peer.raft).send(encodeRaftFrame(message));
      } catch (error) {
        // A message that cannot be encoded is an error of its maker. It is lost like any other, and said aloud.
        this.#side.logger.error("a Raft message cannot be sent", { peer: to, type: message.type, reason: text(error) });
      }
    }
  }

  async sendSnapshot(to: NodeId, offer: SnapshotOffer, piecesFrom: PiecesFrom): Promise<SnapshotReply> {
    const peer = this.#peers.get(to);
    if (peer === undefined || this.#closed) throw unreachable(to, "it is not set as a peer", false);
    const { host, port } = peer.repl.target;
    const { connection, done } = dial({ host, port, purpose: "snapshot", expected: to }, this.#side);
    this.#snapshots.set(connection, to);
    try {
      await done;
      return await sendSnapshotOver(connection, this.#side.clock, offer, piecesFrom);
    } catch (cause) {
      throw unreachable(to, `the snapshot stream broke: ${text(cause)}`, true, cause);
    } finally {
      this.#snapshots.delete(connection);
      connection.close("the snapshot is over");
    }
  }

  serve(method: string, handler: RpcHandler): void {
    this.#calls.serve(method, handler);
  }

  async call(to: NodeId, method: string, body: Uint8Array, options: { timeoutMs: number }): Promise<Uint8Array> {
    const { timeoutMs } = options;
    const { clock } = this.#side;
    const start = clock.nowMs();
    const peer = this.#peers.get(to);
    if (peer === undefined) throw unreachable(to, "it is not set as a peer", false);
    if (peer.repl.connection === undefined) await peer.repl.settled(Math.min(timeoutMs, CONNECT_WAIT_MS));
    const { connection } = peer.repl;
    if (connection === undefined) throw unreachable(to, "there is no connection", false);
    const leftMs = timeoutMs - (clock.nowMs() - start);
    // A process that was kept from running: nothing was sent, and that can be said for sure.
    if (leftMs <= 0) throw unreachable(to, "the time was over before there was a connection", false);
    return peer.calls.start(connection, { method, body }, { leftMs, timeoutMs });
  }

  async hello(address: { host: string; raftPort: number }, options?: { timeoutMs: number }): Promise<NodeInfo> {
    const { host, raftPort: port } = address;
    const { connection, done } = dial({ host, port, purpose: "hello", withinMs: options?.timeoutMs }, this.#side);
    try {
      const { info, sighting } = await done;
      this.#onInfo(info, sighting);
      return info;
    } catch (error) {
      if (isDisterError(error, "DISTER_ERR_HANDSHAKE")) this.#noteRefusal(error);
      throw error;
    } finally {
      connection.close("the hello is over");
    }
  }

  ports(): Pick<Ports, "raft" | "repl"> {
    return { raft: this.#servers?.raft.port ?? 0, repl: this.#servers?.repl.port ?? 0 };
  }

  /** Open connections to and from other nodes, those of snapshots under way included. */
  connections(): number {
    let dialled = 0;
    for (const { raft, repl } of this.#peers.values()) {
      dialled += (raft.connection === undefined ? 0 : 1) + (repl.connection === undefined ? 0 : 1);
    }
    return dialled + this.#accepted.size + this.#snapshots.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const id of [...this.#peers.keys()]) this.removePeer(id);
    await Promise.all([this.#servers?.raft.close(), this.#servers?.repl.close()]);
  }

  /** Said now and then only: whoever looks for others tries again and again. */
  #noteRefusal({ details: { peer, reason } }: DisterError): void {
    const { logger, clock } = this.#side;
    const news = !isOrdinary(String(reason)) && this.#refusals.isNews(String(peer), String(reason), clock.nowMs());
    // A dialer that was closed on cannot know whether that is anything to worry about.
    const level = !news ? "debug" : reason === CLOSED ? "info" : "warn";
    logger[level]("a hello was refused", { peer, reason });
  }

  #selfWithPorts(info: NodeInfo): NodeInfo {
    const bound = this.ports();
    const { raft, repl, api } = info.ports;
    return { ...info, ports: { raft: raft || bound.raft, repl: repl || bound.repl, api } };
  }

  #take(connection: Connection, { purpose, info, sighting }: Handshaken): void {
    this.#onInfo(info, sighting);
    if (purpose === "hello") {
      connection.listen(() => connection.close("a hello has nothing to say behind the handshake"));
      const timer = this.#side.clock.setTimer(LIMITS.handshakeTimeoutMs, () => connection.close("the hello is over"));
      connection.onClose(() => timer.cancel());
      return;
    }
    this.#peers.get(info.id)?.poke();
    if (purpose === "snapshot") {
      void this.#takeSnapshot(connection, info.id);
      return;
    }
    const key = `${purpose} ${info.id}`;
    const older = this.#accepted.get(key);
    this.#accepted.set(key, connection);
    older?.close("a newer connection took its place");
    connection.onClose((reason) => {
      if (reason.startsWith("bad ")) {
        this.#side.logger.warn("a connection was closed for bad input", { peer: info.id, purpose, reason });
      }
      if (this.#accepted.get(key) !== connection) return;
      this.#accepted.delete(key);
      if (purpose === "raft" && !this.#closed) this.#peers.get(info.id)?.doubt();
    });
    connection.listen((frame) => this.#frame(connection, purpose, info, frame));
  }

  #frame(connection: Connection, purpose: "raft" | "repl", info: NodeInfo, frame: Frame): void {
    if (frame.kind === FRAME_KIND.raft) {
      const message = decodeRaftMessage(frame.body);
      if (isBulk(message) !== (purpose === "repl")) throw badMessage(`${message.type} came on the ${purpose} port`);
      this.#receiver?.message(info.id, message);
    } else if (frame.kind === FRAME_KIND.ping) {
      connection.send(encodeFrame({ kind: FRAME_KIND.pong }, frame.body));
    } else if (frame.kind === FRAME_KIND.call && purpose === "repl") {
      this.#calls.take(connection, info, this.#side.self().id, frame);
    } else throw badMessage(`kind ${frame.kind} came on the ${purpose} port`);
  }

  async #takeSnapshot(connection: Connection, from: NodeId): Promise<void> {
    try {
      if (this.#receiver === undefined) throw unreachable(from, "this node is still starting", false);
      await receiveSnapshotFrom(connection, this.#side.clock, from, this.#receiver);
    } catch (error) {
      const reason = isDisterError(error) ? error.message : `unexpected: ${text(error)}`;
      this.#side.logger.warn("a snapshot could not be received", { peer: from, reason });
      connection.close(reason);
    }
  }
}

/** Log entries and their answers travel on the repl port, so that nothing small ever queues behind them. */
function isBulk(message: RaftMessage): boolean {
  return message.type === "append" || message.type === "appendReply";
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : "not an error";
}

function unreachable(peer: string, reason: string, sent: boolean, cause?: unknown): DisterError {
  return new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer, reason, sent }, { cause });
}
