import { isDisterError, type NodeId, type NodeInfo, type PeerRpc, type RpcHandler } from "@dister/types";
import type { CallOutcome } from "../metrics/metrics.ts";

/** Calls between nodes, each counted when it has ended. Methods are those of this code, so that their number is fixed. */
export class MeasuredRpc implements PeerRpc {
  readonly #rpc: PeerRpc;
  readonly #ended: (method: string, outcome: CallOutcome) => void;

  constructor(rpc: PeerRpc, ended: (method: string, outcome: CallOutcome) => void) {
    this.#rpc = rpc;
    this.#ended = ended;
  }

  serve(method: string, handler: RpcHandler): void {
    this.#rpc.serve(method, handler);
  }

  call(to: NodeId, method: string, body: Uint8Array, options: { timeoutMs: number }): Promise<Uint8Array> {
    return this.#counted(method, this.#rpc.call(to, method, body, options));
  }

  hello(address: { host: string; raftPort: number }): Promise<NodeInfo> {
    return this.#counted("hello", this.#rpc.hello(address));
  }

  ports(): ReturnType<PeerRpc["ports"]> {
    return this.#rpc.ports();
  }

  async #counted<T>(method: string, call: Promise<T>): Promise<T> {
    try {
      const answer = await call;
      this.#ended(method, "ok");
      return answer;
    } catch (error) {
      this.#ended(method, outcomeOf(error));
      throw error;
    }
  }
}

function outcomeOf(error: unknown): CallOutcome {
  if (isDisterError(error, "DISTER_ERR_TIMEOUT")) return "timeout";
  if (isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE")) return "unreachable";
  return isDisterError(error, "DISTER_ERR_BUSY") ? "busy" : "refused";
}
