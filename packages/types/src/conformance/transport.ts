import type { PiecesFrom, Transport, TransportReceiver } from "../contracts/transport.ts";
import { isDisterError } from "../errors.ts";
import type { ClusterId, NodeId } from "../ids.ts";
import type { LogEntry } from "../log-entry.ts";
import type { PeerAddress } from "../membership.ts";
import type { RaftMessage, SnapshotOffer, SnapshotReply } from "../raft-message.ts";
import { expect, expectEqual, type Suite, withFresh } from "./suite.ts";

/** One node of a trial. */
export interface TransportNode {
  readonly id: NodeId;
  readonly address: PeerAddress;
  readonly transport: Transport;
  /** Ends the node; its peers see what the end of a process looks like. */
  stop(): Promise<void>;
}

/** Makes nodes that can reach each other. */
export interface TransportLab {
  /** Starts a node; without an address where it likes, in the group "g" and in no cluster. */
  start(id: NodeId, options?: { address?: PeerAddress; group?: string; cluster?: ClusterId }): Promise<TransportNode>;
  /** Lets time pass until the condition holds; rejects with `what` when it does not within a reasonable time. */
  until(condition: () => boolean, what: string): Promise<void>;
}

const A = "00000000000000AA";
const B = "00000000000000BB";
const C = "00000000000000CC";
const D = "00000000000000DD";
const BIG = Number.MAX_SAFE_INTEGER;

const entry = (index: number, bytes: readonly number[], kind: LogEntry["kind"] = 0): LogEntry => ({
  index,
  term: 3,
  r: 9_999,
  kind,
  payload: Uint8Array.from(bytes),
});

const SMALL: readonly RaftMessage[] = [
  { type: "vote", term: 7, pre: true, last: { index: 5, term: 3 }, transfer: false },
  { type: "voteReply", term: 7, pre: false, granted: true, asked: 8 },
  { type: "heartbeat", term: BIG, commit: BIG, round: BIG },
  { type: "heartbeatReply", term: 7, round: 1 },
  { type: "readIndex", term: 7, id: 4_294_967_296 },
  { type: "readIndexReply", term: 7, id: 12, index: -1 },
  { type: "readIndexReply", term: 7, id: 13, index: 0 },
  { type: "timeoutNow", term: 7 },
  { type: "compare", term: 0, round: 1 },
  {
    type: "compareReply",
    term: 0,
    round: 1,
    last: { index: 0, term: 0 },
    scoreCount: 2,
    score: 815,
    leaderAlive: true,
  },
  { type: "stand", term: 7 },
];

const BULK: readonly RaftMessage[] = [
  { type: "append", term: 7, prev: { index: 0, term: 0 }, entries: [], commit: 0 },
  {
    type: "append",
    term: 7,
    prev: { index: 8, term: 3 },
    entries: [entry(9, []), entry(10, [1, 2, 255]), entry(11, [0], 2), entry(12, [], 1)],
    commit: 9,
  },
  { type: "appendReply", term: 7, ok: false, index: 9, hint: { index: 4, term: 2 } },
  { type: "appendReply", term: 7, ok: true, index: 12, hint: { index: 0, term: 0 } },
];

const OFFER: SnapshotOffer = {
  term: 4,
  position: { index: 100, term: 3 },
  membership: {
    members: [
      {
        id: A,
        name: "a",
        role: 0,
        voter: true,
        address: { host: "h", ports: { raft: 1, repl: 2, api: 3 } },
      },
    ],
  },
  content: { digest: "5a".repeat(32), pieceCount: 40, byteCount: 780_000 },
};

/** A receiver that writes down what it is given. */
class Notes implements TransportReceiver {
  readonly messages: { from: NodeId; message: RaftMessage }[] = [];
  readonly events: string[] = [];
  readonly pieces: Uint8Array[] = [];
  snapshotError: unknown;
  offers: { from: NodeId; offer: SnapshotOffer }[] = [];
  /** Number of the piece that is asked for first; null refuses the snapshot without a look at it. */
  first: number | null = 0;
  /** When set, a snapshot that was read is not answered before it resolves. */
  answer: Promise<void> = Promise.resolve();
  read = false;
  /** When set, a snapshot is not read before it resolves. */
  gate: Promise<void> = Promise.resolve();

  message(from: NodeId, message: RaftMessage): void {
    this.messages.push({ from, message });
  }

  peerUp(peer: NodeId): void {
    this.events.push(`up ${peer}`);
  }

  peerDown(peer: NodeId): void {
    this.events.push(`down ${peer}`);
  }

  async snapshot(from: NodeId, offer: SnapshotOffer, piecesFrom: PiecesFrom): Promise<SnapshotReply> {
    this.offers.push({ from, offer });
    if (this.first === null) return { term: 9, ok: false, index: 0 };
    await this.gate;
    try {
      for await (const chunk of piecesFrom(this.first)) this.pieces.push(chunk.slice());
    } catch (error) {
      this.snapshotError = error;
      throw error;
    }
    this.read = true;
    await this.answer;
    return { term: offer.term, ok: true, index: offer.position.index };
  }

  types(): string[] {
    return this.messages.map(({ message }) => message.type);
  }
}

interface Pair {
  readonly a: TransportNode;
  readonly b: TransportNode;
  readonly atA: Notes;
  readonly atB: Notes;
}

function join(one: TransportNode, other: TransportNode): void {
  one.transport.setPeer(other.id, other.address);
  other.transport.setPeer(one.id, one.address);
}

async function pair(lab: TransportLab): Promise<Pair> {
  const [a, b] = [await lab.start(A), await lab.start(B)];
  const [atA, atB] = [new Notes(), new Notes()];
  a.transport.bind(atA);
  b.transport.bind(atB);
  join(a, b);
  await lab.until(() => a.transport.isUp(B) && b.transport.isUp(A), "both see each other");
  return { a, b, atA, atB };
}

/** Plain data of a message: payloads as lists of numbers, so that any view of bytes compares. */
function plain(message: RaftMessage): unknown {
  if (message.type !== "append") return message;
  return { ...message, entries: message.entries.map((item) => ({ ...item, payload: [...item.payload] })) };
}

async function ended<T>(lab: TransportLab, promise: Promise<T>, what: string): Promise<{ value?: T; error?: unknown }> {
  let result: { value?: T; error?: unknown } | undefined;
  promise.then(
    (value) => {
      result = { value };
    },
    (error: unknown) => {
      result = { error };
    },
  );
  await lab.until(() => result !== undefined, what);
  return result!;
}

/** What every {@link Transport} must do. */
export function transportConformance(suite: Suite<TransportLab>): void {
  const check = (name: string, run: (lab: TransportLab) => Promise<void>): void => {
    suite.test(`Transport: ${name}`, () => withFresh(suite, run));
  };
  messageChecks(check);
  connectionChecks(check);
  snapshotChecks(check);
}

type LabCheck = (name: string, run: (lab: TransportLab) => Promise<void>) => void;

function messageChecks(check: LabCheck): void {
  check("every kind of message arrives unchanged, in order per port, from the id of its sender", async (lab) => {
    const { a, atB } = await pair(lab);
    a.transport.send(B, [...SMALL, ...BULK]);
    await lab.until(() => atB.messages.length === SMALL.length + BULK.length, "all messages arrive");
    const bulk = new Set(BULK.map(({ type }) => type));
    const got = atB.messages.map(({ message }) => message);
    expectEqual(got.filter(({ type }) => !bulk.has(type)).map(plain), SMALL.map(plain), "small messages");
    expectEqual(got.filter(({ type }) => bulk.has(type)).map(plain), BULK.map(plain), "bulk messages");
    expect(
      atB.messages.every(({ from }) => from === A),
      "the sender's id",
    );
  });

  check("many messages of one port keep their order over many sends", async (lab) => {
    const { a, atB } = await pair(lab);
    for (let round = 1; round <= 500; round++) a.transport.send(B, [{ type: "heartbeat", term: 1, commit: 0, round }]);
    await lab.until(() => atB.messages.length === 500, "all heartbeats arrive");
    const rounds = atB.messages.map(({ message }) => (message.type === "heartbeat" ? message.round : -1));
    expect(
      rounds.every((round, at) => round === at + 1),
      "in order",
    );
  });

  check("nothing is delivered inside send", async (lab) => {
    const { a, atB } = await pair(lab);
    a.transport.send(B, SMALL);
    expectEqual(atB.messages.length, 0, "messages that arrived inside send");
    await lab.until(() => atB.messages.length === SMALL.length, "they arrive later");
  });

  check("sending to a peer that is unknown, gone or removed does nothing and does not throw", async (lab) => {
    const { a, b, atA, atB } = await pair(lab);
    a.transport.send(C, SMALL);
    a.transport.removePeer(B);
    a.transport.send(B, SMALL);
    a.transport.setPeer(B, b.address);
    await lab.until(() => a.transport.isUp(B), "up again");
    a.transport.send(B, [{ type: "stand", term: 1 }]);
    await lab.until(() => atB.messages.length > 0, "a message arrives");
    expectEqual(atB.types(), ["stand"], "what was sent while it was a peer");
    await b.stop();
    await lab.until(() => !a.transport.isUp(B), "the end is noticed");
    a.transport.send(B, SMALL);
    expectEqual(atA.messages.length, 0, "answers");
  });
}

function connectionChecks(check: LabCheck): void {
  check("peerUp is told on both sides once, and never inside bind for what already stands", async (lab) => {
    const [a, b] = [await lab.start(A), await lab.start(B)];
    const [atA, atB] = [new Notes(), new Notes()];
    join(a, b);
    await lab.until(() => a.transport.isUp(B) && b.transport.isUp(A), "both connected");
    a.transport.bind(atA);
    b.transport.bind(atB);
    expectEqual([atA.events, atB.events], [[], []], "events inside bind");
    await lab.until(() => atA.events.length > 0 && atB.events.length > 0, "both are told");
    expectEqual([atA.events, atB.events], [[`up ${B}`], [`up ${A}`]], "events");
  });

  check("the end of a peer is told at once, and it is found again at its old address by itself", async (lab) => {
    const { a, b, atA } = await pair(lab);
    await b.stop();
    await lab.until(() => atA.events.includes(`down ${B}`), "peerDown");
    expect(!a.transport.isUp(B), "not up any more");
    const again = await lab.start(B, { address: b.address });
    const atAgain = new Notes();
    again.transport.bind(atAgain);
    await lab.until(() => a.transport.isUp(B), "connected again");
    a.transport.send(B, [{ type: "stand", term: 2 }]);
    await lab.until(() => atAgain.messages.length === 1, "messages pass again");
    expectEqual(atA.events, [`up ${B}`, `down ${B}`, `up ${B}`], "events");
  });

  check("a peer that moved is found at its new address", async (lab) => {
    const { a, b } = await pair(lab);
    await b.stop();
    await lab.until(() => !a.transport.isUp(B), "the end is noticed");
    const moved = await lab.start(B);
    const notes = new Notes();
    moved.transport.bind(notes);
    a.transport.setPeer(B, moved.address);
    await lab.until(() => a.transport.isUp(B), "connected at the new address");
    a.transport.send(B, [{ type: "stand", term: 2 }]);
    await lab.until(() => notes.messages.length === 1, "a message arrives");
  });

  check("removing a peer is not told as its end", async (lab) => {
    const { a, atA } = await pair(lab);
    a.transport.removePeer(B);
    expect(!a.transport.isUp(B), "not up");
    const c = await lab.start(C);
    c.transport.bind(new Notes());
    join(a, c);
    await lab.until(() => a.transport.isUp(C), "another peer connects");
    expectEqual(atA.events, [`up ${B}`, `up ${C}`], "events");
  });

  check("X5, M9: nodes of another group, of another cluster or with another id never connect", async (lab) => {
    const [a, b] = [await lab.start(A, { cluster: "0000000000000001" }), await lab.start(B)];
    const group = await lab.start(C, { group: "other" });
    const cluster = await lab.start(D, { cluster: "0000000000000002" });
    const nodes = [a, b, group, cluster];
    const notes = nodes.map(({ transport }) => {
      const taken = new Notes();
      transport.bind(taken);
      return taken;
    });
    join(a, group);
    join(a, cluster);
    a.transport.setPeer("00000000000000EE", b.address);
    join(a, b);
    await lab.until(() => a.transport.isUp(B) && b.transport.isUp(A), "the right pair connects");
    for (const { transport } of [group, cluster]) transport.send(A, SMALL);
    for (const id of [B, C, D, "00000000000000EE"]) a.transport.send(id, [{ type: "stand", term: 1 }]);
    await lab.until(() => notes[1]!.messages.length > 0, "the right peer gets its message");
    expectEqual(
      notes.map(({ messages }) => messages.length),
      [0, 1, 0, 0],
      "messages per node",
    );
    expect(![C, D, "00000000000000EE"].some((id) => a.transport.isUp(id)), "no wrong peer is up");
    expectEqual(notes[0]!.events, [`up ${B}`], "events");
  });
}

function snapshotChecks(check: LabCheck): void {
  check("S2: a snapshot arrives whole and in order and its answer comes back", async (lab) => {
    const { a, atB } = await pair(lab);
    const sent = Array.from({ length: 40 }, (_, at) => new Uint8Array(at * 1_000).fill(at));
    const { value } = await ended(lab, a.transport.sendSnapshot(B, OFFER, from(sent)), "the answer");
    expectEqual(value, { term: 4, ok: true, index: 100 }, "answer");
    expectEqual(atB.offers, [{ from: A, offer: OFFER }], "offer");
    expectEqual(total(atB.pieces), total(sent), "length and sum of the bytes");
  });

  check("S2: only the pieces from the one on that the receiver asks for are sent", async (lab) => {
    const { a, atB } = await pair(lab);
    const sent = Array.from({ length: 40 }, (_, at) => new Uint8Array(1_000).fill(at));
    for (const first of [39, 17, 40]) {
      atB.first = first;
      atB.pieces.length = 0;
      const { value } = await ended(lab, a.transport.sendSnapshot(B, OFFER, from(sent)), "the answer");
      expectEqual(value, { term: 4, ok: true, index: 100 }, "answer");
      expectEqual(
        atB.pieces.map(([byte]) => byte),
        sent.slice(first).map(([byte]) => byte),
        `pieces from ${first} on`,
      );
    }
  });

  check("S3: a snapshot that is refused is answered without a piece of it being read", async (lab) => {
    const { a, atB } = await pair(lab);
    atB.first = null;
    let read = 0;
    const counted: PiecesFrom = async function* () {
      for (;;) {
        read++;
        yield new Uint8Array(1_000);
      }
    };
    const { value } = await ended(lab, a.transport.sendSnapshot(B, OFFER, counted), "the answer");
    expectEqual(value, { term: 9, ok: false, index: 0 }, "answer");
    expectEqual(read, 0, "pieces that were read");
  });

  check("S2: a receiver that ends behind the last piece, before it has answered, is an error", async (lab) => {
    const { a, b, atB } = await pair(lab);
    atB.answer = new Promise(() => {});
    const result = ended(lab, a.transport.sendSnapshot(B, OFFER, from([new Uint8Array(10)])), "the sender's error");
    await lab.until(() => atB.read, "everything is read");
    await b.stop();
    const { error } = await result;
    expect(isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE"), `the sender's error: ${String(error)}`);
  });

  check("S6: a heartbeat passes while a snapshot is stuck", async (lab) => {
    const { a, atB } = await pair(lab);
    let open = (): void => {};
    atB.gate = new Promise((resolve) => {
      open = resolve;
    });
    const pieces = Array.from({ length: 24 }, () => new Uint8Array(256 * 1024));
    const snapshot = ended(lab, a.transport.sendSnapshot(B, OFFER, from(pieces)), "the answer");
    await lab.until(() => atB.offers.length === 1, "the snapshot begins");
    a.transport.send(B, [{ type: "heartbeat", term: 1, commit: 0, round: 1 }]);
    await lab.until(() => atB.messages.length === 1, "the heartbeat arrives");
    expectEqual(atB.pieces.length, 0, "pieces that were read");
    open();
    expectEqual((await snapshot).value, { term: 4, ok: true, index: 100 }, "answer");
  });

  check("S2: a stream that breaks is an error on both sides and never a short snapshot", async (lab) => {
    const { a, b, atB } = await pair(lab);
    const broken = ended(lab, a.transport.sendSnapshot(B, OFFER, endless), "the sender's error");
    await lab.until(() => atB.pieces.length > 3, "the stream runs");
    await b.stop();
    const { error } = await broken;
    expect(isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE"), `the sender's error: ${String(error)}`);
    await lab.until(() => atB.snapshotError !== undefined, "the receiver's error");
  });

  check("S2: a source that fails is an error on both sides", async (lab) => {
    const { a, atB } = await pair(lab);
    const result = ended(lab, a.transport.sendSnapshot(B, OFFER, failing), "the sender's error");
    expect((await result).error !== undefined, "the sender is told");
    await lab.until(() => atB.snapshotError !== undefined, "the receiver is told");
  });

  check("a snapshot to a peer that is not there is refused", async (lab) => {
    const { a } = await pair(lab);
    const { error } = await ended(lab, a.transport.sendSnapshot(C, OFFER, from([])), "the error");
    expect(isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE"), `error: ${String(error)}`);
  });
}

function from(pieces: readonly Uint8Array[]): PiecesFrom {
  return async function* (first) {
    yield* pieces.slice(first);
  };
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(64 * 1024);
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(10);
  throw new Error("the source failed");
}

function total(pieces: readonly Uint8Array[]): { bytes: number; sum: number } {
  let [bytes, sum] = [0, 0];
  for (const piece of pieces) {
    bytes += piece.length;
    for (const byte of piece) sum = (sum * 31 + byte) % 1_000_003;
  }
  return { bytes, sum };
}
