import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Chance } from "../src/chance.ts";
import { between, Links } from "../src/network/link.ts";
import { PeerProxy } from "../src/network/proxy.ts";

// Whoever says this is node 0; an echo is node 1.
const ID = Buffer.from("5F1C0A77E3B2D964", "hex");
const PORT = 24_166;
const [ADVERTISED, REAL] = [`127.77.${process.pid % 250}.1`, `127.77.${process.pid % 250}.101`];

let links: Links;
let proxy: PeerProxy;
let echo: Server;
let accepted: Socket[];

beforeEach(async () => {
  links = new Links();
  accepted = [];
  echo = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(PORT, REAL, resolve));
  proxy = new PeerProxy({ links, chance: new Chance(1), ids: () => [ID, undefined] });
  await proxy.listen([{ node: 1, advertised: ADVERTISED, real: REAL }], [PORT]);
});

afterEach(async () => {
  links.clear();
  for (const socket of accepted) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

async function dialled(): Promise<{ socket: Socket; said: () => string; hears: (text: string) => Promise<void> }> {
  const socket = connect(PORT, ADVERTISED).on("error", () => {});
  let heard = "";
  socket.on("data", (bytes) => {
    heard += String(bytes);
  });
  // The introduction comes in two parts, neither of which has the whole id.
  socket.write(Buffer.concat([Buffer.from("preface"), ID.subarray(0, 3)]));
  while (!heard.includes("preface")) await once(socket, "data");
  heard = "";
  socket.write(Buffer.concat([ID.subarray(3), Buffer.from("hello;")]));
  const hears = async (text: string): Promise<void> => {
    while (!heard.includes(text)) await once(socket, "data");
  };
  return { socket, said: () => heard, hears };
}

/** What must not arrive is given so long to do it; a slow machine cannot make a test fail by it. */
const NOTHING_COMES_MS = 50;

/** Everything that was on its way has arrived when a second connection has made a whole turn. */
async function turnAround(): Promise<void> {
  const { socket, hears } = await dialled();
  socket.write("turn");
  await hears("turn");
  socket.destroy();
}

describe.runIf(process.platform === "linux")("the proxy between nodes", () => {
  it("carries bytes both ways", async () => {
    const { socket, hears } = await dialled();
    await hears("hello;");
    socket.write("how are you");
    await hears("how are you");
    socket.destroy();
  });

  it.each([
    ["towards", [{ from: 0, to: 1 }]],
    ["back", [{ from: 1, to: 0 }]],
    ["both ways", between([0], [1])],
  ] as const)("holds what was sent over a link that is cut (%s) and passes it on when it heals", async (_, cut) => {
    const { socket, said, hears } = await dialled();
    socket.write("before;");
    await hears("before;");
    const undo = links.add(cut, { cut: true });
    socket.write("behind");
    await new Promise((resolve) => setTimeout(resolve, NOTHING_COMES_MS));
    expect(said()).toMatch(/before;$/);
    undo();
    await hears("before;behind");
    socket.destroy();
  });

  it.each([
    ["towards", [{ from: 0, to: 1 }]],
    ["back", [{ from: 1, to: 0 }]],
  ] as const)("answers no hello over a link that is cut (%s)", async (_, cut) => {
    const undo = links.add(cut, { cut: true });
    const { socket, said, hears } = await dialled();
    await new Promise((resolve) => setTimeout(resolve, NOTHING_COMES_MS));
    expect(said()).toBe("");
    undo();
    await hears("hello;");
    socket.destroy();
  });

  it("resets a connection to where nobody listens", async () => {
    for (const socket of accepted) socket.destroy();
    await new Promise((resolve) => echo.close(resolve));
    const socket = connect(PORT, ADVERTISED);
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("close", resolve));
  });

  it("keeps the order on a link with a delay that changes", async () => {
    const { socket, hears } = await dialled();
    links.add([{ from: 0, to: 1 }], { delayMs: 5, jitterMs: 30 });
    const pieces = Array.from({ length: 20 }, (_, i) => `${i};`);
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await hears(pieces.join(""));
    socket.destroy();
  });

  it("ends the connections of a pair when it is told to, and carries new ones", async () => {
    const { socket } = await dialled();
    await turnAround();
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    expect(proxy.reset([{ from: 1, to: 0 }])).toBe(0);
    expect(proxy.reset(between([0], [1]))).toBeGreaterThan(0);
    await closed;
    await turnAround();
  });

  it("passes the end of a connection on, but not over a cut link", async () => {
    const { socket } = await dialled();
    await turnAround();
    const ended = once(accepted[0]!, "end");
    const undo = links.add(between([0], [1]), { cut: true });
    socket.end();
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, NOTHING_COMES_MS));
    expect(isOver).toBe(false);
    undo();
    await ended;
  });
});
