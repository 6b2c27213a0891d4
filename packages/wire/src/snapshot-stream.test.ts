import { Socket } from "node:net";
import { systemClock } from "@dister/types/system";
import { expect, test, vi } from "vitest";
import { Connection } from "./connection.ts";
import { sendSnapshotOver } from "./snapshot-stream.ts";

const HEADER = { term: 1, position: { index: 5, term: 1 }, membership: { members: [] } };
const PIECES_MAX = 10_000;

test("S6: a snapshot that the kernel takes at once does not hold up the event loop", async () => {
  const socket = new Socket();
  vi.spyOn(socket, "write").mockImplementation((_bytes, ...rest) => {
    const done = rest.at(-1);
    if (typeof done === "function") queueMicrotask(() => done());
    return true;
  });
  const connection = new Connection(socket);
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  let pieces = 0;
  const source = async function* () {
    for (; !turned && pieces < PIECES_MAX; pieces++) yield new Uint8Array(1_000);
    throw new Error("the source ends");
  };
  await expect(sendSnapshotOver(connection, systemClock, HEADER, source())).rejects.toThrow("the source ends");
  expect(pieces).toBeLessThan(PIECES_MAX);
  connection.close("the test is over");
});
