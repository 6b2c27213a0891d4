import type { PeerRpc } from "../contracts/peer-rpc.ts";
import { DisterError, type ErrorCode, isDisterError } from "../errors.ts";
import type { NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { NodeInfo } from "../node-info.ts";
import { expect, expectEqual, type Suite, withFresh } from "./suite.ts";
import type { TransportLab, TransportNode } from "./transport.ts";

/** A node of which both the transport and the calls are at hand. */
export interface PeerNode extends TransportNode {
  readonly rpc: PeerRpc;
}

/** Makes nodes that can call each other. */
export interface PeerLab extends TransportLab {
  start(id: NodeId, options?: Parameters<TransportLab["start"]>[1]): Promise<PeerNode>;
}

const A = "00000000000000AA";
const B = "00000000000000BB";
const C = "00000000000000CC";
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const never = (): Promise<Uint8Array> => new Promise(() => {});

const NOTHING = {
  message: () => {},
  peerUp: () => {},
  peerDown: () => {},
  snapshot: () => Promise.reject(new Error("no snapshot here")),
};

async function start(lab: PeerLab, id: NodeId, group = "g"): Promise<PeerNode> {
  const node = await lab.start(id, { group });
  node.transport.bind(NOTHING);
  return node;
}

async function pair(lab: PeerLab): Promise<{ a: PeerNode; b: PeerNode }> {
  const [a, b] = [await start(lab, A), await start(lab, B)];
  a.transport.setPeer(B, b.address);
  b.transport.setPeer(A, a.address);
  await lab.until(() => a.transport.isUp(B) && b.transport.isUp(A), "both see each other");
  return { a, b };
}

interface Outcome<T> {
  value?: T;
  error?: unknown;
}

function follow<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = {};
  promise.then(
    (value) => {
      outcome.value = value;
    },
    (error: unknown) => {
      outcome.error = error;
    },
  );
  return outcome;
}

const over = (outcome: Outcome<unknown>): boolean => outcome.value !== undefined || outcome.error !== undefined;

async function ended<T>(lab: PeerLab, promise: Promise<T>): Promise<Outcome<T>> {
  const outcome = follow(promise);
  await lab.until(() => over(outcome), "the call ends");
  return outcome;
}

function expectCode(outcome: Outcome<unknown>, code: ErrorCode): DisterError {
  expect(
    isDisterError(outcome.error, code),
    `wanted ${code}, got ${outcome.error instanceof Error ? outcome.error.message : "an answer"}`,
  );
  return outcome.error;
}

/** What every {@link PeerRpc} must do, together with the transport that its peers are set on. */
export function peerRpcConformance(suite: Suite<PeerLab>): void {
  const check = (name: string, run: (lab: PeerLab) => Promise<void>): void => {
    suite.test(`PeerRpc: ${name}`, () => withFresh(suite, run));
  };
  answerChecks(check);
  failureChecks(check);
  helloChecks(check);
}

type LabCheck = (name: string, run: (lab: PeerLab) => Promise<void>) => void;

function answerChecks(check: LabCheck): void {
  check("a call is answered with the bytes of the handler, which knows who asks", async (lab) => {
    const { a, b } = await pair(lab);
    let asked: NodeInfo | undefined;
    b.rpc.serve("double", (from, body) => {
      asked = from;
      return Promise.resolve(body.map((byte) => byte * 2));
    });
    const { value } = await ended(lab, a.rpc.call(B, "double", bytes(1, 2, 100), { timeoutMs: 5_000 }));
    expectEqual([...value!], [2, 4, 200], "answer");
    expectEqual(asked?.id, A, "who asked");
    expect(asked?.ip !== "", "the caller's address is filled in");
  });

  check("empty and large bodies pass unchanged both ways", async (lab) => {
    const { a, b } = await pair(lab);
    b.rpc.serve("echo", (_from, body) => Promise.resolve(body));
    const large = Uint8Array.from({ length: 3 * 1024 * 1024 }, (_, at) => at % 251);
    for (const body of [bytes(), large]) {
      const { value } = await ended(lab, a.rpc.call(B, "echo", body, { timeoutMs: 5_000 }));
      expectEqual(value?.length, body.length, "bytes");
      expect(
        body.every((byte, at) => byte === value?.[at]),
        "the same bytes",
      );
    }
  });

  check("a slow call does not hold up another; answers come in any order", async (lab) => {
    const { a, b } = await pair(lab);
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    b.rpc.serve("slow", () => slow.then(() => bytes(1)));
    b.rpc.serve("fast", () => Promise.resolve(bytes(2)));
    const first = follow(a.rpc.call(B, "slow", bytes(), { timeoutMs: 5_000 }));
    const second = await ended(lab, a.rpc.call(B, "fast", bytes(), { timeoutMs: 5_000 }));
    expectEqual([...second.value!], [2], "the fast answer");
    expect(!over(first), "the slow one still runs");
    release();
    await lab.until(() => over(first), "the slow call ends");
    expectEqual([...first.value!], [1], "the slow answer");
  });

  check("a call right after setPeer waits for the connection", async (lab) => {
    const [a, b] = [await start(lab, A), await start(lab, B)];
    b.rpc.serve("echo", (_from, body) => Promise.resolve(body));
    a.transport.setPeer(B, b.address);
    const { value } = await ended(lab, a.rpc.call(B, "echo", bytes(7), { timeoutMs: 5_000 }));
    expectEqual([...value!], [7], "answer");
  });
}

function failureChecks(check: LabCheck): void {
  check("an error of the peer travels with code, details and message", async (lab) => {
    const { a, b } = await pair(lab);
    b.rpc.serve("refuse", () =>
      Promise.reject(new DisterError("DISTER_ERR_FOUNDING", { reason: "no", n: 3, yes: true, none: null })),
    );
    const error = expectCode(
      await ended(lab, a.rpc.call(B, "refuse", bytes(), { timeoutMs: 5_000 })),
      "DISTER_ERR_FOUNDING",
    );
    expectEqual(error.details, { reason: "no", n: 3, yes: true, none: null }, "details");
    expectEqual(error.message, "the founding proposal is refused: no", "message");
  });

  check("any other error travels as internal, without its text", async (lab) => {
    const { a, b } = await pair(lab);
    b.rpc.serve("fail", () => Promise.reject(new Error("the password is hunter2")));
    const error = expectCode(
      await ended(lab, a.rpc.call(B, "fail", bytes(), { timeoutMs: 5_000 })),
      "DISTER_ERR_INTERNAL",
    );
    expect(!`${error.message}${JSON.stringify(error.details)}`.includes("hunter2"), "no text of the peer");
  });

  check("a method that nobody serves is told apart", async (lab) => {
    const { a } = await pair(lab);
    const error = expectCode(
      await ended(lab, a.rpc.call(B, "constructor", bytes(), { timeoutMs: 5_000 })),
      "DISTER_ERR_PEER_METHOD",
    );
    expectEqual(error.details["method"], "constructor", "the method");
  });

  check("a call without an answer ends at its time", async (lab) => {
    const { a, b } = await pair(lab);
    b.rpc.serve("never", never);
    expectCode(await ended(lab, a.rpc.call(B, "never", bytes(), { timeoutMs: 50 })), "DISTER_ERR_TIMEOUT");
  });

  check("the end of a peer rejects every call on it at once and says that it may have got it", async (lab) => {
    const { a, b } = await pair(lab);
    let taken = 0;
    b.rpc.serve("never", () => {
      taken++;
      return never();
    });
    const calls = [1, 2, 3].map(() => follow(a.rpc.call(B, "never", bytes(), { timeoutMs: 600_000 })));
    await lab.until(() => taken === 3, "the peer has all the calls");
    await b.stop();
    await lab.until(() => calls.every(over), "all end");
    for (const call of calls) {
      expectEqual(expectCode(call, "DISTER_ERR_PEER_UNREACHABLE").details["sent"], true, "sent");
    }
  });

  check("a peer that was never set or is gone is unreachable, and surely got nothing", async (lab) => {
    const { a, b } = await pair(lab);
    await b.stop();
    await lab.until(() => !a.transport.isUp(B), "the end is noticed");
    for (const id of [B, C]) {
      const outcome = await ended(lab, a.rpc.call(id, "echo", bytes(), { timeoutMs: 5_000 }));
      expectEqual(expectCode(outcome, "DISTER_ERR_PEER_UNREACHABLE").details["sent"], false, "sent");
    }
  });

  check("beyond the limit of open calls the next is refused as busy", async (lab) => {
    const { a, b } = await pair(lab);
    b.rpc.serve("never", never);
    const open = Array.from({ length: LIMITS.peerCallsMax }, () =>
      follow(a.rpc.call(B, "never", bytes(), { timeoutMs: 600_000 })),
    );
    expectCode(await ended(lab, a.rpc.call(B, "never", bytes(), { timeoutMs: 5_000 })), "DISTER_ERR_BUSY");
    expect(!open.some(over), "the others still run");
  });
}

function helloChecks(check: LabCheck): void {
  check("hello tells who is at an address that is no peer yet", async (lab) => {
    const [a, b] = [await start(lab, A), await start(lab, B)];
    const address = { host: b.address.host, raftPort: b.address.ports.raft };
    const { value } = await ended(lab, a.rpc.hello(address));
    expectEqual([value?.id, value?.group, value?.ip], [B, "g", b.address.host], "node info");
    expectEqual(value?.ports.raft, b.rpc.ports().raft, "port");
  });

  check("hello to nobody, to another group and to itself are told apart", async (lab) => {
    const [a, b, gone] = [await start(lab, A), await start(lab, B, "other"), await start(lab, C)];
    await gone.stop();
    const to = (node: PeerNode) => ({ host: node.address.host, raftPort: node.address.ports.raft });
    expectCode(await ended(lab, a.rpc.hello(to(gone))), "DISTER_ERR_PEER_UNREACHABLE");
    expectCode(await ended(lab, a.rpc.hello(to(b))), "DISTER_ERR_HANDSHAKE");
    const self = expectCode(await ended(lab, a.rpc.hello(to(a))), "DISTER_ERR_HANDSHAKE");
    expectEqual(self.details["reason"], "this is the node itself", "reason");
    expectEqual(self.details["itself"], true, "itself");
    const stranger = expectCode(await ended(lab, a.rpc.hello(to(b))), "DISTER_ERR_HANDSHAKE");
    expectEqual(stranger.details["itself"] ?? false, false, "another group is not itself");
  });
}
