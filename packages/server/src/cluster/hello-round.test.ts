import { setImmediate as turn } from "node:timers/promises";
import { DisterError, type NodeInfo } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { HelloRound } from "./hello-round.ts";

let clock: ManualClock;
let asked: string[];
let there: Map<string, string>;
let connected: Set<string>;
let round: HelloRound;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  there = new Map();
  connected = new Set();
  const hello = ({ host }: { host: string }): Promise<NodeInfo> => {
    asked.push(host);
    const id = there.get(host);
    if (id === "itself") {
      const details = { peer: host, reason: "this is the node itself", itself: true };
      return Promise.reject(new DisterError("DISTER_ERR_HANDSHAKE", details));
    }
    if (id === undefined) return Promise.reject(new DisterError("DISTER_ERR_PEER_UNREACHABLE", { peer: host }));
    return Promise.resolve({ id } as NodeInfo);
  };
  round = new HelloRound({ clock, hello, isUp: (id) => connected.has(id) });
});

async function wait(forMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += 100) {
    round.look();
    await turn();
    clock.advance(100);
  }
}

const at = (host: string): { host: string; raftPort: number } => ({ host, raftPort: 4166 });
const timesAsked = (host: string): number => asked.filter((one) => one === host).length;

describe("hellos to addresses", () => {
  it("are said to each until the node there is connected, and again when it is not any more", async () => {
    there.set("a", "A");
    round.setAddresses([at("a")]);
    await wait(100);
    connected.add("A");
    await wait(30_000);
    expect(timesAsked("a")).toBe(1);
    expect(round.isSettled(at("a"))).toBe(true);
    connected.delete("A");
    await wait(3_000);
    expect(timesAsked("a")).toBeGreaterThan(1);
  });

  it("go to an address that does not answer ever less often, but every two seconds at least", async () => {
    round.setAddresses([at("gone")]);
    await wait(60_000);
    expect(timesAsked("gone")).toBeGreaterThanOrEqual(28);
    expect(timesAsked("gone")).toBeLessThanOrEqual(36);
  });

  it("are dropped for an address where the node itself answers", async () => {
    there.set("me", "itself");
    round.setAddresses([at("me"), at("other")]);
    await wait(600_000);
    expect(timesAsked("me")).toBe(1);
    expect(round.isSettled(at("me"))).toBe(true);
    expect(timesAsked("other")).toBeGreaterThan(100);
  });

  it("have all been tried when each has ended once, however it ended", async () => {
    there.set("me", "itself").set("a", "A");
    expect(round.isTried).toBe(true);
    round.setAddresses([at("me"), at("a"), at("gone")]);
    expect(round.isTried).toBe(false);
    await wait(100);
    expect(round.isTried).toBe(true);
    round.setAddresses([at("me"), at("new")]);
    expect(round.isTried).toBe(false);
  });

  it("keep their waits when the same addresses are set again", async () => {
    for (let i = 0; i < 100; i++) {
      round.setAddresses([at("gone")]);
      await wait(100);
    }
    expect(timesAsked("gone")).toBeLessThan(12);
  });
});
