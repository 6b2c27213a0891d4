import { Socket } from "node:net";
import { systemClock } from "@dister/types/system";
import { expect, test, vi } from "vitest";
import { Connection } from "./connection.ts";
import { FRAME_KIND } from "./frame.ts";
import { encodeSnapshotFrom } from "./snapshot-codec.ts";
import { sendSnapshotOver } from "./snapshot-stream.ts";

const PIECES_MAX = 10_000;
const HEADER = { term: 1, position: { index: 5, term: 1 }, membership: { members: [] } };
const OFFER = {
  ...HEADER,
  content: { digest: "5a".repeat(32), pieceCount: PIECES_MAX, byteCount: 1_000 * PIECES_MAX },
};

test("S6: a snapshot that the kernel takes at once does not hold up the event loop", async () => {
  const socket = new Socket();
  vi.spyOn(socket, "write").mockImplementation((_bytes, ...rest) => {
    const done = rest.at(-1);
    if (typeof done === "function") queueMicrotask(() => done());
    return true;
  });
  const connection = new Connection(socket);
  const asked = { kind: FRAME_KIND.snapshotFrom, flags: 0, correlation: 0, body: encodeSnapshotFrom(0) };
  vi.spyOn(connection, "read")
    .mockResolvedValueOnce(asked)
    .mockReturnValue(new Promise(() => {}));
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  let pieces = 0;
  const source = async function* () {
    for (; !turned && pieces < PIECES_MAX; pieces++) yield new Uint8Array(1_000);
    throw new Error("the source ends");
  };
  await expect(sendSnapshotOver(connection, systemClock, OFFER, source)).rejects.toThrow("the source ends");
  expect(pieces).toBeLessThan(PIECES_MAX);
  connection.close("the test is over");
});
