import { connect, type Socket } from "node:net";
import { DisterError, LIMITS, type NodeId } from "@dister/types";
import { Connection } from "./connection.ts";
import { dialHandshake, type Handshaken, type HandshakeSide } from "./handshake.ts";
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
  const socket = connect({ host: target.host, port: target.port });
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
    await connected(socket, connection, peer);
  } finally {
    timer.cancel();
  }
  return dialHandshake(connection, side, peer, {
    purpose: target.purpose,
    expected: target.expected,
    withinMs: Math.max(0, withinMs - (side.clock.nowMs() - start)),
  });
}

function connected(socket: Socket, connection: Connection, peer: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    connection.onClose((reason) => {
      reject(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer, reason, sent: false }));
    });
  });
}
