import { DisterError, isDisterError, LIMITS, type Logger, type NodeInfo, type RpcHandler } from "@dister/types";
import { decodeCall, encodeFailureFrame } from "./call-codec.ts";
import type { Connection } from "./connection.ts";
import { encodeFrame, FRAME_KIND, type Frame } from "./frame.ts";

/** Answers the calls of other nodes. */
export class CallServer {
  readonly #logger: Logger;
  readonly #handlers = new Map<string, RpcHandler>();
  readonly #running = new WeakMap<Connection, number>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  serve(method: string, handler: RpcHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Takes a call that came over a connection. @throws DisterError `DISTER_ERR_MESSAGE` when it is none. */
  take(connection: Connection, from: NodeInfo, own: string, frame: Frame): void {
    const { method, body } = decodeCall(frame.body);
    const handler = this.#handlers.get(method);
    const running = this.#running.get(connection) ?? 0;
    if (handler === undefined) {
      this.#fail(connection, frame, new DisterError("DISTER_ERR_PEER_METHOD", { peer: own, method }));
    } else if (running >= LIMITS.peerCallsMax) {
      const details = { what: `calls of peer ${from.id}`, limit: LIMITS.peerCallsMax };
      this.#fail(connection, frame, new DisterError("DISTER_ERR_BUSY", details));
    } else {
      this.#running.set(connection, running + 1);
      void this.#run({ connection, frame, method }, () => handler(from, body));
    }
  }

  async #run(
    { connection, frame, method }: { connection: Connection; frame: Frame; method: string },
    run: () => Promise<Uint8Array>,
  ): Promise<void> {
    try {
      const answer = await run();
      connection.send(encodeFrame({ kind: FRAME_KIND.answer, correlation: frame.correlation }, answer));
    } catch (error) {
      if (!isDisterError(error)) {
        const reason = error instanceof Error ? (error.stack ?? error.message) : "not an error";
        this.#logger.error("a call failed with an unexpected error", { method, reason });
      }
      this.#fail(connection, frame, error);
    } finally {
      this.#running.set(connection, (this.#running.get(connection) ?? 1) - 1);
    }
  }

  #fail(connection: Connection, frame: Frame, error: unknown): void {
    connection.send(encodeFailureFrame(frame.correlation, error));
  }
}
