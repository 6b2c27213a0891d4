import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { type Clock, DisterError, LIMITS, type Msg } from "@dister/types";
import { systemClock } from "@dister/types/system";
import { badFrame, encodeFrame, FRAME_FLAG, FRAME_KIND, type Frame } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { decodeMsg, encodeMsg } from "./msg-codec.ts";

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** How a message is sent. */
export interface SendOptions {
  /** Compresses the frame when that makes it smaller. */
  readonly compress?: boolean;
}

/** How a message is waited for. */
export interface ReceiveOptions {
  /** Time for the whole message, in milliseconds. */
  readonly timeoutMs: number;
  /** Largest frame, in bytes; also the limit of what a compressed one may grow to. `LIMITS.frameBytesMax` unless set. */
  readonly frameBytesMax?: number;
  /** The process's own clock unless set. */
  readonly clock?: Clock;
}

/**
 * Sends one message as one frame and resolves when the kernel has taken it. To an address it connects, sends and
 * closes. There is no handshake: nothing is proven, nothing is encrypted.
 * @throws DisterError `DISTER_ERR_MESSAGE`, `DISTER_ERR_TOO_LARGE`, `DISTER_ERR_PEER_UNREACHABLE`.
 */
export async function send(
  target: Socket | { readonly host: string; readonly port: number },
  msg: Msg,
  options: SendOptions = {},
): Promise<void> {
  const frame = await frameOf(msg, options);
  const own = !("write" in target);
  const socket = own ? connect(target) : target;
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => reject(unreachable(socket, error.message));
    socket.once("error", failed);
    const done = (error?: Error | null): void => {
      socket.off("error", failed);
      if (error == null) resolve();
      else failed(error);
    };
    if (own) {
      // The other side may still reset the connection when everything is sent; nobody waits for that any more.
      socket.on("error", () => {});
      socket.end(frame, () => done());
    } else socket.write(frame, done);
  });
}

async function frameOf(msg: Msg, { compress = false }: SendOptions): Promise<Uint8Array> {
  const body = encodeMsg(msg);
  if (compress) {
    const packed = await deflate(body);
    if (packed.length < body.length) {
      return encodeFrame({ kind: FRAME_KIND.msg, flags: FRAME_FLAG.deflated }, packed);
    }
  }
  return encodeFrame({ kind: FRAME_KIND.msg }, body);
}

/**
 * Receives one message; what comes behind it stays in the socket for the next call. The socket is paused afterwards.
 * @throws DisterError `DISTER_ERR_TIMEOUT`, `DISTER_ERR_FRAME`, `DISTER_ERR_MESSAGE` or `DISTER_ERR_PEER_UNREACHABLE`
 *   when it ends first; after any of these the socket is of no use and is destroyed.
 */
export async function receive(socket: Socket, options: ReceiveOptions): Promise<Msg> {
  const { frameBytesMax = LIMITS.frameBytesMax } = options;
  try {
    const frame = await oneFrame(socket, options, frameBytesMax);
    return decodeMsg(await unpacked(frame, frameBytesMax));
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function oneFrame(
  socket: Socket,
  { timeoutMs, clock = systemClock }: ReceiveOptions,
  bodyBytesMax: number,
): Promise<Frame> {
  const decoder = new FrameDecoder({ bodyBytesMax });
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(timeoutMs, () => {
      finish(() => reject(new DisterError("DISTER_ERR_TIMEOUT", { what: "receiving a message", timeoutMs })));
    });
    const finish = (settle: () => void): void => {
      timer.cancel();
      socket.off("data", received).off("end", ended).off("close", ended).off("error", failed);
      settle();
    };
    const ended = (): void => finish(() => reject(unreachable(socket, "it closed the connection")));
    const failed = (error: Error): void => finish(() => reject(unreachable(socket, error.message)));
    const received = (chunk: Buffer): void => {
      try {
        decoder.feed(chunk);
        const frame = decoder.next();
        if (frame === undefined) return;
        socket.pause();
        finish(() => resolve(frame));
        if (decoder.rest.length > 0) socket.unshift(decoder.rest);
      } catch (error) {
        finish(() => reject(error as Error));
      }
    };
    socket.on("data", received).on("end", ended).on("close", ended).on("error", failed);
    if (socket.destroyed) ended();
    else socket.resume();
  });
}

async function unpacked({ kind, flags, body }: Frame, bytesMax: number): Promise<Uint8Array> {
  if (kind !== FRAME_KIND.msg) throw badFrame(`kind ${kind} is not a message`);
  if ((flags & FRAME_FLAG.deflated) === 0) return body;
  try {
    return await inflate(body, { maxOutputLength: bytesMax });
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw badFrame(tooLarge ? `it inflates to more than ${bytesMax} bytes` : "it cannot be inflated");
  }
}

function unreachable(socket: Socket, reason: string): DisterError {
  const peer = `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`;
  return new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer, reason, sent: true });
}
