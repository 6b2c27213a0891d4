import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import {
  type Clock,
  DisterError,
  invariant,
  LIMITS,
  type NodeId,
  type PiecesFrom,
  type SnapshotOffer,
  type SnapshotReply,
  type Timer,
  type TransportReceiver,
} from "@dister/types";
import { badMessage } from "./byte-writer.ts";
import type { Connection } from "./connection.ts";
import { encodeFrame, FRAME_KIND, type Frame } from "./frame.ts";
import {
  decodeSnapshotEnd,
  decodeSnapshotFrom,
  decodeSnapshotHeader,
  decodeSnapshotReply,
  encodeSnapshotEnd,
  encodeSnapshotFrom,
  encodeSnapshotHeader,
  encodeSnapshotReply,
} from "./snapshot-codec.ts";

/** A stream on which nothing moves for this long is broken, in milliseconds; above any pause of a disk. */
const STALL_MS = 60_000;
/** How long a receiver that has answered waits for the sender to close, in milliseconds. */
const LINGER_MS = 5_000;
/** How often a receiver that puts a snapshot in place says that it is still there, in milliseconds; well below a stall. */
const SIGN_MS = 10_000;

/**
 * Sends a snapshot over a connection of its own: the header; the pieces from the one on that the receiver asks for; an
 * end with a checksum. Then it waits for the answer, which may come at any time when the receiver refuses. Each piece
 * waits until the kernel has taken the one before.
 */
export async function sendSnapshotOver(
  connection: Connection,
  clock: Clock,
  offer: SnapshotOffer,
  piecesFrom: PiecesFrom,
): Promise<SnapshotReply> {
  const send = (kind: Frame["kind"], body: Uint8Array): Promise<void> =>
    moving(connection, clock, () => connection.write(encodeFrame({ kind }, body)));
  await send(FRAME_KIND.snapshotHeader, encodeSnapshotHeader(offer));
  const said = await readPastSigns(connection, clock);
  if (said.kind === FRAME_KIND.snapshotReply) return decodeSnapshotReply(said.body);
  const first = decodeSnapshotFrom(bodyOf(said, FRAME_KIND.snapshotFrom));
  const { pieceCount } = offer.content;
  if (first > pieceCount) throw badMessage(`piece ${first} of ${pieceCount} was asked for`);

  let answered = false;
  const answer = answerOf(connection, clock, () => {
    answered = true;
  });
  // When streaming fails first, that is the error to tell; this one must not count as unhandled.
  answer.catch(() => {});
  let [bytes, crc] = [0, 0];
  for await (const piece of piecesFrom(first)) {
    invariant(piece.length <= LIMITS.snapshotChunkBytes, `a piece of ${piece.length} bytes`);
    bytes += piece.length;
    crc = crc32(piece, crc);
    await send(FRAME_KIND.snapshotChunk, piece);
    // While the kernel takes everything at once nothing above waits for the event loop: a long snapshot from a fast
    // source would hold up heartbeats.
    await nextTurn();
    if (answered) return answer;
  }
  await send(FRAME_KIND.snapshotEnd, encodeSnapshotEnd({ bytes, crc }));
  return answer;
}

async function answerOf(connection: Connection, clock: Clock, answered: () => void): Promise<SnapshotReply> {
  const frame = await readPastSigns(connection, clock);
  answered();
  return decodeSnapshotReply(bodyOf(frame, FRAME_KIND.snapshotReply));
}

/** The next frame that is no sign of life; each of those gives the receiver more time. */
async function readPastSigns(connection: Connection, clock: Clock): Promise<Frame> {
  for (;;) {
    const frame = await moving(connection, clock, () => connection.read());
    if (frame.kind !== FRAME_KIND.ping) return frame;
  }
}

/** Receives one snapshot and answers it. Whatever goes wrong closes the connection and reaches the receiver too. */
export async function receiveSnapshotFrom(
  connection: Connection,
  clock: Clock,
  from: NodeId,
  receiver: TransportReceiver,
): Promise<void> {
  const read = (): Promise<Frame> => moving(connection, clock, () => connection.read());
  const offer = decodeSnapshotHeader(bodyOf(await read(), FRAME_KIND.snapshotHeader));
  const signs = signsOfLife(connection, clock);
  const reply = await receiver
    .snapshot(from, offer, (first) => {
      connection.send(encodeFrame({ kind: FRAME_KIND.snapshotFrom }, encodeSnapshotFrom(first)));
      return pieces(read);
    })
    .finally(() => signs.end());
  connection.send(encodeFrame({ kind: FRAME_KIND.snapshotReply }, encodeSnapshotReply(reply)));
  // The sender closes when it has the answer. Closing here with pieces unread would reset the answer away.
  const timer = clock.setTimer(LINGER_MS, () => connection.close("the snapshot was answered"));
  connection.onClose(() => timer.cancel());
  connection.listen(() => {});
}

/** Tells the sender from time to time that this side is still at work: putting a large snapshot in place takes a while. */
function signsOfLife(connection: Connection, clock: Clock): { end(): void } {
  let timer: Timer;
  const sign = (): void => {
    timer = clock.setTimer(SIGN_MS, () => {
      connection.send(encodeFrame({ kind: FRAME_KIND.ping }, new Uint8Array()));
      sign();
    });
  };
  sign();
  return { end: () => timer.cancel() };
}

async function* pieces(read: () => Promise<Frame>): AsyncGenerator<Uint8Array> {
  let [bytes, crc] = [0, 0];
  for (;;) {
    const frame = await read();
    if (frame.kind === FRAME_KIND.snapshotEnd) {
      const end = decodeSnapshotEnd(frame.body);
      if (end.bytes === bytes && end.crc === crc) return;
      throw new DisterError("DISTER_ERR_SNAPSHOT", { reason: "the pieces do not fit the checksum of the sender" });
    }
    const piece = bodyOf(frame, FRAME_KIND.snapshotChunk);
    if (piece.length > LIMITS.snapshotChunkBytes) throw badMessage(`a piece of ${piece.length} bytes is too large`);
    bytes += piece.length;
    crc = crc32(piece, crc);
    yield piece;
  }
}

function bodyOf(frame: Frame, kind: Frame["kind"]): Uint8Array {
  if (frame.kind !== kind) throw badMessage(`kind ${frame.kind} came in a snapshot, not ${kind}`);
  return frame.body;
}

/** Waits for one step of the stream and breaks the connection when it does not come about. */
async function moving<T>(connection: Connection, clock: Clock, step: () => Promise<T>): Promise<T> {
  const timer = clock.setTimer(STALL_MS, () => connection.close("the snapshot does not move any more"));
  try {
    return await step();
  } finally {
    timer.cancel();
  }
}
