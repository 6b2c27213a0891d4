import { type Clock, DisterError, LIMITS, type NodeId, type Timer } from "@dister/types";
import { decodeFailure, encodeCall } from "./call-codec.ts";
import type { Connection } from "./connection.ts";
import { FRAME_KIND, type Frame } from "./frame.ts";

const CORRELATION_MAX = 0xffff_ffff;

interface OpenCall {
  readonly timer: Timer;
  resolve(body: Uint8Array): void;
  reject(error: DisterError): void;
}

/** Calls to one peer that are not answered yet. */
export class Calls {
  readonly #peer: NodeId;
  readonly #clock: Clock;
  readonly #open = new Map<number, OpenCall>();
  #last = 0;

  constructor(peer: NodeId, clock: Clock) {
    this.#peer = peer;
    this.#clock = clock;
  }

  /** Makes a call over a connection that stands; rejects as `PeerRpc.call` says. */
  start(
    connection: Connection,
    call: { readonly method: string; readonly body: Uint8Array },
    time: { readonly leftMs: number; readonly timeoutMs: number },
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const limit = LIMITS.peerCallsMax;
      if (this.#open.size >= limit) throw busy(`open calls to peer ${this.#peer}`, limit);
      const correlation = this.#free();
      const frame = encodeCall(correlation, call.method, call.body);
      if (!connection.send(frame)) throw busy(`the send queue to peer ${this.#peer}`, LIMITS.sendQueueBytesMax);
      const timer = this.#clock.setTimer(time.leftMs, () => {
        this.#open.delete(correlation);
        const what = `call ${call.method} to peer ${this.#peer}`;
        reject(new DisterError("DISTER_ERR_TIMEOUT", { what, timeoutMs: time.timeoutMs }));
      });
      this.#open.set(correlation, { timer, resolve, reject });
    });
  }

  /** Takes an answer; one that nobody waits for any more is dropped. */
  settle(frame: Frame): void {
    const call = this.#open.get(frame.correlation);
    if (call === undefined) return;
    this.#open.delete(frame.correlation);
    call.timer.cancel();
    if (frame.kind === FRAME_KIND.answer) call.resolve(frame.body);
    else call.reject(decodeFailure(frame.body));
  }

  /** Rejects every open call: its connection broke. */
  fail(reason: string): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const call of open) {
      call.timer.cancel();
      call.reject(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: this.#peer, reason, sent: true }));
    }
  }

  #free(): number {
    do this.#last = this.#last === CORRELATION_MAX ? 1 : this.#last + 1;
    while (this.#open.has(this.#last));
    return this.#last;
  }
}

function busy(what: string, limit: number): DisterError {
  return new DisterError("DISTER_ERR_BUSY", { what, limit });
}
