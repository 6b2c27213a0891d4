import { connect, createServer, type Server, type Socket } from "node:net";
import { LIMITS } from "@dister/types";
import { afterEach, expect, test, vi } from "vitest";
import { until } from "../test/lab.ts";
import { Connection } from "./connection.ts";
import { encodeFrame, FRAME_KIND, type Frame } from "./frame.ts";

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Both ends of one TCP connection. */
async function sockets(): Promise<[Socket, Socket]> {
  const server: Server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const one = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  const other = await accepted;
  cleanups.push(() => {
    one.destroy();
    other.destroy();
    server.close();
  });
  return [one, other];
}

const frame = (bytes: number): Uint8Array => encodeFrame({ kind: FRAME_KIND.msg }, new Uint8Array(bytes));

test("frames of one turn of the event loop leave in one write, in order", async () => {
  const [one, other] = await sockets();
  const write = vi.spyOn(one, "write");
  const [sender, receiver] = [new Connection(one), new Connection(other)];
  receiver.trust();
  const sizes: number[] = [];
  receiver.listen(({ body }) => sizes.push(body.length));
  for (let size = 0; size < 100; size++) expect(sender.send(frame(size))).toBe(true);
  expect(write).not.toHaveBeenCalled();
  await until(() => sizes.length === 100, "all arrive");
  expect(write).toHaveBeenCalledTimes(1);
  expect(sizes).toEqual(Array.from({ length: 100 }, (_, at) => at));
});

test("large frames are not joined by a copy but handed over together", async () => {
  const [one, other] = await sockets();
  const [cork, uncork] = [vi.spyOn(one, "cork"), vi.spyOn(one, "uncork")];
  const [sender, receiver] = [new Connection(one), new Connection(other)];
  receiver.trust();
  let bytes = 0;
  receiver.listen(({ body }) => {
    bytes += body.length;
  });
  for (let round = 0; round < 10; round++) sender.send(frame(50_000));
  await until(() => bytes === 500_000, "all arrive");
  expect([cork.mock.calls.length, uncork.mock.calls.length]).toEqual([1, 1]);
});

test("X2: beyond the limit of the send queue frames are dropped, and memory stays bounded", async () => {
  const [one, other] = await sockets();
  other.pause();
  const sender = new Connection(one);
  const mebibyte = frame(1024 * 1024);
  let taken = 0;
  while (sender.send(mebibyte)) taken++;
  expect(taken).toBe(Math.floor(LIMITS.sendQueueBytesMax / mebibyte.length));
  expect(sender.queuedBytes).toBeLessThanOrEqual(LIMITS.sendQueueBytesMax);
});

test("a reader that does not read holds the sender back", async () => {
  const [one, other] = await sockets();
  const [sender, receiver] = [new Connection(one), new Connection(other)];
  receiver.trust();
  const first = receiver.read();
  let written = 0;
  const piece = frame(256 * 1024);
  const writing = (async () => {
    for (; written < 2_000; written++) await sender.write(piece);
  })().catch(() => {});
  expect((await first).body.length).toBe(256 * 1024);
  await until(() => other.isPaused() && one.writableNeedDrain, "the sender waits");
  expect(written).toBeLessThan(1_000);
  sender.close("done");
  await writing;
});

test("a closed connection rejects its reader, tells its listeners once and refuses frames", async () => {
  const [one, other] = await sockets();
  const connection = new Connection(one);
  const reasons: string[] = [];
  connection.onClose((reason) => reasons.push(reason));
  const reading = connection.read();
  other.destroy();
  await expect(reading).rejects.toMatchObject({ code: "DISTER_ERR_PEER_UNREACHABLE" });
  connection.onClose((reason) => reasons.push(reason));
  expect(reasons).toEqual(["the other side closed it", "the other side closed it"]);
  expect(connection.send(frame(1))).toBe(false);
  await expect(connection.read()).rejects.toMatchObject({ code: "DISTER_ERR_PEER_UNREACHABLE" });
  await expect(connection.write(frame(1))).rejects.toMatchObject({ code: "DISTER_ERR_PEER_UNREACHABLE" });
});

test("X1: bad bytes close the connection behind the frames that came before them", async () => {
  const [one, other] = await sockets();
  const connection = new Connection(one);
  const frames: Frame[] = [];
  connection.listen((got) => frames.push(got));
  other.write(Buffer.concat([frame(1), Buffer.from("this is no frame at all")]));
  await until(() => connection.closed !== undefined, "closed");
  expect(frames.length).toBe(1);
  expect(connection.closed).toContain("bad frame");
});

test("finish sends what is queued and then closes", async () => {
  const [one, other] = await sockets();
  const [sender, receiver] = [new Connection(one), new Connection(other)];
  sender.send(frame(3));
  sender.finish("that is all");
  expect((await receiver.read()).body.length).toBe(3);
  await expect(receiver.read()).rejects.toThrow("closed");
  await until(() => sender.closed === "that is all", "closed");
});
