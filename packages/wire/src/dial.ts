import { connect, type Socket } from "node:net";
import { DisterError, LIMITS, type NodeId } from "@dister/types";
import { Connection } from "./connection.ts";
import { dialHandshake, type Handshaken, type HandshakeSide } from "./handshake.ts";
import { connectTls } from "./peer-tls.ts";
import type { Purpose } from "./preface.ts";

/** Where to and what for. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly purpose: Purpose;
  /** Id that must answer. */
  readonly expected?: NodeId;
  /** Time for connecting and the handshake, in milliseconds; `LIMITS.handshakeTimeoutMs` unless set. */
  readonly withinMs?: number | undefined;
}

/** A connection that is being made: it can be closed at any time, and `done` settles in any case. */
export interface Dialling {
  readonly connection: Connection;
  /**
   * Settles within the time of its target.
   * @throws DisterError `DISTER_ERR_PEER_UNREACHABLE` when nobody answers, `DISTER_ERR_HANDSHAKE` when somebody does.
   */
  readonly done: Promise<Handshaken>;
}

/** Connects and shakes hands. */
export function dial(target: DialTarget, side: HandshakeSide): Dialling {
  const { host, port } = target;
  const { tls, group } = side;
  const socket = tls === undefined ? connect({ host, port }) : connectTls({ host, port }, { tls, group });
  const connection = new Connection(socket);
  return { connection, done: finishDial(socket, connection, target, side) };
}

async function finishDial(
  socket: Socket,
  connection: Connection,
  target: DialTarget,
  side: HandshakeSide,
): Promise<Handshaken> {
  const peer = target.expected ?? `${target.host}:${target.port}`;
  const start = side.clock.nowMs();
  const { withinMs = LIMITS.handshakeTimeoutMs } = target;
  const timer = side.clock.setTimer(withinMs, () => connection.close("nobody answers"));
  try {
    await connected(socket, connection, { peer, encrypted: side.tls !== undefined });
  } finally {
    timer.cancel();
  }
  return dialHandshake(connection, side, peer, {
    purpose: target.purpose,
    expected: target.expected,
    withinMs: Math.max(0, withinMs - (side.clock.nowMs() - start)),
  });
}

function connected(
  socket: Socket,
  connection: Connection,
  { peer, encrypted }: { readonly peer: string; readonly encrypted: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let reached = false;
    socket.once("connect", () => {
      reached = true;
    });
    socket.once(encrypted ? "secureConnect" : "connect", resolve);
    connection.onClose((reason) => {
      // Somebody answered, and TLS did not come about: that is a refusal, which is worth a warning.
      if (reached && encrypted) reject(new DisterError("DISTER_ERR_HANDSHAKE", { peer, reason: withoutTls(reason) }));
      else reject(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer, reason, sent: false }));
    });
  });
}

/** What a failure to agree on TLS means, seen from the side that dialled. */
function withoutTls(reason: string): string {
  const closed = reason === "ECONNRESET" || reason.startsWith("the other side");
  return closed ? "it closed the connection within the TLS handshake: perhaps Tls is not set there" : reason;
}
