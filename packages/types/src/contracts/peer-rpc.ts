import type { NodeId } from "../ids.ts";
import type { NodeInfo, Ports } from "../node-info.ts";

/** Answers a call. What it throws travels to the caller: a DisterError with code, details and message, else as internal. */
export type RpcHandler = (from: NodeInfo, body: Uint8Array) => Promise<Uint8Array>;

/**
 * Calls between nodes: forwarded writes and reads, joining, founding.
 *
 * Duties:
 * 1. A call ends: with the answer, the peer's error, or an error of its own after `timeoutMs`.
 * 2. A broken connection rejects every call on it at once with `DISTER_ERR_PEER_UNREACHABLE`; `details.sent` tells
 *    whether the peer may have got it (false: surely not).
 * 3. Answers may come in any order; a slow call does not hold up another.
 */
export interface PeerRpc {
  /** Names who answers a method; one handler per method. */
  serve(method: string, handler: RpcHandler): void;
  /**
   * Calls a peer that was set on the transport.
   * @param method - 1 to 64 characters of ASCII.
   * @throws DisterError the peer's own error, `DISTER_ERR_PEER_UNREACHABLE`, `DISTER_ERR_PEER_METHOD`,
   *   `DISTER_ERR_TIMEOUT` (the peer may have done it), `DISTER_ERR_BUSY` (surely not done).
   */
  call(to: NodeId, method: string, body: Uint8Array, options: { timeoutMs: number }): Promise<Uint8Array>;
  /**
   * Says hello to an address of which the node id is not known yet.
   * @returns the other's node info; where it names no `ip` of its own, the address that it was reached at.
   * @param options - `timeoutMs` is the longest wait for an answer; `LIMITS.handshakeTimeoutMs` unless set, and never more.
   * @throws DisterError `DISTER_ERR_PEER_UNREACHABLE`, `DISTER_ERR_HANDSHAKE` (other group, secret or version;
   *   `details.itself` is true when the node itself answers there).
   */
  hello(address: { host: string; raftPort: number }, options?: { timeoutMs: number }): Promise<NodeInfo>;
  /** Ports that were really bound; differ from the configured ones only where 0 was given. */
  ports(): Pick<Ports, "raft" | "repl">;
}
