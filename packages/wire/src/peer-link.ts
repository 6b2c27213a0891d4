import type { DisterError, NodeId, Timer } from "@dister/types";
import type { Connection } from "./connection.ts";
import { type DialTarget, dial } from "./dial.ts";
import { encodeFrame, FRAME_KIND, type Frame } from "./frame.ts";
import type { Handshaken, HandshakeSide } from "./handshake.ts";

/** Waits between two tries to connect, in milliseconds. The first is short: a restarted process is back in no time. */
const BACK_OFF_MS_MIN = 20;
const BACK_OFF_MS_MAX = 1_000;
/** A connection that stood this long was a good one: the next try begins with the short wait again. */
const STOOD_MS = 1_000;
/** After a cut without a reset the kernel may take minutes to notice; unanswered pings tell within seconds. */
const PING_MS = 1_000;
/** So many pings without an answer are a silence, where there is another reason to doubt. */
const SILENT_PINGS = 2;
/** Frames that are kept while the connection is being made, in bytes. */
const EARLY_BYTES_MAX = 4 * 1024 * 1024;

/** What a link tells its owner. */
export interface PeerLinkEvents {
  up(handshaken: Handshaken): void;
  /** The connection closed, or could not be made. */
  down(reason: string, wasUp: boolean): void;
  frame(frame: Frame): void;
}

/** What a link is made of. */
export interface PeerLinkOptions {
  readonly peer: NodeId;
  readonly target: DialTarget;
  readonly side: HandshakeSide;
  readonly events: PeerLinkEvents;
  /** The connection is given up after so many pings without any sign of life. */
  readonly unansweredMax: number;
}

/** One connection to a peer that this node dialled: made, kept, and made again with back-off until it is closed. */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #waiting = new Set<() => void>();
  #state: "dialling" | "up" | "waiting" | "closed" = "waiting";
  #connection: Connection | undefined;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #backOffMs = BACK_OFF_MS_MIN;
  #upSince = 0;
  #unanswered = 0;
  #timer: Timer | undefined;
  #lastRefusal: string | undefined;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  get target(): DialTarget {
    return this.#options.target;
  }

  /** The connection while it stands. */
  get connection(): Connection | undefined {
    return this.#state === "up" ? this.#connection : undefined;
  }

  /** Sends a frame, or drops it: while there is no connection, and beyond the limits of its queue. */
  send(frame: Uint8Array): boolean {
    if (this.#state === "up") return this.#connection!.send(frame);
    if (this.#state !== "dialling" || this.#earlyBytes + frame.length > EARLY_BYTES_MAX) return false;
    this.#early.push(frame);
    this.#earlyBytes += frame.length;
    return true;
  }

  /** Asks for a sign of life; the answer comes as a frame of kind `pong`. */
  ping(): void {
    this.#connection?.send(encodeFrame({ kind: FRAME_KIND.ping }, new Uint8Array(0)));
  }

  /** Tries at once if it is waiting to try again: the peer was just heard of. */
  poke(): void {
    if (this.#state === "waiting") this.#dial();
  }

  /**
   * The peer was away and is reached again over another connection. This one, if it was silent as well, waits for the next
   * retransmission of TCP, which doubles its waits up to minutes: it is made anew at once.
   */
  renewIfSilent(): void {
    if (this.#state === "up" && this.#unanswered >= SILENT_PINGS) this.#connection?.close("the peer was away");
  }

  /** Resolves when the connection stands, when the time is over or when the link is closed, whatever comes first. */
  settled(withinMs: number): Promise<void> {
    if (this.#state === "up" || this.#state === "closed") return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = this.#options.side.clock.setTimer(withinMs, wake);
      this.#waiting.add(wake);
    });
  }

  /** Ends the link for good, without an event. */
  close(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#timer?.cancel();
    this.#connection?.close(reason);
    this.#wake();
  }

  #dial(): void {
    const { target, side } = this.#options;
    this.#timer?.cancel();
    this.#state = "dialling";
    const { connection, done } = dial(target, side);
    this.#connection = connection;
    done.then(
      (handshaken) => this.#stands(connection, handshaken),
      (error: DisterError) => this.#failed(error),
    );
  }

  #stands(connection: Connection, handshaken: Handshaken): void {
    if (this.#state === "closed") {
      connection.close("the link is closed");
      return;
    }
    this.#state = "up";
    this.#upSince = this.#options.side.clock.nowMs();
    this.#lastRefusal = undefined;
    this.#unanswered = 0;
    for (const frame of this.#early.splice(0)) connection.send(frame);
    this.#earlyBytes = 0;
    this.#watch();
    this.#options.events.up(handshaken);
    this.#wake();
    connection.listen((frame) => {
      this.#unanswered = 0;
      this.#options.events.frame(frame);
    });
    connection.onClose((reason) => this.#lost(reason));
  }

  #watch(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.side.clock.setTimer(PING_MS, () => {
      if (this.#unanswered++ >= this.#options.unansweredMax) {
        this.#connection?.close("it does not answer any more");
        return;
      }
      this.ping();
      this.#watch();
    });
  }

  #lost(reason: string): void {
    if (this.#state === "closed") return;
    const stoodMs = this.#options.side.clock.nowMs() - this.#upSince;
    if (stoodMs >= STOOD_MS) this.#backOffMs = BACK_OFF_MS_MIN;
    this.#wait();
    this.#options.events.down(reason, true);
  }

  #failed(error: DisterError): void {
    if (this.#state === "closed") return;
    const { peer, side, target } = this.#options;
    const fields = { peer, purpose: target.purpose, reason: error.message };
    // A refusal is said once, not at every try; that nobody answers is the daily life of a cluster.
    if (error.code !== "DISTER_ERR_HANDSHAKE" || this.#lastRefusal === error.message) {
      side.logger.debug("a peer cannot be connected", fields);
    } else side.logger.warn("a peer refuses the handshake", fields);
    if (error.code === "DISTER_ERR_HANDSHAKE") this.#lastRefusal = error.message;
    this.#wait();
    this.#options.events.down(error.message, false);
  }

  #wait(): void {
    const { clock, rng } = this.#options.side;
    this.#state = "waiting";
    this.#connection = undefined;
    this.#early = [];
    this.#earlyBytes = 0;
    // Between half and the whole of the wait, so that two nodes do not keep in step.
    const delayMs = this.#backOffMs * (0.5 + rng.next() / 2);
    this.#backOffMs = Math.min(this.#backOffMs * 2, BACK_OFF_MS_MAX);
    this.#timer?.cancel();
    this.#timer = clock.setTimer(delayMs, () => this.#dial());
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
