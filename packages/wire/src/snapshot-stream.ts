import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import {
  type Clock,
  DisterError,
  LIMITS,
  type NodeId,
  type SnapshotHeader,
  type SnapshotReply,
  type TransportReceiver,
} from "@dister/types";
import { badMessage } from "./byte-writer.ts";
import type { Connection } from "./connection.ts";
import { encodeFrame, FRAME_KIND, type Frame } from "./frame.ts";
import {
  decodeSnapshotEnd,
  decodeSnapshotHeader,
  decodeSnapshotReply,
  encodeSnapshotEnd,
  encodeSnapshotHeader,
  encodeSnapshotReply,
} from "./snapshot-codec.ts";

/** A stream on which nothing moves for this long is broken, in milliseconds; above any pause of a disk. */
const STALL_MS = 60_000;
/** How long a receiver that has answered waits for the sender to close, in milliseconds. */
const LINGER_MS = 5_000;

/**
 * Sends a snapshot over a connection of its own: header, pieces, end with a checksum; then waits for the answer, which
 * may come before the end when the receiver refuses. Each piece waits until the kernel has taken the one before.
 */
export async function sendSnapshotOver(
  connection: Connection,
  clock: Clock,
  header: SnapshotHeader,
  chunks: AsyncIterable<Uint8Array>,
): Promise<SnapshotReply> {
  let answered = false;
  const answer = connection.read().then((frame) => {
    answered = true;
    return decodeSnapshotReply(bodyOf(frame, FRAME_KIND.snapshotReply));
  });
  // When streaming fails first, that is the error to tell; this one must not count as unhandled.
  answer.catch(() => {});
  const send = (kind: Frame["kind"], body: Uint8Array): Promise<void> =>
    moving(connection, clock, () => connection.write(encodeFrame({ kind }, body)));

  await send(FRAME_KIND.snapshotHeader, encodeSnapshotHeader(header));
  let [bytes, crc] = [0, 0];
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length && !answered; at += LIMITS.snapshotChunkBytes) {
      const piece = chunk.subarray(at, at + LIMITS.snapshotChunkBytes);
      bytes += piece.length;
      crc = crc32(piece, crc);
      await send(FRAME_KIND.snapshotChunk, piece);
      // While the kernel takes everything at once nothing above waits for the event loop: a long snapshot from a fast
      // source would hold up heartbeats.
      await nextTurn();
    }
    if (answered) return answer;
  }
  await send(FRAME_KIND.snapshotEnd, encodeSnapshotEnd({ bytes, crc }));
  return moving(connection, clock, () => answer);
}

/** Receives one snapshot and answers it. Whatever goes wrong closes the connection and reaches the receiver too. */
export async function receiveSnapshotFrom(
  connection: Connection,
  clock: Clock,
  from: NodeId,
  receiver: TransportReceiver,
): Promise<void> {
  const read = (): Promise<Frame> => moving(connection, clock, () => connection.read());
  const header = decodeSnapshotHeader(bodyOf(await read(), FRAME_KIND.snapshotHeader));
  const reply = await receiver.snapshot(from, header, pieces(read));
  connection.send(encodeFrame({ kind: FRAME_KIND.snapshotReply }, encodeSnapshotReply(reply)));
  // The sender closes when it has the answer. Closing here with pieces unread would reset the answer away.
  const timer = clock.setTimer(LINGER_MS, () => connection.close("the snapshot was answered"));
  connection.onClose(() => timer.cancel());
  connection.listen(() => {});
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
