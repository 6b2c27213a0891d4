import type { Applied } from "@dister/raft";
import { decodeCommand, encodeCommand } from "@dister/store";
import {
  type Command,
  type CommandOutcome,
  DisterError,
  type ErrorCode,
  type Member,
  type Membership,
  membershipOf,
  type StampedCommand,
} from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { Gateway } from "./gateway.ts";

const SELF = "000000000000000A";
const OTHER = "000000000000000B";
const HOLD_MS = 1_000;
const COMMAND: Command = { type: "kvSet", pairs: [["k", "v"]] };

/** What one attempt comes to: a place in the log, or an error. */
type Answer = (attempt: number, stamped: StampedCommand) => number | DisterError;

/** A gateway over a Raft, a network and a state that do what a test says. */
class Bench {
  readonly clock = new ManualClock();
  readonly attempts: { via: "self" | "peer"; stamped: StampedCommand; atMs: number }[] = [];
  readonly outcomes = new Map<string, CommandOutcome>();
  leader: string | null = SELF;
  leaderUp = true;
  membership = membershipOf([]);
  /** Answers of the leader, wherever it is. */
  answer: Answer = (_attempt, { requestId }) => this.apply(requestId);
  whenApplied: (index: number) => Promise<void> = () => Promise.resolve();
  readBarrier: () => Promise<number> = () => Promise.resolve(1);
  readonly gateway: Gateway;

  constructor() {
    const leader = (): string | null => this.leader;
    const membership = (): Membership => this.membership;
    this.gateway = new Gateway(
      {
        raft: {
          get leader() {
            return leader();
          },
          get membership() {
            return membership();
          },
          propose: (bytes) => this.#propose(bytes),
          whenApplied: (index) => this.whenApplied(index),
          readBarrier: () => this.readBarrier(),
        },
        state: { outcome: (requestId) => this.outcomes.get(requestId) },
        rpc: { call: (to, method, body) => this.#call(to, method, body) },
        clock: this.clock,
        isUp: () => this.leaderUp,
        self: SELF,
        session: "S",
      },
      { holdMs: HOLD_MS, stateVersionOf: ({ type }) => (type === "kvDelete" ? 2 : 1) },
    );
  }

  /** The request takes effect, as entry 7. */
  apply(requestId: string): number {
    this.outcomes.set(requestId, { requestId, logId: 70_001, changed: 1 });
    return 7;
  }

  async #propose(bytes: Uint8Array): Promise<Applied<CommandOutcome>> {
    const stamped = decodeCommand(bytes);
    const index = this.#take("self", stamped);
    return { index, term: 1, result: this.outcomes.get(stamped.requestId) };
  }

  async #call(to: string, method: string, body: Uint8Array): Promise<Uint8Array> {
    expect([to, method]).toEqual([OTHER, "propose"]);
    const index = this.#take("peer", decodeCommand(body));
    return new TextEncoder().encode(JSON.stringify({ index, term: 1 }));
  }

  #take(via: "self" | "peer", stamped: StampedCommand): number {
    this.attempts.push({ via, stamped, atMs: this.clock.nowMs() });
    const answer = this.answer(this.attempts.length, stamped);
    if (typeof answer === "number") return answer;
    throw answer;
  }

  /** Lets time pass until the work has ended. */
  async run<T>(work: Promise<T>): Promise<T | DisterError> {
    let ended = false;
    const settled = work
      .catch((error: unknown) => error as DisterError)
      .finally(() => {
        ended = true;
      });
    for (let step = 0; !ended && step < 10_000; step++) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      if (!ended) this.clock.advance(1);
    }
    return settled;
  }

  get requestIds(): string[] {
    return [...new Set(this.attempts.map(({ stamped }) => stamped.requestId))];
  }
}

function failing(code: ErrorCode, times: number, then: Answer, details = {}): Answer {
  return (attempt, stamped) => (attempt <= times ? new DisterError(code, details) : then(attempt, stamped));
}

describe("a write", () => {
  it("goes to Raft where this node leads, and to the leader otherwise, with one attempt", async () => {
    for (const [leader, via] of [
      [SELF, "self"],
      [OTHER, "peer"],
    ] as const) {
      const bench = new Bench();
      bench.leader = leader;
      expect(await bench.run(bench.gateway.write(COMMAND, "r1"))).toMatchObject({ logId: 70_001, changed: 1 });
      expect(bench.attempts.map((attempt) => attempt.via)).toEqual([via]);
      expect(bench.attempts[0]!.stamped).toEqual({ requestId: "r1", timeMs: 1_700_000_000_000, command: COMMAND });
    }
  });

  it("does not ask a leader whose connection has closed, and goes to its successor at once", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.leaderUp = false;
    bench.clock.setTimer(40, () => {
      bench.leader = SELF;
    });
    expect(await bench.run(bench.gateway.write(COMMAND, "r1"))).toMatchObject({ changed: 1 });
    expect(bench.attempts.map((attempt) => attempt.via)).toEqual(["self"]);
    expect(bench.clock.nowMs()).toBeLessThan(100);
  });

  it("of a newer state version is done when that is in force, and until then says who must be upgraded", async () => {
    const newer: Command = { type: "kvDelete", keys: ["k"] };
    const member = (name: string, id: string, stateVersion: number): Member => {
      const address = { host: "h", ports: { raft: 1, repl: 2, api: 3 } };
      return { id, name, role: 0, voter: true, address, stateVersion };
    };
    const bench = new Bench();
    for (const leader of [SELF, OTHER]) {
      bench.leader = leader;
      bench.membership = membershipOf([member("a", SELF, 2), member("b", OTHER, 1)]);
      expect(await bench.run(bench.gateway.write(newer, "r1"))).toMatchObject({
        code: "DISTER_ERR_STATE_VERSION",
        message: "the cluster's state version is 1: this needs 2; b must be upgraded first",
      });
      expect(bench.attempts).toEqual([]);
    }
    const forwarded = encodeCommand({ requestId: "r2", timeMs: 0, command: newer });
    await expect(bench.gateway.proposeForPeer(forwarded)).rejects.toMatchObject({ code: "DISTER_ERR_STATE_VERSION" });
    bench.membership = membershipOf(bench.membership.members, 2);
    expect(await bench.run(bench.gateway.write(newer, "r1"))).toMatchObject({ changed: 1 });
  });

  it("has an id of its own when the client gave none", async () => {
    const bench = new Bench();
    await bench.run(bench.gateway.write(COMMAND));
    await bench.run(bench.gateway.write(COMMAND));
    expect(bench.requestIds).toEqual(["S.1", "S.2"]);
  });

  it.each([
    "DISTER_ERR_NOT_LEADER",
    "DISTER_ERR_NO_LEADER",
    "DISTER_ERR_TRANSFERRING",
    "DISTER_ERR_DROPPED",
    "DISTER_ERR_NOT_FORMED",
  ] as const)("is tried again after %s, under the same request id, here and at a peer (C1)", async (code) => {
    for (const leader of [SELF, OTHER]) {
      const bench = new Bench();
      bench.leader = leader;
      bench.answer = failing(code, 3, (_attempt, { requestId }) => bench.apply(requestId));
      expect(await bench.run(bench.gateway.write(COMMAND))).toMatchObject({ logId: 70_001 });
      expect(bench.attempts).toHaveLength(4);
      expect(bench.requestIds).toHaveLength(1);
    }
  });

  it("is tried again when the leader that it was forwarded to is just ending", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = failing("DISTER_ERR_STOPPED", 2, (_attempt, { requestId }) => bench.apply(requestId));
    expect(await bench.run(bench.gateway.write(COMMAND))).toMatchObject({ logId: 70_001 });
    expect(bench.requestIds).toHaveLength(1);
  });

  it("follows the leader when it changes between attempts", async () => {
    const bench = new Bench();
    bench.answer = (attempt, { requestId }) => {
      bench.leader = OTHER;
      return attempt === 1 ? new DisterError("DISTER_ERR_NOT_LEADER", { leader: OTHER }) : bench.apply(requestId);
    };
    await bench.run(bench.gateway.write(COMMAND));
    expect(bench.attempts.map(({ via }) => via)).toEqual(["self", "peer"]);
  });

  it("ends with NO_LEADER, surely not done, when nobody led before the deadline", async () => {
    const bench = new Bench();
    bench.leader = null;
    const error = await bench.run(bench.gateway.write(COMMAND));
    expect(error).toMatchObject({ code: "DISTER_ERR_NO_LEADER" });
    expect(bench.attempts).toHaveLength(0);
    expect(bench.clock.nowMs()).toBeGreaterThanOrEqual(HOLD_MS);
  });

  it("ends with the error of the attempts when each was surely not done", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = () =>
      new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: OTHER, reason: "refused", sent: false });
    expect(await bench.run(bench.gateway.write(COMMAND))).toMatchObject({ code: "DISTER_ERR_PEER_UNREACHABLE" });
    expect(bench.attempts.length).toBeGreaterThan(10);
  });

  it.each([
    [
      "a connection that broke after it was sent",
      new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: OTHER, reason: "reset", sent: true }),
    ],
    [
      "a connection that does not say whether it was sent",
      new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: OTHER, reason: "reset" }),
    ],
    ["a call that took too long", new DisterError("DISTER_ERR_TIMEOUT", { what: "call", timeoutMs: 1 })],
    ["a leader that was deposed", new DisterError("DISTER_ERR_UNKNOWN_OUTCOME", { requestId: "r" })],
  ])("has an unknown outcome after %s, whatever the attempts behind it say (C2)", async (_name, unknown) => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = (attempt) => (attempt === 2 ? unknown : new DisterError("DISTER_ERR_NO_LEADER"));
    const error = await bench.run(bench.gateway.write(COMMAND, "mine"));
    expect(error).toMatchObject({ code: "DISTER_ERR_UNKNOWN_OUTCOME", details: { requestId: "mine" } });
    expect(bench.attempts.length).toBeGreaterThan(2);
  });

  it("is answered with the outcome that turned up here after an attempt that was unknown", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = (_attempt, { requestId }) => {
      bench.apply(requestId); // By the old leader's entry, which arrives although its answer does not.
      bench.leader = null;
      return new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: OTHER, reason: "reset", sent: true });
    };
    expect(await bench.run(bench.gateway.write(COMMAND))).toMatchObject({ logId: 70_001 });
    expect(bench.attempts).toHaveLength(1);
  });

  it.each(["DISTER_ERR_BUSY", "DISTER_ERR_TOO_LARGE", "DISTER_ERR_STOPPED"] as const)(
    "ends with %s at once: it is surely not done and nothing will change that",
    async (code) => {
      const bench = new Bench();
      bench.answer = () => new DisterError(code, { what: "it", limit: 1 });
      expect(await bench.run(bench.gateway.write(COMMAND))).toMatchObject({ code });
      expect(bench.attempts).toHaveLength(1);
      expect(bench.clock.nowMs()).toBe(0);
    },
  );

  it("does not call itself refused when an earlier attempt may have been done (C2)", async () => {
    const bench = new Bench();
    bench.answer = (attempt) =>
      attempt === 1
        ? new DisterError("DISTER_ERR_UNKNOWN_OUTCOME", { requestId: "r" })
        : new DisterError("DISTER_ERR_BUSY", { what: "uncommitted bytes", limit: 1 });
    const error = await bench.run(bench.gateway.write(COMMAND, "mine"));
    expect(error).toMatchObject({ code: "DISTER_ERR_UNKNOWN_OUTCOME", details: { requestId: "mine" } });
    expect(bench.attempts).toHaveLength(2);
  });

  it("has an unknown outcome when the leader took it and this node stops before it has applied it (C2)", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = () => 7;
    bench.whenApplied = () => Promise.reject(new DisterError("DISTER_ERR_STOPPED", { what: "the node" }));
    expect(await bench.run(bench.gateway.write(COMMAND))).toMatchObject({ code: "DISTER_ERR_UNKNOWN_OUTCOME" });
  });

  it("has an unknown outcome when this node does not catch up with the leader in time", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = () => 7;
    bench.whenApplied = () => new Promise(() => {});
    expect(await bench.run(bench.gateway.write(COMMAND))).toMatchObject({ code: "DISTER_ERR_UNKNOWN_OUTCOME" });
    expect(bench.clock.nowMs()).toBeGreaterThanOrEqual(HOLD_MS);
  });

  it("is answered only when this node has applied it, so that a client reads its own write here", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = () => 7;
    let applied = false;
    bench.whenApplied = (index) =>
      new Promise((resolve) => {
        expect(index).toBe(7);
        bench.clock.setTimer(200, () => {
          applied = true;
          bench.apply("r1");
          resolve();
        });
      });
    expect(await bench.run(bench.gateway.write(COMMAND, "r1"))).toMatchObject({ logId: 70_001 });
    expect(applied).toBe(true);
  });

  it("passes on what the state machine refused", async () => {
    const bench = new Bench();
    bench.outcomes.set("r1", {
      requestId: "r1",
      logId: 1,
      changed: 0,
      error: { code: "DISTER_ERR_INVALID", message: "no" },
    });
    bench.answer = () => 7;
    expect(await bench.run(bench.gateway.write(COMMAND, "r1"))).toMatchObject({
      code: "DISTER_ERR_INVALID",
      message: "no",
    });
  });
});

describe("a forwarded write", () => {
  it("is stamped with the leader's clock, keeps its request id and is never forwarded again (C1)", async () => {
    const bench = new Bench();
    bench.leader = OTHER;
    bench.answer = (_attempt, { requestId }) => bench.apply(requestId);
    const body = encodeCommand({ requestId: "from-elsewhere", timeMs: 5, command: COMMAND });
    const reply = await bench.gateway.proposeForPeer(body);
    expect(JSON.parse(new TextDecoder().decode(reply))).toEqual({ index: 7, term: 1 });
    expect(bench.attempts).toMatchObject([
      { via: "self", stamped: { requestId: "from-elsewhere", timeMs: 1_700_000_000_000 } },
    ]);
  });
});

describe("a write of what a leader decided", () => {
  it("goes to Raft here, once", async () => {
    const bench = new Bench();
    expect(await bench.run(bench.gateway.writeAsLeader(COMMAND))).toMatchObject({ changed: 1 });
    expect(bench.attempts).toMatchObject([{ via: "self", stamped: { command: COMMAND } }]);
  });

  it.each<ErrorCode>(["DISTER_ERR_NOT_LEADER", "DISTER_ERR_DROPPED", "DISTER_ERR_UNKNOWN_OUTCOME"])(
    "is not handed to the next leader when this one ends with %s",
    async (code) => {
      const bench = new Bench();
      bench.answer = (attempt, { requestId }) => {
        if (attempt > 1) return bench.apply(requestId);
        bench.leader = OTHER;
        return new DisterError(code);
      };
      expect(await bench.run(bench.gateway.writeAsLeader(COMMAND))).toMatchObject({ code });
      bench.clock.advance(2 * HOLD_MS);
      expect(bench.attempts.map(({ via }) => via)).toEqual(["self"]);
    },
  );
});

describe("a read barrier", () => {
  it("waits out an election and then answers", async () => {
    const bench = new Bench();
    let asked = 0;
    bench.readBarrier = () =>
      ++asked < 5 ? Promise.reject(new DisterError("DISTER_ERR_NO_LEADER")) : Promise.resolve(1);
    expect(await bench.run(bench.gateway.readBarrier())).toBeUndefined();
    expect(asked).toBe(5);
  });

  it.each([
    ["nobody leads", () => Promise.reject(new DisterError("DISTER_ERR_NO_LEADER")), "DISTER_ERR_NO_LEADER"],
    ["the leader does not answer", () => new Promise<number>(() => {}), "DISTER_ERR_TIMEOUT"],
  ])("fails when %s until the deadline; it never lets an old value through (Q3)", async (_name, barrier, code) => {
    const bench = new Bench();
    bench.readBarrier = barrier;
    expect(await bench.run(bench.gateway.readBarrier())).toMatchObject({ code });
    expect(bench.clock.nowMs()).toBeGreaterThanOrEqual(HOLD_MS);
    expect(bench.clock.pending).toBe(0);
  });

  it("ends at once when the node has stopped", async () => {
    const bench = new Bench();
    bench.readBarrier = () => Promise.reject(new DisterError("DISTER_ERR_STOPPED", { what: "the node" }));
    expect(await bench.run(bench.gateway.readBarrier())).toMatchObject({ code: "DISTER_ERR_STOPPED" });
    expect(bench.clock.nowMs()).toBe(0);
  });
});
