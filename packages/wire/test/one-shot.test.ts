import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { deflateRawSync } from "node:zlib";
import { LIMITS, type Msg } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { encodeFrame, encodeMsg, FRAME_FLAG, FRAME_KIND, receive, send } from "@dister/wire";
import { afterEach, describe, expect, test } from "vitest";
import { A, infoOf, until } from "./lab.ts";

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function server(): Promise<{ port: number; accepted: Promise<Socket> }> {
  const listening: Server = createServer();
  const accepted = once(listening, "connection").then(([socket]) => {
    cleanups.push(() => (socket as Socket).destroy());
    return socket as Socket;
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  cleanups.push(() => listening.close());
  const address = listening.address();
  return { port: typeof address === "object" && address !== null ? address.port : 0, accepted };
}

async function pair(): Promise<[Socket, Socket]> {
  const { port, accepted } = await server();
  const one = connect(port, "127.0.0.1");
  cleanups.push(() => one.destroy());
  return [one, await accepted];
}

const msg = (head: number, body: Uint8Array): Msg => ({ head, body, info: infoOf(A) });
const TEXT = new Uint8Array(200_000).fill(97);

test("a message that is sent is received, plain and compressed, and a compressed one is smaller", async () => {
  const [one, other] = await pair();
  await send(one, msg(1, TEXT));
  expect(await receive(other, { timeoutMs: 5_000 })).toEqual(msg(1, TEXT));
  const plainBytes = one.bytesWritten;
  await send(one, msg(2, TEXT), { compress: true });
  expect(await receive(other, { timeoutMs: 5_000 })).toEqual(msg(2, TEXT));
  expect(one.bytesWritten - plainBytes).toBeLessThan(2_000);
});

test("messages that arrive together are received one by one", async () => {
  const [one, other] = await pair();
  const bodies = [new Uint8Array(0), Uint8Array.of(1), TEXT, Uint8Array.of(2)];
  for (const [at, body] of bodies.entries()) await send(one, msg(at, body), { compress: at % 2 === 0 });
  for (const [at, body] of bodies.entries()) {
    expect(await receive(other, { timeoutMs: 5_000 })).toEqual(msg(at, body));
  }
});

test("a message to an address goes over a connection of its own", async () => {
  const { port, accepted } = await server();
  const sending = send({ host: "127.0.0.1", port }, msg(7, TEXT));
  expect(await receive(await accepted, { timeoutMs: 5_000 })).toEqual(msg(7, TEXT));
  await sending;
});

test("an address where nobody listens is unreachable", async () => {
  const { port } = await server();
  for (const cleanup of cleanups.splice(0)) cleanup();
  await expect(send({ host: "127.0.0.1", port }, msg(1, TEXT))).rejects.toMatchObject({
    code: "DISTER_ERR_PEER_UNREACHABLE",
  });
});

test("a message that does not come ends with the time", async () => {
  const [one, other] = await pair();
  const clock = new ManualClock();
  one.write(encodeFrame({ kind: FRAME_KIND.msg }, encodeMsg(msg(1, TEXT))).subarray(0, 100));
  const receiving = receive(other, { timeoutMs: 1_000, clock });
  clock.advance(1_000);
  await expect(receiving).rejects.toMatchObject({ code: "DISTER_ERR_TIMEOUT" });
  expect(other.destroyed).toBe(true);
});

test("a message that is cut is an error and never a short message", async () => {
  const [one, other] = await pair();
  const receiving = receive(other, { timeoutMs: 5_000 });
  one.end(encodeFrame({ kind: FRAME_KIND.msg }, encodeMsg(msg(1, TEXT))).subarray(0, 100));
  await expect(receiving).rejects.toMatchObject({ code: "DISTER_ERR_PEER_UNREACHABLE" });
});

describe("X1: hostile frames", () => {
  const bomb = deflateRawSync(new Uint8Array(LIMITS.frameBytesMax + 1));
  const flags = FRAME_FLAG.deflated;
  const bad: [string, Uint8Array, string][] = [
    ["a decompression bomb", encodeFrame({ kind: FRAME_KIND.msg, flags }, bomb), "inflates to more than"],
    [
      "what cannot be inflated",
      encodeFrame({ kind: FRAME_KIND.msg, flags }, TEXT.subarray(0, 9)),
      "cannot be inflated",
    ],
    ["another kind", encodeFrame({ kind: FRAME_KIND.ping }, new Uint8Array(0)), "is not a message"],
    ["what is no message", encodeFrame({ kind: FRAME_KIND.msg }, Uint8Array.of(1)), "bad message"],
    ["what is no frame", new Uint8Array(64), "DSTR"],
  ];
  test.each(bad)("%s is refused and the socket is given up", async (_name, bytes, reason) => {
    const [one, other] = await pair();
    const receiving = receive(other, { timeoutMs: 5_000 });
    one.write(bytes);
    await expect(receiving).rejects.toThrow(reason);
    await until(() => other.destroyed, "given up");
  });

  test("a frame above the limit of the caller is refused", async () => {
    const [one, other] = await pair();
    const receiving = receive(other, { timeoutMs: 5_000, frameBytesMax: 1_000 });
    await send(one, msg(1, TEXT));
    await expect(receiving).rejects.toThrow("above the limit of 1000");
  });
});
