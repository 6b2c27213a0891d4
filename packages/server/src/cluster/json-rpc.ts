import { DisterError, type NodeId, type NodeInfo, type PeerRpc } from "@dister/types";

/** Calls between nodes whose bodies are small and rare enough to be JSON. */
export class JsonRpc {
  readonly #rpc: Pick<PeerRpc, "serve" | "call">;

  constructor(rpc: Pick<PeerRpc, "serve" | "call">) {
    this.#rpc = rpc;
  }

  serve<Q, A>(method: string, handler: (from: NodeInfo, question: Q) => A | Promise<A>): void {
    this.#rpc.serve(method, async (from, body) => encode(await handler(from, decode<Q>(body))));
  }

  async call<Q, A>(to: NodeId, method: string, question: Q, timeoutMs: number): Promise<A> {
    return decode<A>(await this.#rpc.call(to, method, encode(question), { timeoutMs }));
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value ?? null));
}

function decode<T>(body: Uint8Array): T {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as T;
  } catch (cause) {
    throw new DisterError("DISTER_ERR_MESSAGE", { reason: "a call's body is not JSON" }, { cause });
  }
}
