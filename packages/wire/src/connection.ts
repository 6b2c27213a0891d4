import type { Socket } from "node:net";
import { DisterError, invariant, isDisterError, LIMITS } from "@dister/types";
import type { Frame } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { channelOf } from "./peer-tls.ts";
import { looksLikeTls, tlsReason } from "./tls-reason.ts";

/** Largest body of a frame before the handshake is done, in bytes: the largest hello is below 3 KiB. */
export const HANDSHAKE_FRAME_BYTES_MAX = 4 * 1024;
const KEEP_ALIVE_MS = 5_000;
/** Below this size frames are joined by a copy, which is cheaper than handing the kernel a list. */
const JOIN_BYTES_MAX = 64 * 1024;

interface Reader {
  resolve(frame: Frame): void;
  reject(error: Error): void;
}

/**
 * Frames over one socket. Frames that are sent in one turn of the event loop leave in one write. Received frames are
 * read one by one with {@link read}, which holds the sender back, or pushed to a handler after {@link listen}.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder({ bodyBytesMax: HANDSHAKE_FRAME_BYTES_MAX });
  readonly #closeListeners = new Set<(reason: string) => void>();
  #queue: Uint8Array[] = [];
  #queueBytes = 0;
  #flushing = false;
  #reader: Reader | undefined;
  #handler: ((frame: Frame) => void) | undefined;
  #closed: string | undefined;
  #finishing = false;

  /** Takes over a socket that is connected or connecting, plain or of TLS. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.once("data", (chunk: Uint8Array) => {
      if (looksLikeTls(chunk)) this.close("it speaks TLS, and here Tls is not set");
    });
    socket.on("data", (chunk: Uint8Array) => this.#received(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.close(tlsReason(error) ?? error.code ?? error.message);
    });
    socket.on("end", () => this.close("the other side closed it"));
    socket.on("close", () => this.close("the other side closed it"));
  }

  /** Why the connection is closed, undefined while it is not. */
  get closed(): string | undefined {
    return this.#closed;
  }

  /** True after {@link finish}: the connection closes by itself when the rest is sent. */
  get finishing(): boolean {
    return this.#finishing;
  }

  /** Bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.#queueBytes + this.#socket.writableLength;
  }

  /** Address of the other side; IPv4 without the IPv6 prefix. Empty when the socket is closed. */
  get remoteAddress(): string {
    return (this.#socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  }

  /** What only the two ends of this connection know, by TLS; empty without it. Only while it is open. */
  get channel(): Uint8Array {
    return channelOf(this.#socket);
  }

  /** Allows frames up to `LIMITS.frameBytesMax`: the handshake is done. */
  trust(): void {
    this.#decoder.bodyBytesMax = LIMITS.frameBytesMax;
  }

  /** Calls once when the connection closes; at once when it is closed. */
  onClose(listener: (reason: string) => void): void {
    if (this.#closed === undefined) this.#closeListeners.add(listener);
    else listener(this.#closed);
  }

  /**
   * Queues a frame.
   * @returns false, and the frame is dropped, when the connection is closed or `LIMITS.sendQueueBytesMax` is reached.
   */
  send(frame: Uint8Array): boolean {
    if (this.#closed !== undefined || this.queuedBytes + frame.length > LIMITS.sendQueueBytesMax) return false;
    this.#queue.push(frame);
    this.#queueBytes += frame.length;
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => this.#flush());
    }
    return true;
  }

  /** Sends a frame and resolves when the kernel has taken it; rejects when the connection closes before that. */
  write(frame: Uint8Array): Promise<void> {
    this.#flush();
    return new Promise((resolve, reject) => {
      const closed = (reason: string): void => reject(closedError(reason));
      this.onClose(closed);
      if (this.#closed !== undefined) return;
      this.#socket.write(frame, (error) => {
        this.#closeListeners.delete(closed);
        if (error == null) resolve();
        else reject(closedError(error.message));
      });
    });
  }

  /**
   * The next frame; one reader at a time. What comes in meanwhile waits in the kernel, so a slow reader slows the
   * sender.
   * @throws DisterError `DISTER_ERR_PEER_UNREACHABLE` when the connection closes.
   */
  read(): Promise<Frame> {
    invariant(this.#reader === undefined && this.#handler === undefined, "a connection has one reader");
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(closedError(this.#closed));
        return;
      }
      this.#reader = { resolve, reject };
      this.#socket.resume();
      this.#drain();
    });
  }

  /** Pushes every frame from now on to a handler. An error `DISTER_ERR_MESSAGE` that it throws closes the connection. */
  listen(handler: (frame: Frame) => void): void {
    invariant(this.#reader === undefined && this.#handler === undefined, "a connection has one reader");
    this.#handler = handler;
    this.#socket.resume();
    this.#drain();
  }

  /** Closes at once; what is queued is lost. Harmless when it is closed. */
  close(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#socket.destroy();
    this.#queue = [];
    this.#queueBytes = 0;
    this.#reader?.reject(closedError(reason));
    this.#reader = undefined;
    for (const listener of this.#closeListeners) listener(reason);
    this.#closeListeners.clear();
  }

  /** Sends what is queued and then closes. */
  finish(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#finishing = true;
    this.#flush();
    this.#socket.end(() => this.close(reason));
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#closed !== undefined || this.#queue.length === 0) return;
    const frames = this.#queue;
    const bytes = this.#queueBytes;
    this.#queue = [];
    this.#queueBytes = 0;
    if (frames.length === 1) this.#socket.write(frames[0]!);
    else if (bytes <= JOIN_BYTES_MAX) this.#socket.write(Buffer.concat(frames, bytes));
    else {
      this.#socket.cork();
      for (const frame of frames) this.#socket.write(frame);
      this.#socket.uncork();
    }
  }

  #received(chunk: Uint8Array): void {
    if (this.#closed !== undefined) return;
    this.#decoder.feed(chunk);
    this.#drain();
  }

  #drain(): void {
    while (this.#closed === undefined) {
      if (this.#handler === undefined && this.#reader === undefined) {
        this.#socket.pause();
        return;
      }
      const frame = this.#guarded(() => this.#decoder.next());
      if (frame === undefined) return;
      const reader = this.#reader;
      this.#reader = undefined;
      if (reader !== undefined) reader.resolve(frame);
      else this.#guarded(() => this.#handler?.(frame));
    }
  }

  /** Bad input ends this connection and nothing else; any other error is ours and is not hidden. */
  #guarded<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!isDisterError(error, "DISTER_ERR_FRAME") && !isDisterError(error, "DISTER_ERR_MESSAGE")) throw error;
      this.close(error.message);
      return undefined;
    }
  }
}

function closedError(reason: string): DisterError {
  return new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: "at the other end", reason, sent: true });
}
