import { connect, createServer, type Socket } from "node:net";
import { MSG_HEAD, type RaftMessage, type TransportReceiver } from "@dister/types";
import { systemRng } from "@dister/types/system";
import {
  encodeFrame,
  encodeMsg,
  encodeRaftFrame,
  FRAME_KIND,
  type Frame,
  FrameDecoder,
  type TcpPeers,
} from "@dister/wire";
import { afterEach, describe, expect, test } from "vitest";
import { A, B, C, infoOf, Lines, open, until } from "./lab.ts";

const SECRET = "a long and random secret of the group";
const HIGH_TERM: RaftMessage = { type: "stand", term: 4_000_000_000 };
const NONE = new Uint8Array(0);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What got through to a node: nothing may. */
class Got implements TransportReceiver {
  readonly things: string[] = [];

  message(from: string, { type }: RaftMessage): void {
    this.things.push(`${type} of ${from}`);
  }
  peerUp(): void {}
  peerDown(): void {}
  snapshot(from: string): Promise<never> {
    this.things.push(`snapshot of ${from}`);
    return Promise.reject(new Error("none"));
  }
}

interface Victim {
  readonly peers: TcpPeers;
  readonly got: Got;
  readonly lines: Lines;
  readonly heard: string[];
}

async function victim(id: string, options: Parameters<typeof open>[1] = {}): Promise<Victim> {
  const [got, lines, heard] = [new Got(), new Lines(), [] as string[]];
  const peers = await open(id, { onInfo: (info) => heard.push(info.id), ...options }, { logger: lines });
  cleanups.push(() => peers.close());
  peers.bind(got);
  peers.serve("read", async () => {
    got.things.push("a call");
    return NONE;
  });
  return { peers, got, lines, heard };
}

/** A bare socket that takes what it gets apart. */
class Bare {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port });
    const decoder = new FrameDecoder();
    this.socket.on("data", (chunk) => this.frames.push(...decoder.push(chunk)));
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
    cleanups.push(() => this.socket.destroy());
  }

  async frame(at: number): Promise<Frame> {
    await until(() => this.frames.length > at || this.closed, `frame ${at}`);
    return this.frames[at] ?? { kind: FRAME_KIND.msg, flags: 0, correlation: 0, body: NONE };
  }
}

async function listening(take: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => take(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  return (server.address() as { port: number }).port;
}

/** Frames of one direction, each perhaps changed, or dropped with undefined. */
type Change = (frame: Frame, direction: "there" | "back") => Uint8Array | undefined;
const same: Change = ({ kind, body }) => encodeFrame({ kind }, body);

/** Somebody whom a node dials and who passes on what it says to another node. */
function between(target: number, change: Change = same): Promise<number> {
  return listening((socket) => {
    const onward = connect({ host: "127.0.0.1", port: target });
    cleanups.push(
      () => socket.destroy(),
      () => onward.destroy(),
    );
    for (const [from, to, direction] of [
      [socket, onward, "there"],
      [onward, socket, "back"],
    ] as const) {
      const decoder = new FrameDecoder();
      from.on("error", () => {}).on("close", () => to.destroy());
      from.on("data", (chunk) => {
        for (const frame of decoder.push(chunk)) {
          const changed = change(frame, direction);
          if (changed !== undefined) to.write(changed);
        }
      });
    }
  });
}

const addressOf = (raft: number, repl = raft) => ({ host: "127.0.0.1", ports: { raft, repl, api: 0 } });
const preface = (purpose: number, secret: boolean, versions = [1, 1]): Uint8Array =>
  encodeFrame(
    { kind: FRAME_KIND.preface },
    Uint8Array.from([...versions, purpose, Number(secret), ...systemRng.bytes(32)]),
  );
const hello = (group: string, body = Buffer.from(B)): Uint8Array =>
  encodeFrame({ kind: FRAME_KIND.hello }, encodeMsg({ head: MSG_HEAD.raftHi, info: infoOf(A, { group }), body }));

describe("X5: what somebody gains who is dialled and passes on the proofs of one node to another", () => {
  test("nothing: a connection that is meant for one node is not taken by another", async () => {
    const [b, c] = [await victim(B, { secret: SECRET }), await victim(C, { secret: SECRET })];
    b.peers.setPeer(A, addressOf(await between(c.peers.ports().raft), await between(c.peers.ports().repl)));
    b.peers.send(A, [HIGH_TERM]);
    await until(() => /looks for another node/.test(c.lines.lines.join()), "refused");
    await until(() => b.lines.lines.join().includes(`another node answers there: ${C}`), "said by the dialer");
    expect([...c.got.things, ...c.heard]).toEqual([]);
    expect(b.peers.isUp(A)).toBe(false);
  });

  test("nothing: who goes on with a hello of its own is refused, for it cannot seal it", async () => {
    const [b, c] = [await victim(B, { secret: SECRET }), await victim(C, { secret: SECRET })];
    const forged: Change = (frame, direction) =>
      frame.kind === FRAME_KIND.hello && direction === "there"
        ? Buffer.concat([hello("g", Buffer.from(C)), encodeRaftFrame(HIGH_TERM)])
        : same(frame, direction);
    b.peers.setPeer(A, addressOf(await between(c.peers.ports().raft, forged)));
    await until(() => /hello was not made by who proved/.test(c.lines.lines.join()), "refused");
    expect([...c.got.things, ...c.heard]).toEqual([]);
  });

  test("nothing: a hello that is sealed cannot be changed, neither on the way there nor back", async () => {
    for (const changed of ["there", "back"] as const) {
      const [b, c] = [await victim(B, { secret: SECRET }), await victim(C, { secret: SECRET })];
      const flip: Change = (frame, direction) => {
        if (frame.kind !== FRAME_KIND.hello || direction !== changed) return same(frame, direction);
        return encodeFrame(
          { kind: frame.kind },
          frame.body.map((byte, at) => (at === 5 ? byte ^ 1 : byte)),
        );
      };
      const raftPort = await between(c.peers.ports().raft, flip);
      await expect(b.peers.hello({ host: "127.0.0.1", raftPort })).rejects.toMatchObject({
        code: "DISTER_ERR_HANDSHAKE",
      });
      const seen = changed === "there" ? c : b;
      await until(() => /hello was not made by who proved/.test(seen.lines.lines.join()), "refused");
      expect(seen.heard).toEqual([]);
    }
  });

  test("nothing: what was said as a first hello does not open a connection for Raft, nor one version another", async () => {
    // The byte of the preface that is changed: the newest version, the purpose. On the way back it is put right again.
    for (const [at, there, back] of [
      [1, 2, 1],
      [2, 2, 1],
    ] as const) {
      const [b, c] = [await victim(B, { secret: SECRET }), await victim(C, { secret: SECRET })];
      const turn: Change = (frame, direction) => {
        if (frame.kind !== FRAME_KIND.preface) return same(frame, direction);
        const body = frame.body.slice();
        body[at] = direction === "there" ? there : back;
        return encodeFrame({ kind: frame.kind }, body);
      };
      const raftPort = await between(c.peers.ports().raft, turn);
      await expect(b.peers.hello({ host: "127.0.0.1", raftPort })).rejects.toMatchObject({
        code: "DISTER_ERR_HANDSHAKE",
      });
      await until(() => /proof of the secret is wrong/.test(c.lines.lines.join()), "refused");
      expect(c.heard).toEqual([]);
    }
  });

  test("nothing: a node that is led back to itself meets itself", async () => {
    const b = await victim(B, { secret: SECRET });
    const port = await between(b.peers.ports().raft);
    b.peers.setPeer(A, addressOf(port));
    await until(() => /this is the node itself/.test(b.lines.lines.join()), "refused");
    expect([...b.got.things, ...b.heard]).toEqual([]);
  });
});

describe("X5: who has not the secret, the group or the version", () => {
  const intruders: [string, (v: Victim) => Promise<Bare>][] = [
    ["another secret", async ({ peers }) => intrude(peers, { proof: true })],
    ["no secret", async ({ peers }) => intrude(peers, { secret: false })],
    ["the secret announced and no proof", async ({ peers }) => intrude(peers, {})],
    ["another version", async ({ peers }) => intrude(peers, { versions: [2, 9] })],
  ];
  test.each(intruders)("%s: raises no term, makes no call, joins nothing and learns nothing", async (_name, run) => {
    const v = await victim(B, { secret: SECRET });
    const bare = await run(v);
    await until(() => bare.closed, "closed");
    expect([...v.got.things, ...v.heard]).toEqual([]);
    const told = Buffer.concat(bare.frames.map(({ body }) => body));
    expect(told.includes(B) || told.includes(Buffer.from(B, "hex")) || told.includes("node ")).toBe(false);
    expect(bare.frames.map(({ kind }) => kind).filter((kind) => kind !== FRAME_KIND.preface)).toEqual([]);
  });

  test("another group, without any secret: the same, and not a word", async () => {
    const v = await victim(B);
    const bare = new Bare(v.peers.ports().raft);
    bare.socket.write(preface(2, false));
    await bare.frame(0);
    bare.socket.write(Buffer.concat([hello("other"), encodeRaftFrame(HIGH_TERM)]));
    await until(() => bare.closed, "closed");
    expect([...v.got.things, ...v.heard]).toEqual([]);
    expect(bare.frames.map(({ kind }) => kind)).toEqual([FRAME_KIND.preface]);
  });

  test("another group that shares the secret is refused at the proof", async () => {
    const b = await victim(B, { secret: SECRET });
    const a = await victim(A, { secret: SECRET, group: "other" });
    const { raft: raftPort } = b.peers.ports();
    await expect(a.peers.hello({ host: "127.0.0.1", raftPort })).rejects.toMatchObject({
      code: "DISTER_ERR_HANDSHAKE",
    });
    await until(() => /proof of the secret is wrong/.test(b.lines.lines.join()), "refused");
    expect(b.heard).toEqual([]);
  });

  interface How {
    readonly secret?: boolean;
    readonly proof?: boolean;
    readonly versions?: number[];
  }

  async function intrude(peers: TcpPeers, { secret = true, proof = false, versions = [1, 1] }: How): Promise<Bare> {
    const bare = new Bare(peers.ports().raft);
    bare.socket.write(preface(2, secret, versions));
    await bare.frame(0);
    if (proof) bare.socket.write(encodeFrame({ kind: FRAME_KIND.proof }, systemRng.bytes(32)));
    bare.socket.write(Buffer.concat([hello("g"), encodeRaftFrame(HIGH_TERM)]));
    return bare;
  }
});

describe("X2: connections that say nothing", () => {
  test("hundreds of them lock nobody out and disturb no connection that stands", async () => {
    const [a, b] = [await victim(A), await victim(B)];
    a.peers.setPeer(B, addressOf(b.peers.ports().raft, b.peers.ports().repl));
    await until(() => a.peers.isUp(B), "connected");
    const silent: Bare[] = [];
    for (let round = 0; round < 8; round++) {
      const batch = Array.from({ length: 50 }, () => new Bare(b.peers.ports().raft));
      silent.push(...batch);
      await until(() => batch.every(({ socket }) => !socket.connecting), "connected");
    }
    const c = await victim(C);
    expect((await c.peers.hello({ host: "127.0.0.1", raftPort: b.peers.ports().raft })).id).toBe(B);
    await until(() => silent.filter(({ closed }) => closed).length >= 400 - 128, "the oldest are closed");
    expect(a.peers.isUp(B)).toBe(true);
    a.peers.send(B, [HIGH_TERM]);
    await until(() => b.got.things.length === 1, "the connection that stood carries on");
  });

  test("a flood of refusals writes one line, not one for each", async () => {
    const b = await victim(B, { secret: SECRET });
    for (let at = 0; at < 50; at++) {
      const bare = new Bare(b.peers.ports().raft);
      bare.socket.write(preface(2, false));
      await until(() => bare.closed, "closed");
    }
    const warned = b.lines.lines.filter((line) => line.startsWith("warn"));
    expect(warned).toHaveLength(1);
    expect(warned[0]).toContain("it has no secret");
  });
});
