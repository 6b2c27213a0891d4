import { setImmediate as turn } from "node:timers/promises";
import type { NodeId } from "@dister/types";
import { ManualClock, SeededRng } from "@dister/types/testing";
import { afterEach, describe, expect, it } from "vitest";
import { LogLines } from "../../test/log-lines.ts";
import { JsonRpc } from "../cluster/json-rpc.ts";
import type { Vote } from "./verdicts.ts";
import { VOTES_METHOD, VoteSender, type VotesCall, type VotesReply } from "./vote-sender.ts";

let stop = (): void => {};
afterEach(() => stop());

/** An observer of some instances, and the leaders that it tells of them. */
class Bench {
  readonly clock = new ManualClock();
  readonly lines = new LogLines();
  readonly votes = new Map<string, Vote>();
  readonly calls: { readonly atMs: number; readonly to: NodeId; readonly keys: string[] }[] = [];
  leader: NodeId | null = "L";
  answer: (call: VotesCall) => VotesReply = () => ({ wantsAll: false });
  readonly sender: VoteSender;

  constructor(count: number) {
    for (let n = 0; n < count; n++) this.find(`web/${n}`, 1);
    const json = new JsonRpc({
      serve: () => undefined,
      call: async (to, method, body) => {
        expect(method).toBe(VOTES_METHOD);
        const call = JSON.parse(new TextDecoder().decode(body)) as VotesCall;
        this.calls.push({ atMs: this.clock.nowMs(), to, keys: call.votes.map(({ key }) => key) });
        return new TextEncoder().encode(JSON.stringify(this.answer(call)));
      },
    });
    this.sender = new VoteSender({
      json,
      clock: this.clock,
      logger: this.lines.logger,
      leader: () => this.leader,
      keys: () => this.votes.keys(),
      vote: (key) => this.votes.get(key),
    });
    stop = () => this.sender.stop();
  }

  find(key: string, status: 0 | 1): void {
    this.votes.set(key, { key, definedIndex: 1, status, output: "", latencyMs: null, checks: 1 });
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.clock.advance(10);
      await turn();
    }
  }

  get told(): string[][] {
    return this.calls.map(({ keys }) => keys);
  }
}

describe("what an observer tells the leader", () => {
  it("is each change at once, those of one moment together, and nothing else", async () => {
    const bench = new Bench(100);
    bench.sender.changed("web/1");
    bench.sender.changed("web/2");
    await bench.pass(50);
    bench.sender.changed("web/3");
    await bench.pass(50);
    expect(bench.told).toEqual([["web/1", "web/2"], ["web/3"]]);
  });

  it("is that it is still there, in quiet times, and everything from time to time", async () => {
    const bench = new Bench(3);
    await bench.pass(21_000);
    expect(bench.calls.map(({ atMs }) => Math.round(atMs / 1_000))).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    expect(bench.told.map(({ length }) => length)).toEqual([0, 0, 0, 0, 3, 0, 0, 0, 0, 3]);
  });

  it("is everything once in that time also when something changes all the time", async () => {
    const bench = new Bench(1_000);
    for (let passed = 0; passed < 25_000; passed += 30) {
      bench.sender.changed("web/0");
      await bench.pass(30);
    }
    expect(bench.told.filter(({ length }) => length >= 1_000)).toHaveLength(2);
  });

  it("is everything when another node leads, and when the leader asks for it", async () => {
    const bench = new Bench(3);
    bench.leader = "M";
    bench.sender.sayAll();
    await bench.pass(50);
    expect(bench.calls).toMatchObject([{ to: "M", keys: ["web/0", "web/1", "web/2"] }]);
    bench.answer = () => ({ wantsAll: bench.calls.length === 2 });
    bench.sender.changed("web/1");
    await bench.pass(200);
    expect(bench.told.slice(1)).toEqual([["web/1"], ["web/0", "web/1", "web/2"]]);
  });

  it("is said again after it could not be said, as it is by then", async () => {
    const bench = new Bench(3);
    const heard: (0 | 1 | null)[] = [];
    bench.answer = ({ votes }) => {
      if (bench.calls.length <= 2) throw new Error("cut off");
      heard.push(...votes.map(({ status }) => status));
      return { wantsAll: false };
    };
    bench.sender.changed("web/1");
    await bench.pass(60);
    bench.find("web/1", 0);
    await bench.pass(1_500);
    expect(bench.told).toEqual([["web/1"], ["web/1"], ["web/1"]]);
    expect(heard).toEqual([0]);
  });

  it("is not said all the time to one that refuses it", async () => {
    const bench = new Bench(3);
    bench.answer = () => {
      throw new Error("unknown method");
    };
    bench.sender.changed("web/1");
    await bench.pass(10_000);
    expect(bench.calls.length).toBeLessThanOrEqual(21);
  });

  it("is nothing while nobody leads or it leads itself, and no call", async () => {
    const bench = new Bench(3);
    bench.leader = null;
    bench.sender.changed("web/1");
    await bench.pass(5_000);
    expect(bench.calls).toEqual([]);
    bench.leader = "M";
    bench.sender.sayAll();
    await bench.pass(50);
    expect(bench.told).toEqual([["web/0", "web/1", "web/2"]]);
  });

  it("leaves out what it does not check any more", async () => {
    const bench = new Bench(3);
    bench.sender.changed("web/1");
    bench.sender.changed("web/2");
    bench.votes.delete("web/1");
    await bench.pass(50);
    expect(bench.told).toEqual([["web/2"]]);
  });

  it("comes through for each of very many, though calls fail at random and some change all the time", async () => {
    const bench = new Bench(25_000);
    const rng = new SeededRng(5);
    const heard = new Set<string>();
    bench.answer = ({ votes }) => {
      if (rng.next() < 0.3) throw new Error("cut off");
      for (const { key } of votes) heard.add(key);
      return { wantsAll: false };
    };
    bench.sender.sayAll();
    for (let passed = 0; passed < 12_000; passed += 30) {
      for (let n = 0; n < 50; n++) bench.sender.changed(`web/${n}`);
      await bench.pass(30);
    }
    expect(heard.size).toBe(25_000);
    expect(Math.max(...bench.told.map(({ length }) => length))).toBeLessThanOrEqual(10_000);
  });

  it("ends with it, without a timer left", async () => {
    const bench = new Bench(3);
    bench.sender.stop();
    bench.sender.changed("web/1");
    await bench.pass(5_000);
    expect([bench.calls, bench.clock.pending]).toEqual([[], 0]);
  });
});
