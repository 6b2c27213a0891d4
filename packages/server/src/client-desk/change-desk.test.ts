import { setImmediate as turn } from "node:timers/promises";
import type { Changes, LogId, NodeInfo, WatchersTold } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { FOLLOW_WAIT_MS } from "./calls.ts";
import { ChangeDesk } from "./change-desk.ts";

/** A desk whose clients hear of everything at once, and ask again when a test says so. */
class Bench {
  readonly clock = new ManualClock();
  readonly desk: ChangeDesk;

  constructor() {
    const changes = (after: LogId): Changes => ({ compacted: false, events: [], throughLogId: after + 1 });
    const state = { changesSince: changes, onChange: () => () => undefined, onReset: () => () => undefined };
    this.desk = new ChangeDesk({ state, clock: this.clock });
  }

  /** A client asks for what comes behind a log id. */
  async asks(id: string, after: LogId): Promise<void> {
    await this.desk.follow({ id, name: `name-${id}`, ip: "", version: "" } as NodeInfo, after, () => "L");
    await turn();
  }

  /** Tells when a wait ends, and with what. */
  told(logId: LogId, waitMs: number) {
    const ended: (WatchersTold & { readonly atMs: number })[] = [];
    void this.desk.told(logId, waitMs).then((answer) => ended.push({ ...answer, atMs: this.clock.nowMs() }));
    return ended;
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50);
      await turn();
    }
  }
}

describe("waiting until client nodes were sent a change", () => {
  it("is over at once where nobody follows, or everybody has asked for what comes behind it", async () => {
    const bench = new Bench();
    const none = bench.told(100, 5_000);
    await turn();
    expect(none).toEqual([{ told: 0, waiting: [], atMs: 0 }]);
    await bench.asks("a", 100);
    await bench.asks("b", 250);
    const all = bench.told(100, 5_000);
    await turn();
    expect(all).toEqual([{ told: 2, waiting: [], atMs: 0 }]);
  });

  it("is over with the last one that asks on, whoever began to follow meanwhile", async () => {
    const bench = new Bench();
    await bench.asks("a", 50);
    await bench.asks("b", 50);
    const ended = bench.told(100, 5_000);
    await bench.pass(200);
    await bench.asks("a", 100);
    await bench.asks("late", 50);
    expect(ended).toEqual([]);
    await bench.asks("b", 99);
    expect(ended).toEqual([]);
    await bench.asks("b", 101);
    expect(ended).toEqual([{ told: 2, waiting: [], atMs: 200 }]);
  });

  it("names those that have not when the wait is over, and waits for no longer", async () => {
    const bench = new Bench();
    await bench.asks("a", 100);
    await bench.asks("b", 50);
    const ended = bench.told(100, 1_300);
    await bench.pass(1_250);
    expect(ended).toEqual([]);
    await bench.pass(100);
    expect(ended).toEqual([{ told: 1, waiting: ["name-b"], atMs: 1_300 }]);
  });

  it("counts one that follows no more neither as told nor as waiting", async () => {
    const bench = new Bench();
    await bench.asks("a", 50);
    const ended = bench.told(100, 60_000);
    await bench.pass(5 * FOLLOW_WAIT_MS);
    expect(ended).toMatchObject([{ told: 0, waiting: [] }]);
    expect(ended[0]!.atMs).toBeLessThanOrEqual(4 * FOLLOW_WAIT_MS);
  });

  it("without a wait says how it stands", async () => {
    const bench = new Bench();
    await bench.asks("a", 50);
    const ended = bench.told(100, 0);
    await turn();
    expect(ended).toEqual([{ told: 0, waiting: ["name-a"], atMs: 0 }]);
  });
});
