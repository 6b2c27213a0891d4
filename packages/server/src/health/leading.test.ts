import { setImmediate as turn } from "node:timers/promises";
import type { Command, NodeId, Service, Status, StatusChange } from "@dister/types";
import { ManualClock, serviceOf } from "@dister/types/testing";
import { afterEach, describe, expect, it } from "vitest";
import { LogLines } from "../../test/log-lines.ts";
import { Instances } from "./instances.ts";
import { Leading } from "./leading.ts";
import type { Vote } from "./verdicts.ts";

let stop = (): void => {};
afterEach(() => stop());

/** A leader of three observers, over one service whose instances are believed alive. */
class Bench {
  readonly clock = new ManualClock();
  readonly lines = new LogLines();
  readonly instances = new Instances(this.clock);
  readonly writes: (readonly StatusChange[])[] = [];
  readonly own = new Map<string, Vote>();
  observers: NodeId[] = ["A", "B", "C"];
  service: Service;
  leading: Leading;

  constructor(ids: readonly string[] = ["1", "2"]) {
    const node = ids.map((id) => ({ id, host: "h", port: 1 }));
    this.service = serviceOf({ name: "web", type: "tcp", node }, { checked: true, status: 1 });
    this.instances.load([this.service]);
    this.leading = this.lead();
  }

  lead(): Leading {
    const leading = new Leading(
      {
        self: "A",
        state: { services: () => [this.service] },
        gateway: { writeAsLeader: (command) => this.#write(command) },
        clock: this.clock,
        logger: this.lines.logger,
        instances: this.instances,
        checker: { vote: (key) => this.own.get(key) },
        observersOf: () => this.observers,
      },
      { dampingMs: 5_000 },
    );
    stop = () => leading.stop();
    return leading;
  }

  vote(id: string, status: Status | null, output = "refused"): Vote {
    return { key: `web/${id}`, definedIndex: 1, status, output, latencyMs: null, checks: 1 };
  }

  findHere(id: string, status: Status): void {
    this.own.set(`web/${id}`, this.vote(id, status));
    this.leading.look(`web/${id}`);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 20) {
      this.clock.advance(20);
      await turn();
    }
  }

  async #write(command: Command) {
    if (command.type !== "serviceStatus") throw new Error(command.type);
    this.writes.push(command.changes);
    const node = this.service.node.map((one) => {
      const change = command.changes.find(({ id }) => id === one.id);
      return change === undefined ? one : { ...one, status: change.status ?? 0, sinceMs: this.clock.wallMs() };
    });
    this.service = { ...this.service, node };
    for (const { key } of this.instances.take("web", this.service).changed) this.leading.look(key);
    return { requestId: "r", logId: 1, changed: command.changes.length };
  }
}

const dead = (id: string): StatusChange[] => [{ service: "web", id, definedIndex: 1, status: 0 }];

describe("a leader with three observers", () => {
  it("publishes nothing that only one of them finds, be it itself", async () => {
    const bench = new Bench();
    bench.findHere("1", 0);
    bench.leading.hear("B", [bench.vote("1", 1)]);
    await bench.pass(10_000);
    expect(bench.writes).toEqual([]);
  });

  it("publishes what two of them find, and says so", async () => {
    const bench = new Bench();
    bench.findHere("1", 0);
    bench.leading.hear("C", [bench.vote("1", 0, "timed out")]);
    await bench.pass(200);
    expect(bench.writes).toEqual([dead("1")]);
    expect(bench.lines.all).toContainEqual([
      "info",
      "instance changed",
      { service: "web", instance: "1", status: 0, output: "refused (critical for 2 of 3)" },
    ]);
  });

  it("asks an observer that it hears for the first time for everything, and only then", () => {
    const bench = new Bench();
    expect(bench.leading.hear("B", [])).toBe(true);
    expect(bench.leading.hear("B", [])).toBe(false);
    expect(bench.leading.hear("C", [])).toBe(true);
  });

  it("takes its vote from an observer that fell silent, and wants everything when it is back", async () => {
    const bench = new Bench();
    bench.leading.hear("B", [bench.vote("1", 0)]);
    bench.leading.hear("C", []);
    for (let nth = 0; nth < 5; nth++) {
      await bench.pass(2_000);
      bench.leading.hear("C", []);
    }
    // What B found may be long over: A alone does not decide.
    bench.findHere("1", 0);
    await bench.pass(1_000);
    expect(bench.writes).toEqual([]);
    expect(bench.leading.hear("C", [])).toBe(false);
    expect(bench.leading.hear("B", [])).toBe(true);
    bench.leading.hear("B", [bench.vote("1", 0)]);
    await bench.pass(200);
    expect(bench.writes).toEqual([dead("1")]);
  });

  it("keeps the vote of one that says now and then that it is there", async () => {
    const bench = new Bench();
    bench.leading.hear("B", [bench.vote("1", 0)]);
    for (let nth = 0; nth < 20; nth++) {
      await bench.pass(2_000);
      bench.leading.hear("B", []);
    }
    bench.findHere("1", 0);
    await bench.pass(200);
    expect(bench.writes).toEqual([dead("1")]);
  });

  it("that begins to lead publishes nothing before a majority was heard again", async () => {
    const bench = new Bench();
    bench.leading.hear("B", [bench.vote("1", 0)]);
    bench.leading.stop();
    bench.leading = bench.lead();
    bench.findHere("1", 0);
    await bench.pass(10_000);
    expect(bench.writes).toEqual([]);
    bench.leading.hear("B", [bench.vote("1", 0)]);
    await bench.pass(200);
    expect(bench.writes).toEqual([dead("1")]);
  });

  it("publishes at once what a majority already found when the observers become fewer", async () => {
    const bench = new Bench();
    bench.findHere("1", 0);
    await bench.pass(1_000);
    expect(bench.writes).toEqual([]);
    bench.observers = ["A"];
    bench.leading.assigned();
    bench.leading.lookAtAll();
    await bench.pass(200);
    expect(bench.writes).toEqual([dead("1")]);
  });

  it("counts nothing that an observer said before it was relieved and called again", async () => {
    const bench = new Bench();
    bench.leading.hear("C", [bench.vote("1", 0)]);
    for (const observers of [
      ["A", "B", "D"],
      ["A", "B", "C"],
    ]) {
      bench.observers = observers;
      bench.leading.assigned();
      bench.leading.lookAtAll();
    }
    bench.findHere("1", 0);
    await bench.pass(1_000);
    expect(bench.writes).toEqual([]);
  });

  it("writes nothing more when it has stopped", async () => {
    const bench = new Bench();
    bench.findHere("1", 0);
    bench.leading.hear("B", [bench.vote("1", 0)]);
    bench.leading.stop();
    await bench.pass(1_000);
    expect([bench.writes, bench.clock.pending]).toEqual([[], 0]);
  });
});
