import { crc32 } from "node:zlib";
import {
  LIMITS,
  NO_LOGGER,
  type NodeId,
  type PiecesFrom,
  type RaftMessage,
  type TransportReceiver,
} from "@dister/types";
import { systemClock, systemRng } from "@dister/types/system";
import { ManualClock, SeededRng } from "@dister/types/testing";
import { afterEach, describe, expect, test } from "vitest";
import { A, B, infoOf, Lines, open, until } from "../test/lab.ts";
import { decodeFailure, encodeCall } from "./call-codec.ts";
import type { Connection } from "./connection.ts";
import { type DialTarget, dial } from "./dial.ts";
import { encodeFrame, FRAME_KIND, type Frame } from "./frame.ts";
import type { HandshakeSide } from "./handshake.ts";
import { PeerServer } from "./peer-server.ts";
import type { Purpose } from "./preface.ts";
import { encodeRaftFrame } from "./raft-codec.ts";
import { encodeSnapshotEnd, encodeSnapshotHeader } from "./snapshot-codec.ts";
import type { TcpPeers } from "./tcp-peers.ts";

const C = "00000000000000CC";
const NONE = new Uint8Array(0);
const HEADER = { term: 1, position: { index: 5, term: 1 }, membership: { members: [] } };
const OFFER = { ...HEADER, content: { digest: "5a".repeat(32), pieceCount: 4, byteCount: 1_000 } };
const STAND: RaftMessage = { type: "stand", term: 1 };
const PROBE: RaftMessage = { type: "append", term: 1, prev: { index: 0, term: 0 }, entries: [], commit: 0 };

const cleanups: (() => unknown)[] = [];
const idOf = new WeakMap<TcpPeers, NodeId>();
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(...args: Parameters<typeof open>): Promise<TcpPeers> {
  const peers = (await open(...args)) as TcpPeers;
  cleanups.push(() => peers.close());
  idOf.set(peers, args[0]);
  return peers;
}

/** Reads until the other side closes; it may have asked for pieces before. */
async function readToTheEnd(connection: Connection): Promise<void> {
  for (;;) {
    const frame = await connection.read().catch(() => undefined);
    if (frame === undefined) return;
    expect(frame.kind).toBe(FRAME_KIND.snapshotFrom);
  }
}

class Notes implements TransportReceiver {
  readonly messages: string[] = [];
  readonly events: string[] = [];
  snapshotError: Error | undefined;
  refuse = false;
  first = 0;

  message(from: NodeId, message: RaftMessage): void {
    this.messages.push(`${from} ${message.type}`);
  }

  peerUp(peer: NodeId): void {
    this.events.push(`up ${peer}`);
  }

  peerDown(peer: NodeId): void {
    this.events.push(`down ${peer}`);
  }

  async snapshot(_from: NodeId, _offer: unknown, piecesFrom: PiecesFrom) {
    try {
      for await (const _chunk of piecesFrom(this.first)) {
        if (this.refuse) return { term: 9, ok: false, index: 0 };
      }
    } catch (error) {
      this.snapshotError = error as Error;
      throw error;
    }
    return { term: 1, ok: true, index: 5 };
  }
}

function sideOf(id: NodeId): HandshakeSide {
  const self = () => infoOf(id);
  return { clock: systemClock, rng: systemRng, logger: NO_LOGGER, group: "g", secret: undefined, tls: undefined, self };
}

/** A connection of a node that is made by hand: it has shaken hands and nothing else. */
async function handmade(id: NodeId, peers: TcpPeers, purpose: Purpose): Promise<Connection> {
  const port = purpose === "raft" || purpose === "hello" ? peers.ports().raft : peers.ports().repl;
  const target: DialTarget = { host: "127.0.0.1", port, purpose, expected: idOf.get(peers)! };
  const { connection, done } = dial(target, sideOf(id));
  cleanups.push(() => connection.close("the test is over"));
  await done;
  return connection;
}

const addressOf = (peers: TcpPeers) => ({ host: "127.0.0.1", ports: { ...peers.ports(), api: 0 } });

describe("X1: bad input ends one connection and nothing else", () => {
  const bad: [string, Purpose, Uint8Array][] = [
    ["no frame", "raft", Buffer.from("this is no frame at all")],
    ["a damaged frame", "raft", encodeRaftFrame(STAND).map((byte, at) => (at === 25 ? byte ^ 1 : byte))],
    [
      "an unknown message",
      "raft",
      encodeFrame({ kind: FRAME_KIND.raft }, Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    ],
    ["log entries on the raft port", "raft", encodeRaftFrame(PROBE)],
    ["a vote on the repl port", "repl", encodeRaftFrame(STAND)],
    ["a call on the raft port", "raft", encodeFrame({ kind: FRAME_KIND.call, correlation: 1 }, Uint8Array.of(1, 65))],
    ["a call without a method", "repl", encodeFrame({ kind: FRAME_KIND.call, correlation: 1 }, NONE)],
    ["a second hello", "repl", encodeFrame({ kind: FRAME_KIND.hello }, NONE)],
    ["anything behind a hello", "hello", encodeFrame({ kind: FRAME_KIND.ping }, NONE)],
  ];
  test.each(bad)("%s", async (_name, purpose, bytes) => {
    const [notes, lines] = [new Notes(), new Lines()];
    const peers = await started(A, {}, { logger: lines });
    peers.bind(notes);
    const [good, evil] = [await handmade(B, peers, "raft"), await handmade(C, peers, purpose)];
    evil.listen(() => {});
    evil.send(bytes);
    await until(() => evil.closed !== undefined, "the bad connection is closed");
    good.send(encodeRaftFrame(STAND));
    await until(() => notes.messages.length > 0, "the good one goes on");
    expect(notes.messages).toEqual([`${B} stand`]);
    expect(good.closed).toBe(undefined);
    if (purpose !== "hello") expect(lines.lines.join()).toContain("closed for bad input");
  });
});

test("a call whose time was over before there was a connection is not sent", async () => {
  let lateMs = 0;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + lateMs };
  const [a, b] = [await started(A, {}, { clock }), await started(B)];
  let calls = 0;
  b.serve("count", async () => {
    calls++;
    return NONE;
  });
  a.setPeer(B, addressOf(b));
  const late = a.call(B, "count", NONE, { timeoutMs: 1_000 });
  lateMs = 2_000;
  await expect(late).rejects.toMatchObject({ code: "DISTER_ERR_PEER_UNREACHABLE", details: { sent: false } });
  await a.call(B, "count", NONE, { timeoutMs: 60_000 });
  expect(calls).toBe(1);
});

test("X13: a peer cannot have more calls running than the limit", async () => {
  const peers = await started(A);
  let running = 0;
  peers.serve("never", () => {
    running++;
    return new Promise(() => {});
  });
  const caller = await handmade(B, peers, "repl");
  const refusals: Frame[] = [];
  caller.listen((frame) => refusals.push(frame));
  for (let call = 1; call <= LIMITS.peerCallsMax + 1; call++) caller.send(encodeCall(call, "never", NONE));
  await until(() => refusals.length === 1, "one is refused");
  expect(decodeFailure(refusals[0]!.body).code).toBe("DISTER_ERR_BUSY");
  expect([refusals[0]!.correlation, running]).toEqual([LIMITS.peerCallsMax + 1, LIMITS.peerCallsMax]);
});

test("what is sent while the connection is being made arrives when it stands", async () => {
  const notes = new Notes();
  const [a, b] = [await started(A), await started(B)];
  b.bind(notes);
  a.setPeer(B, addressOf(b));
  a.send(B, [STAND, PROBE]);
  await until(() => notes.messages.length === 2, "both arrive");
  expect(new Set(notes.messages)).toEqual(new Set([`${A} stand`, `${A} append`]));
});

describe("snapshots", () => {
  test("S2: pieces that do not fit the checksum at the end never count as a snapshot", async () => {
    const notes = new Notes();
    const peers = await started(A);
    peers.bind(notes);
    const sender = await handmade(B, peers, "snapshot");
    const piece = Uint8Array.of(1, 2, 3);
    sender.send(encodeFrame({ kind: FRAME_KIND.snapshotHeader }, encodeSnapshotHeader(OFFER)));
    sender.send(encodeFrame({ kind: FRAME_KIND.snapshotChunk }, piece));
    const end = encodeSnapshotEnd({ bytes: 3, crc: crc32(piece) ^ 1 });
    sender.send(encodeFrame({ kind: FRAME_KIND.snapshotEnd }, end));
    await readToTheEnd(sender);
    expect(notes.snapshotError).toMatchObject({ code: "DISTER_ERR_SNAPSHOT" });
  });

  const wrong: [string, Uint8Array][] = [
    ["a piece above the limit", encodeFrame({ kind: FRAME_KIND.snapshotChunk }, new Uint8Array(256 * 1024 + 1))],
    ["another kind of frame", encodeFrame({ kind: FRAME_KIND.ping }, NONE)],
    ["another header", encodeFrame({ kind: FRAME_KIND.snapshotHeader }, encodeSnapshotHeader(OFFER))],
  ];
  test.each(wrong)("X1: %s in the stream breaks it", async (_name, bytes) => {
    const notes = new Notes();
    const peers = await started(A);
    peers.bind(notes);
    const sender = await handmade(B, peers, "snapshot");
    sender.send(encodeFrame({ kind: FRAME_KIND.snapshotHeader }, encodeSnapshotHeader(OFFER)));
    sender.send(bytes);
    await readToTheEnd(sender);
    expect(notes.snapshotError).toMatchObject({ code: "DISTER_ERR_MESSAGE" });
  });

  test("a receiver that refuses in the middle is heard while the sender still streams", async () => {
    const notes = new Notes();
    notes.refuse = true;
    const [a, b] = [await started(A), await started(B)];
    b.bind(notes);
    a.setPeer(B, addressOf(b));
    let ended = false;
    const endless = async function* () {
      try {
        for (;;) yield new Uint8Array(100_000);
      } finally {
        ended = true;
      }
    };
    expect(await a.sendSnapshot(B, OFFER, endless)).toEqual({ term: 9, ok: false, index: 0 });
    expect(ended).toBe(true);
  });

  test("a piece above the limit is not sent", async () => {
    const notes = new Notes();
    const [a, b] = [await started(A), await started(B)];
    b.bind(notes);
    a.setPeer(B, addressOf(b));
    const once = async function* () {
      yield new Uint8Array(256 * 1024 + 1);
    };
    await expect(a.sendSnapshot(B, OFFER, once)).rejects.toThrow(/a piece of 262145 bytes/);
    await until(() => notes.snapshotError !== undefined, "the receiver is told");
  });

  test("X1: a receiver that asks for a piece behind the last one is cut off", async () => {
    const notes = new Notes();
    notes.first = OFFER.content.pieceCount + 1;
    const [a, b] = [await started(A), await started(B)];
    b.bind(notes);
    a.setPeer(B, addressOf(b));
    let read = 0;
    const counted = async function* () {
      read++;
      yield new Uint8Array(10);
    };
    await expect(a.sendSnapshot(B, OFFER, counted)).rejects.toThrow(/piece 5 of 4 was asked for/);
    await until(() => notes.snapshotError !== undefined, "the receiver is told");
    expect(read).toBe(0);
  });
});

describe("the life of a connection", () => {
  /** A peer made by hand that takes connections and answers pings only when it is told to. */
  async function fake(id: NodeId): Promise<{ port: number; connections: Connection[]; answering: boolean }> {
    const state = { port: 0, connections: [] as Connection[], answering: true };
    const server = await PeerServer.listen(sideOf(id), {
      name: "raft",
      host: "127.0.0.1",
      port: 0,
      purposes: ["raft", "repl"],
      connectionsMax: 10,
      accepted: (connection) => {
        state.connections.push(connection);
        connection.listen((frame) => {
          if (state.answering && frame.kind === FRAME_KIND.ping) {
            connection.send(encodeFrame({ kind: FRAME_KIND.pong }, NONE));
          }
        });
      },
    });
    cleanups.push(() => server.close());
    state.port = server.port;
    return state;
  }

  const fakeAddress = (port: number) => ({ host: "127.0.0.1", ports: { raft: port, repl: port, api: 0 } });

  test("a connection that answers no ping any more is given up and made again", async () => {
    const [clock, notes, peer] = [new ManualClock(), new Notes(), await fake(B)];
    const a = await started(A, {}, { clock });
    a.bind(notes);
    a.setPeer(B, fakeAddress(peer.port));
    await until(() => a.isUp(B), "connected");
    for (let second = 0; second < 20; second++) {
      clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(notes.events).toEqual([`up ${B}`]);
    peer.answering = false;
    await until(() => {
      clock.advance(1_000);
      return notes.events.length === 2;
    }, "given up");
    await until(() => {
      clock.advance(10);
      return notes.events.length === 3;
    }, "made again");
    expect(notes.events).toEqual([`up ${B}`, `down ${B}`, `up ${B}`]);
  });

  test("when the small connection is made again after a silence, so is the one for bulk, which was silent as well", async () => {
    const [clock, notes, peer] = [new ManualClock(), new Notes(), await fake(B)];
    const a = await started(A, {}, { clock });
    a.bind(notes);
    a.setPeer(B, fakeAddress(peer.port));
    await until(() => peer.connections.length === 2, "raft and repl");
    await until(() => a.isUp(B), "connected");
    peer.answering = false;
    await until(() => {
      clock.advance(1_000);
      return notes.events.length === 2;
    }, "given up");
    const brokenMs = clock.nowMs();
    await until(() => {
      // Less than a ping in all: nothing else than the new connection can be the reason.
      if (clock.nowMs() < brokenMs + 900) clock.advance(5);
      return peer.connections.length === 4;
    }, "both are made again");
    expect(notes.events).toEqual([`up ${B}`, `down ${B}`, `up ${B}`]);
  });

  test("when the peer's own connection closes it is down until it answers on the other one", async () => {
    const [notes, peer] = [new Notes(), await fake(B)];
    const a = await started(A);
    a.bind(notes);
    a.setPeer(B, fakeAddress(peer.port));
    const incoming = await handmade(B, a, "raft");
    await until(() => a.isUp(B), "connected");
    incoming.send(encodeRaftFrame(STAND));
    await until(() => notes.messages.length === 1, "the incoming connection is in use");
    incoming.close("the test closes it");
    await until(() => notes.events.length === 3, "down, and up by its answer");
    expect(notes.events).toEqual([`up ${B}`, `down ${B}`, `up ${B}`]);
    expect(peer.connections.length).toBe(2);
  });

  test("a newer connection of a peer takes the place of the older one without a suspicion", async () => {
    const [notes, peer] = [new Notes(), await fake(B)];
    const a = await started(A);
    a.bind(notes);
    a.setPeer(B, fakeAddress(peer.port));
    await until(() => a.isUp(B), "connected");
    const older = await handmade(B, a, "raft");
    older.listen(() => {});
    const newer = await handmade(B, a, "raft");
    await until(() => older.closed !== undefined, "the older one is closed");
    newer.send(encodeRaftFrame(STAND));
    await until(() => notes.messages.length === 1, "the newer one is in use");
    expect(notes.events).toEqual([`up ${B}`]);
  });

  test("a peer that connects is tried at once, without waiting for the back-off", async () => {
    const clock = new ManualClock();
    const a = await started(A, {}, { clock, rng: new SeededRng(1) });
    a.bind(new Notes());
    const b = await started(B);
    const address = addressOf(b);
    await b.close();
    a.setPeer(B, address);
    // Both links have failed and wait for a clock that stands still.
    await until(() => clock.pending === 2, "both wait");
    const again = await started(B, { ports: { raft: address.ports.raft, repl: address.ports.repl } });
    again.setPeer(A, addressOf(a));
    await until(() => a.isUp(B), "connected while the clock stood still");
    expect(clock.nowMs()).toBe(0);
  });

  test("a node that is set as its own peer is never dialled", async () => {
    const lines = new Lines();
    const a = await started(A, {}, { logger: lines });
    a.setPeer(A, addressOf(a));
    expect(a.isUp(A)).toBe(false);
    expect(lines.lines.join()).toContain("its own peer");
  });

  test("a message that cannot be encoded is lost and said aloud, and the next one passes", async () => {
    const [notes, lines] = [new Notes(), new Lines()];
    const [a, b] = [await started(A, {}, { logger: lines }), await started(B)];
    b.bind(notes);
    a.setPeer(B, addressOf(b));
    await until(() => a.isUp(B), "connected");
    a.send(B, [{ type: "stand", term: -1 }, STAND]);
    await until(() => notes.messages.length === 1, "the good one arrives");
    expect(lines.lines.join()).toContain("error a Raft message cannot be sent");
  });

  test("closing rejects what is open and refuses what comes later", async () => {
    const [a, b] = [await started(A), await started(B)];
    let called = false;
    b.serve("never", () => {
      called = true;
      return new Promise(() => {});
    });
    a.setPeer(B, addressOf(b));
    const open = a.call(B, "never", NONE, { timeoutMs: 60_000 });
    const ended = expect(open).rejects.toMatchObject({ code: "DISTER_ERR_PEER_UNREACHABLE", details: { sent: true } });
    await until(() => called, "the call is under way");
    await a.close();
    await ended;
    await expect(a.call(B, "never", NONE, { timeoutMs: 60_000 })).rejects.toMatchObject({ details: { sent: false } });
    a.setPeer(B, addressOf(b));
    a.send(B, [STAND]);
    expect(a.isUp(B)).toBe(false);
    await a.close();
  });
});
