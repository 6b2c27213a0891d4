import { setImmediate as turn } from "node:timers/promises";
import { DisterError, membershipOf, type PeerRpc, ROLE, type WatchersTold } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { Watchers } from "./watchers-told.ts";

const HOLD_MS = 4_000;
const member = (id: string) => ({
  id,
  name: `name-${id}`,
  role: ROLE.server,
  voter: true,
  address: { host: "h", ports: { raft: 1, repl: 2, api: 3 } },
});

/** Member A, which applies what it is asked for after some time, and the others. */
class Bench {
  readonly clock = new ManualClock();
  others: PeerRpc["call"] = async () => new TextEncoder().encode(JSON.stringify({ told: 2, waiting: [] }));
  readonly watchers: Watchers;
  members: readonly string[];

  constructor(ids: readonly string[], { appliedMs = 0, failure }: { appliedMs?: number; failure?: DisterError } = {}) {
    this.members = ids;
    const membership = () => membershipOf(this.members.map(member));
    const timeout = new DisterError("DISTER_ERR_TIMEOUT", { what: "the cluster", timeoutMs: HOLD_MS });
    const rpc: PeerRpc = {
      serve: () => undefined,
      call: (to, method, body, options) => this.others(to, method, body, options),
      hello: () => Promise.reject(new Error("not asked")),
      ports: () => ({ raft: 1, repl: 2, api: 3 }),
    };
    this.watchers = new Watchers({
      components: { rpc, clock: this.clock, self: { id: "A" } },
      membered: {
        raft: {
          get membership() {
            return membership();
          },
        },
        gateway: {
          applied: (_index, withinMs) =>
            new Promise((resolve, reject) => {
              if (failure !== undefined) return reject(failure);
              const leftMs = appliedMs - this.clock.nowMs();
              const limitMs = Math.min(HOLD_MS, withinMs);
              if (leftMs <= limitMs) this.clock.setTimer(leftMs, () => resolve());
              else this.clock.setTimer(limitMs, () => reject(timeout));
            }),
        },
      },
      clients: { changes: { told: async () => ({ told: 1, waiting: ["a client"] }) } },
    });
  }

  /** Tells when a wait ends, and with what. */
  async told(waitMs: number) {
    const ended: (WatchersTold & { readonly atMs: number })[] = [];
    void this.watchers.told(1, waitMs).then((answer) => ended.push({ ...answer, atMs: this.clock.nowMs() }));
    for (let passed = 0; passed < 30_000; passed += 100) {
      await turn();
      this.clock.advance(100);
    }
    return ended;
  }
}

describe("who was sent a change", () => {
  it("is the sum over all members and those who follow them", async () => {
    expect(await new Bench(["A", "B", "C"]).told(1_000)).toMatchObject([{ told: 6, waiting: ["a client"] }]);
  });

  it("is waited for as long as it was asked for, though a request is held for less", async () => {
    const slow = new Bench(["A"], { appliedMs: 2.5 * HOLD_MS });
    expect(await slow.told(20_000)).toMatchObject([{ told: 2, atMs: 2.5 * HOLD_MS }]);
    const tooSlow = new Bench(["A"], { appliedMs: 2.5 * HOLD_MS });
    expect(await tooSlow.told(6_000)).toEqual([{ told: 0, waiting: ["name-A"], atMs: 6_000 }]);
  });

  it("is not lost with one that is not reached, nor with this member: they are named", async () => {
    const stopped = new Bench(["A", "B", "C"], { failure: new DisterError("DISTER_ERR_STOPPED", { what: "raft" }) });
    const { others } = stopped;
    stopped.others = async (to, ...rest) => {
      if (to === "B") throw new Error("cut off");
      return others(to, ...rest);
    };
    expect(await stopped.told(1_000)).toMatchObject([{ told: 2, waiting: ["name-A", "name-B"] }]);
  });
  it("is asked of a member that is starting anew, or is cut off, until the time is over", async () => {
    const bench = new Bench(["A", "B", "C"]);
    const { others } = bench;
    const refused = new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: "B", reason: "not connected" });
    bench.others = async (to, ...rest) => {
      if (to === "B" && bench.clock.nowMs() < 3_000) throw refused;
      return others(to, ...rest);
    };
    expect(await bench.told(5_000)).toEqual([{ told: 6, waiting: ["a client"], atMs: 3_000 }]);
    const tooLate = new Bench(["A", "B"]);
    tooLate.others = () => Promise.reject(refused);
    expect(await tooLate.told(5_000)).toEqual([{ told: 2, waiting: ["a client", "name-B"], atMs: 4_900 }]);
  });

  it("is not waited for from a member that is removed meanwhile, nor from one that does not know the call", async () => {
    const bench = new Bench(["A", "B", "C"]);
    bench.others = async (peer) => {
      if (peer === "C") throw new DisterError("DISTER_ERR_PEER_METHOD", { peer, method: "watchers.told" });
      if (bench.clock.nowMs() >= 1_000) bench.members = ["A", "C"];
      throw new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer, reason: "not connected" });
    };
    expect(await bench.told(5_000)).toEqual([{ told: 2, waiting: ["a client", "name-C"], atMs: 1_100 }]);
  });
});
