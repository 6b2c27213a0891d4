import type { NodeId } from "../ids.ts";
import type { PeerAddress } from "../membership.ts";
import type { RaftMessage, SnapshotOffer, SnapshotReply } from "../raft-message.ts";

/** The pieces of a snapshot from number `first` on, 0 to the number of pieces that was offered. */
export type PiecesFrom = (first: number) => AsyncIterable<Uint8Array>;

/** Who takes what a transport receives. */
export interface TransportReceiver {
  /** A message of a peer; in order per peer and port, possibly late, doubled or lost. Must not throw. */
  message(from: NodeId, message: RaftMessage): void;
  /** A connection to the peer stands. */
  peerUp(peer: NodeId): void;
  /** The peer's process closed its connection or the connection broke: a suspicion, not a proof. */
  peerDown(peer: NodeId): void;
  /**
   * A snapshot of a peer; resolves when it is durable and in use, or refused.
   * @param piecesFrom - asks the sender for the pieces from a number on; called at most once, and not to refuse.
   */
  snapshot(from: NodeId, offer: SnapshotOffer, piecesFrom: PiecesFrom): Promise<SnapshotReply>;
}

/**
 * Carries Raft messages. May lose them; never changes one, never delivers one of another group or cluster.
 *
 * Duties:
 * 1. `send` never blocks and never throws; beyond `LIMITS.sendQueueBytesMax` it drops.
 * 2. Heartbeats, votes and comparisons never queue behind log entries or snapshots.
 * 3. Connections are made, kept and made again by itself, with back-off, for every peer that was set.
 * 4. Nothing is delivered inside `send` or before `bind`.
 * 5. `from` is the node id that the other side gave in its handshake.
 * 6. Of a snapshot the pieces arrive that the receiver asked for, unchanged and in order, each checked on its own. A stream
 *    that ends early is an error on both sides, never a short snapshot.
 * 7. `sendSnapshot` ends when the receiver has answered, at any time, and when the receiver or the connection is gone.
 */
export interface Transport {
  bind(receiver: TransportReceiver): void;
  /** Says where a peer is, or that it has moved. */
  setPeer(peer: NodeId, address: PeerAddress): void;
  /** Forgets a peer and closes the connections to it. */
  removePeer(peer: NodeId): void;
  isUp(peer: NodeId): boolean;
  /** Sends messages in order. The payloads of entries are shared until they are sent: nobody writes to them. */
  send(to: NodeId, messages: readonly RaftMessage[]): void;
  /**
   * Offers a snapshot, sends the pieces that the receiver lacks, with back-pressure, and resolves with its answer.
   * @throws DisterError `DISTER_ERR_PEER_UNREACHABLE` when the stream broke; the receiver then keeps its old state.
   */
  sendSnapshot(to: NodeId, offer: SnapshotOffer, piecesFrom: PiecesFrom): Promise<SnapshotReply>;
  close(): Promise<void>;
}
