import { connect, createServer, type Server, type Socket } from "node:net";
import { LIMITS, MSG_HEAD, NO_LOGGER, type NodeInfo } from "@dister/types";
import { systemClock, systemRng } from "@dister/types/system";
import { ManualClock } from "@dister/types/testing";
import { encodeFrame, encodeMsg, encodeRaftFrame, FRAME_KIND, FrameDecoder, TcpPeers } from "@dister/wire";
import { afterEach, describe, expect, test } from "vitest";
import { A, at, B, C, infoOf, Lines, open, refusal, until } from "./lab.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(...args: Parameters<typeof open>): Promise<TcpPeers> {
  const peers = await open(...args);
  cleanups.push(() => peers.close());
  return peers;
}

interface Raw {
  readonly socket: Socket;
  readonly received: number[];
  readonly frames: { kind: number; body: Uint8Array }[];
  closed: boolean;
}

/** A bare socket that keeps what it gets. */
function taking(socket: Socket): Raw {
  const raw: Raw = { socket, received: [], frames: [], closed: false };
  const decoder = new FrameDecoder();
  socket.on("data", (chunk) => {
    raw.received.push(...chunk);
    raw.frames.push(...decoder.push(chunk));
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    raw.closed = true;
  });
  cleanups.push(() => socket.destroy());
  return raw;
}

const raw = (port: number): Raw => taking(connect({ host: "127.0.0.1", port }));

async function listening(take: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => take(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function preface(options: { versions?: [number, number]; purpose?: number; secret?: boolean } = {}): Uint8Array {
  const { versions = [1, 1], purpose = 1, secret = false } = options;
  const body = Uint8Array.from([...versions, purpose, secret ? 1 : 0, ...systemRng.bytes(32)]);
  return encodeFrame({ kind: FRAME_KIND.preface }, body);
}

const NONE = new Uint8Array(0);
const helloFrame = (info: NodeInfo, head: number = MSG_HEAD.raftHi, body: Uint8Array = NONE): Uint8Array =>
  encodeFrame({ kind: FRAME_KIND.hello }, encodeMsg({ head, info, body }));

/** A bare socket that has shaken hands with B, without a secret. */
async function introduced(b: TcpPeers, id: string): Promise<Raw> {
  const one = raw(b.ports().raft);
  one.socket.write(preface({ purpose: 2 }));
  await until(() => one.frames.length === 1, "the preface comes back");
  one.socket.write(helloFrame(infoOf(id), MSG_HEAD.raftHi, Buffer.from(B)));
  await until(() => one.frames.length === 2, "the hello comes back");
  return one;
}

describe("who is let in", () => {
  test("both sides learn each other's node info, with the address filled in", async () => {
    const heard: NodeInfo[] = [];
    const a = await started(A, { onInfo: (info) => heard.push(info) });
    const b = await started(B, { onInfo: (info) => heard.push(info) });
    const info = await a.hello(at(b.ports().raft));
    expect(info).toEqual({ ...infoOf(B), ip: "127.0.0.1", ports: { ...b.ports(), api: 4168 } });
    await until(() => heard.length === 2, "both are told");
    expect(new Set(heard.map(({ id, ip }) => `${id} ${ip}`))).toEqual(new Set([`${A} 127.0.0.1`, `${B} 127.0.0.1`]));
  });

  test("a configured address in the node info is kept as it is for the one who is called", async () => {
    const heard: NodeInfo[] = [];
    const b = await started(B, { onInfo: (info) => heard.push(info) });
    const a = await started(A, { self: () => infoOf(A, { ip: "192.0.2.7" }) });
    await a.hello(at(b.ports().raft));
    await until(() => heard.length === 1, "told");
    expect(heard[0]?.ip).toBe("192.0.2.7");
  });

  test("X5: another group is refused, and the listener ends without a word of its own", async () => {
    const [a, b] = [await started(A), await started(B, { group: "other" })];
    expect(await refusal(a.hello(at(b.ports().raft)))).toContain("closed the connection");
    const one = raw(b.ports().raft);
    one.socket.write(preface());
    await until(() => one.frames.length === 1, "the preface comes back");
    one.socket.write(helloFrame(infoOf(A)));
    await until(() => one.closed, "closed");
    expect(one.frames.map(({ kind }) => kind)).toEqual([FRAME_KIND.preface]);
  });

  test("where a node was met is told beside its info, and whether it names an address itself", async () => {
    const sightings: unknown[] = [];
    const b = await started(B, { onInfo: (info, sighting) => sightings.push({ ip: info.ip, ...sighting }) });
    const [named, unnamed] = [await started(A, { self: () => infoOf(A, { ip: "192.0.2.7" }) }), await started(A)];
    await named.hello(at(b.ports().raft));
    await unnamed.hello(at(b.ports().raft));
    await until(() => sightings.length === 2, "told");
    expect(sightings).toEqual([
      { ip: "192.0.2.7", host: "127.0.0.1", named: true },
      { ip: "127.0.0.1", host: "127.0.0.1", named: false },
    ]);
  });

  test("a hello gives up after the time that it was given, at somebody who accepts and says nothing", async () => {
    let silent: Raw | undefined;
    const port = await listening((socket) => {
      silent = taking(socket);
    });
    const clock = new ManualClock();
    const a = await started(A, {}, { clock });
    const reason = refusal(a.hello(at(port), { timeoutMs: 200 }));
    await until(() => silent?.frames.length === 1, "the preface comes");
    clock.advance(199);
    expect(silent!.closed).toBe(false);
    clock.advance(2);
    expect(await reason).toBe("the handshake took too long");
    await until(() => silent!.closed, "closed");
    // Whoever only listens learns no group and no name.
    expect(silent!.frames.map(({ kind }) => kind)).toEqual([FRAME_KIND.preface]);
  });

  test("a node that meets itself is told so", async () => {
    const a = await started(A);
    expect(await refusal(a.hello(at(a.ports().raft)))).toBe("this is the node itself");
  });

  test("nodes of two clusters may say hello", async () => {
    const a = await started(A, { self: () => infoOf(A, { cluster: "0000000000000001" }) });
    const b = await started(B, { self: () => infoOf(B, { cluster: "0000000000000002" }) });
    expect((await a.hello(at(b.ports().raft))).cluster).toBe("0000000000000002");
  });

  test("a port takes only what it is for", async () => {
    const b = await started(B);
    const [hello, raft] = [raw(b.ports().repl), raw(b.ports().repl)];
    hello.socket.write(preface({ purpose: 1 }));
    raft.socket.write(preface({ purpose: 2 }));
    await until(() => hello.closed && raft.closed, "both are closed");
    expect([hello.received, raft.received]).toEqual([[], []]);
  });

  test("X2: beyond the limit of connections a further one is closed at once", async () => {
    const b = await started(B, { connectionsMax: 2 });
    const held = [await introduced(b, A), await introduced(b, C)];
    const third = raw(b.ports().raft);
    await until(() => third.closed, "the third is closed");
    expect(held.some(({ closed }) => closed)).toBe(false);
  });
});

describe("the secret", () => {
  const SECRET = "hunter2 hunter2 hunter2";

  test("nodes with the same secret meet", async () => {
    const [a, b] = [await started(A, { secret: SECRET }), await started(B, { secret: Buffer.from(SECRET) })];
    expect((await a.hello(at(b.ports().raft))).id).toBe(B);
  });

  const pairs: [string, string | undefined, string | undefined][] = [
    ["another secret", SECRET, "swordfish"],
    ["no secret at the dialer", undefined, SECRET],
    ["no secret at the listener", SECRET, undefined],
  ];
  test.each(pairs)("X5: %s ends it, and no line and no error shows a secret", async (_name, one, other) => {
    const lines = new Lines();
    const a = await started(A, { secret: one }, { logger: lines });
    const b = await started(B, { secret: other }, { logger: lines });
    const reason = await refusal(a.hello(at(b.ports().raft)));
    expect(reason).toContain("closed the connection");
    await until(() => lines.lines.some((line) => line.includes("refused")), "the listener notes it");
    expect(lines.lines.join("\n") + reason).not.toMatch(/hunter2|swordfish/);
  });

  test("X5: without a proof nothing else is read", async () => {
    let messages = 0;
    const b = await started(B, { secret: SECRET });
    b.bind({
      message: () => messages++,
      peerUp: () => {},
      peerDown: () => {},
      snapshot: () => Promise.reject(new Error("none")),
    });
    const [bare, skipping] = [raw(b.ports().raft), raw(b.ports().raft)];
    bare.socket.write(preface({ purpose: 2 }));
    skipping.socket.write(preface({ purpose: 2, secret: true }));
    await until(() => skipping.frames.length === 1, "the preface comes back");
    skipping.socket.write(helloFrame(infoOf(A)));
    skipping.socket.write(encodeRaftFrame({ type: "stand", term: 99 }));
    await until(() => bare.closed && skipping.closed, "both are closed");
    expect(bare.received).toEqual([]);
    expect(skipping.frames.map(({ kind }) => kind)).toEqual([FRAME_KIND.preface]);
    expect(messages).toBe(0);
  });

  test("X5: a recorded handshake that is played again is refused", async () => {
    const b = await started(B, { secret: SECRET });
    const spoken: Buffer[] = [];
    const tap = await listening((socket) => {
      const onward = connect({ host: "127.0.0.1", port: b.ports().raft });
      socket.on("data", (chunk) => spoken.push(chunk)).pipe(onward);
      onward.on("error", () => {}).pipe(socket);
      socket.on("error", () => {});
    });
    const a = await started(A, { secret: SECRET });
    expect((await a.hello(at(tap))).id).toBe(B);
    const replay = raw(b.ports().raft);
    replay.socket.write(spoken[0]!);
    await until(() => replay.frames.length === 1, "the preface comes back");
    for (const chunk of spoken.slice(1)) replay.socket.write(chunk);
    await until(() => replay.closed, "closed");
    expect(spoken.length).toBeGreaterThan(1);
    expect(replay.frames.map(({ kind }) => kind)).toEqual([FRAME_KIND.preface]);
  });

  test("X5: a dialer's own proof sent back to it is not the proof of a listener", async () => {
    const heard: number[] = [];
    const mirror = await listening((socket) => {
      const decoder = new FrameDecoder();
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        for (const frame of decoder.push(chunk)) {
          heard.push(frame.kind);
          socket.write(encodeFrame({ kind: frame.kind }, frame.body));
        }
      });
    });
    const a = await started(A, { secret: SECRET });
    expect(await refusal(a.hello(at(mirror)))).toContain("proof of the secret is wrong");
    expect(heard).toEqual([FRAME_KIND.preface, FRAME_KIND.proof]);
  });
});

describe("versions", () => {
  test("X5: an incompatible dialer is logged and gets the versions of the listener", async () => {
    const lines = new Lines();
    const b = await started(B, {}, { logger: lines });
    const old = raw(b.ports().raft);
    old.socket.write(preface({ versions: [2, 3] }));
    await until(() => old.closed, "closed");
    expect(old.frames.map(({ kind, body }) => [kind, ...body.subarray(0, 2)])).toEqual([[FRAME_KIND.preface, 1, 1]]);
    expect(lines.lines.filter((line) => line.startsWith("warn")).join()).toMatch(
      /refused.*versions 2 to 3, this node 1 to 1/,
    );
  });

  test("X5: an incompatible listener is logged at the dialer", async () => {
    const lines = new Lines();
    const port = await listening((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.end(preface({ versions: [4, 5] })));
    });
    const a = await started(A, {}, { logger: lines });
    expect(await refusal(a.hello(at(port)))).toContain("it speaks protocol versions 4 to 5");
    expect(lines.lines.filter((line) => line.startsWith("warn")).join()).toMatch(
      /refused.*versions 4 to 5, this node 1 to 1/,
    );
  });
});

describe("hostile beginnings", () => {
  const wrong: [string, Uint8Array][] = [
    ["a request of a browser", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["a Raft message first", encodeRaftFrame({ type: "stand", term: 1 })],
    ["a hello first", helloFrame(infoOf(A))],
    ["a preface that is too short", encodeFrame({ kind: FRAME_KIND.preface }, new Uint8Array(35))],
    ["a preface of an unknown purpose", preface({ purpose: 9 })],
    ["a frame above the limit before the handshake", encodeFrame({ kind: FRAME_KIND.preface }, new Uint8Array(4_097))],
  ];
  test.each(wrong)("X1: %s is closed without a word", async (_name, bytes) => {
    const b = await started(B);
    const one = raw(b.ports().raft);
    one.socket.write(bytes);
    await until(() => one.closed, "closed");
    expect(one.received).toEqual([]);
    const a = await started(A);
    expect((await a.hello(at(b.ports().raft))).id).toBe(B);
  });

  const hellos: [string, number, Uint8Array][] = [
    ["with the head of an answer", MSG_HEAD.raftHi2, NONE],
    ["with a body that is no id", MSG_HEAD.raftHi, Uint8Array.of(1)],
    ["with an id in lower case", MSG_HEAD.raftHi, Buffer.from(B.toLowerCase())],
  ];
  test.each(hellos)("X1: a hello %s is not answered", async (_name, head, body) => {
    const b = await started(B);
    const one = raw(b.ports().raft);
    one.socket.write(preface());
    await until(() => one.frames.length === 1, "the preface comes back");
    one.socket.write(helloFrame(infoOf(A), head, body));
    await until(() => one.closed, "closed");
    expect(one.frames.map(({ kind }) => kind)).toEqual([FRAME_KIND.preface]);
  });

  test("X2: who is slow with the handshake is closed when its time is over, and not sooner", async () => {
    const clock = new ManualClock();
    const b = await started(B, {}, { clock });
    const [silent, dripping, late] = [raw(b.ports().raft), raw(b.ports().raft), raw(b.ports().raft)];
    dripping.socket.write(preface().subarray(0, 30));
    late.socket.write(preface());
    await until(() => clock.pending === 3 && late.frames.length === 1, "all are accepted");
    clock.advance(LIMITS.handshakeTimeoutMs - 1);
    const witness = raw(b.ports().raft);
    witness.socket.write(preface());
    await until(() => witness.frames.length === 1, "the port still serves");
    expect([silent, dripping, late].map(({ closed }) => closed)).toEqual([false, false, false]);
    clock.advance(1);
    await until(() => silent.closed && dripping.closed && late.closed, "all are closed");
    expect(witness.closed).toBe(false);
  });

  test("X2: a listener that never answers ends a hello when its time is over", async () => {
    const clock = new ManualClock();
    let taken = 0;
    const port = await listening((socket) => {
      taken++;
      cleanups.push(() => socket.destroy());
    });
    const a = await started(A, {}, { clock });
    const hello = refusal(a.hello(at(port)));
    // Two timers in turn: one for connecting, then one for the rest of the time.
    await until(() => taken === 1, "connected");
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(LIMITS.handshakeTimeoutMs);
    expect(await hello).toBe("the handshake took too long");
  });
});

test("a port that is taken is a configuration error, and the other port is given back", async () => {
  const a = await started(A);
  const taken = a.ports().repl;
  const options = { host: "127.0.0.1", group: "g", self: () => infoOf(B) };
  const components = { clock: systemClock, rng: systemRng, logger: NO_LOGGER };
  const free = await listening(() => {});
  await expect(
    TcpPeers.listen({ components, options: { ...options, ports: { raft: 0, repl: taken } } }),
  ).rejects.toMatchObject({ code: "DISTER_ERR_CONFIG", details: { key: "Ports.repl" } });
  await expect(
    TcpPeers.listen({ components, options: { ...options, ports: { raft: free, repl: 0 } } }),
  ).rejects.toMatchObject({ code: "DISTER_ERR_CONFIG", details: { key: "Ports.raft" } });
});
