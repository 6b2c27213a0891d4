import { setImmediate as turn } from "node:timers/promises";
import { encodeCommand } from "@dister/store";
import {
  type Command,
  LIMITS,
  type Service,
  type ServiceInstance,
  type Status,
  type StatusChange,
} from "@dister/types";
import { ManualClock, SeededRng, serviceOf } from "@dister/types/testing";
import { afterEach, describe, expect, it } from "vitest";
import { LogLines } from "../../test/log-lines.ts";
import { Instances, instanceKey } from "./instances.ts";
import { CHANGES_MAX, StatusPublisher } from "./status-publisher.ts";

const DAMPING_MS = 5_000;

let stop = (): void => {};
afterEach(() => stop());

/** One service, whose statuses are what was written, and a publisher that hears what is found of its instances. */
class Bench {
  readonly clock = new ManualClock();
  readonly lines = new LogLines();
  readonly instances = new Instances(this.clock);
  readonly found = new Map<string, Status | null>();
  readonly writes: (readonly StatusChange[])[] = [];
  /** Changes that came into force: when, in log time. */
  readonly published: { readonly atMs: number; readonly id: string; readonly status: Status | null }[] = [];
  /** What becomes of a write: applied, refused, or applied though it is not said. */
  outcome: () => "applied" | "refused" | "unknown" = () => "applied";
  service: Service;
  publisher: StatusPublisher;

  constructor(ids: readonly string[], found: Partial<ServiceInstance> = {}) {
    const node = ids.map((id, at) => ({ id, host: "h", port: (at % 65_535) + 1 }));
    this.service = serviceOf({ name: "web", type: "tcp", node }, found);
    this.instances.load([this.service]);
    this.publisher = this.publish();
  }

  /** Another node leads: it has its own memory of what it was told, and the same state. */
  publish(instances = this.instances): StatusPublisher {
    const publisher = new StatusPublisher(
      {
        gateway: { writeAsLeader: (command) => this.#write(command) },
        clock: this.clock,
        logger: this.lines.logger,
        instances,
        decide: ({ key }) => {
          const status = this.found.get(key) ?? null;
          return status === null ? null : { status, output: `output ${status}` };
        },
      },
      DAMPING_MS,
    );
    stop = () => publisher.stop();
    return publisher;
  }

  find(id: string, status: Status | null): void {
    const key = instanceKey("web", id);
    this.found.set(key, status);
    this.publisher.look(key);
  }

  status(id: string): Status | null {
    const { checked, status } = this.service.node.find((one) => one.id === id)!;
    return checked ? status : null;
  }

  /** Time goes on in small steps, and whatever waits for a write goes on. */
  async pass(ms: number, stepMs = 10): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs);
      await turn();
    }
  }

  async #write(command: Command) {
    if (command.type !== "serviceStatus") throw new Error(command.type);
    this.writes.push(command.changes);
    const outcome = this.outcome();
    if (outcome !== "refused") this.#apply(command.changes);
    if (outcome !== "applied") throw new Error("the outcome is not known");
    return { requestId: "r", logId: 1, changed: command.changes.length };
  }

  #apply(changes: readonly StatusChange[]): void {
    const byId = new Map(changes.map((change) => [change.id, change]));
    const sinceMs = this.clock.wallMs();
    const node = this.service.node.map((one): ServiceInstance => {
      const change = byId.get(one.id);
      if (change === undefined || change.definedIndex !== one.definedIndex || change.status === null) return one;
      if (one.checked && one.status === change.status) return one;
      this.published.push({ atMs: this.clock.nowMs(), id: one.id, status: change.status });
      return { ...one, checked: true, status: change.status, sinceMs };
    });
    this.service = { ...this.service, node };
    for (const { key } of this.instances.take("web", this.service).changed) this.publisher.look(key);
  }
}

describe("the publisher of statuses", () => {
  it("writes what differs from the status in force, and nothing else", async () => {
    const bench = new Bench(["a", "b", "c"], { checked: true, status: 1 });
    bench.find("a", 0);
    bench.find("b", 1);
    bench.find("c", null);
    await bench.pass(1_000);
    expect(bench.writes).toEqual([[{ service: "web", id: "a", definedIndex: 1, status: 0 }]]);
  });

  it("writes the changes of one moment together", async () => {
    const ids = Array.from({ length: 300 }, (_, n) => `i${n}`);
    const bench = new Bench(ids);
    for (const [nth, id] of ids.entries()) {
      bench.find(id, 1);
      if (nth % 100 === 50) await bench.pass(5, 5);
    }
    await bench.pass(200);
    expect(bench.writes.map(({ length }) => length)).toEqual([300]);
  });

  it("publishes a first finding at once, also that of an instance that is defined anew", async () => {
    const bench = new Bench(["a"]);
    bench.find("a", 0);
    await bench.pass(30);
    expect(bench.status("a")).toBe(0);
    bench.service = {
      ...bench.service,
      definedIndex: 9,
      node: [{ ...bench.service.node[0]!, checked: false, definedIndex: 9 }],
    };
    bench.instances.take("web", bench.service);
    bench.find("a", 1);
    await bench.pass(130);
    expect(bench.writes.at(-1)).toEqual([{ service: "web", id: "a", definedIndex: 9, status: 1 }]);
  });

  it("holds a second change of an instance back until the window is over, and others not", async () => {
    const bench = new Bench(["a", "b"]);
    bench.find("a", 1);
    await bench.pass(1_000);
    bench.find("a", 0);
    bench.find("b", 0);
    await bench.pass(DAMPING_MS - 1_100);
    expect([bench.status("a"), bench.status("b")]).toEqual([1, 0]);
    await bench.pass(300);
    expect(bench.status("a")).toBe(0);
  });

  it("writes nothing of a flap that is over before the window is", async () => {
    const bench = new Bench(["a"]);
    bench.find("a", 1);
    await bench.pass(1_000);
    bench.find("a", 0);
    await bench.pass(1_000);
    bench.find("a", 1);
    await bench.pass(2 * DAMPING_MS);
    expect(bench.writes).toHaveLength(1);
  });

  it("repeats a write that failed until it is made, and damps nothing by it", async () => {
    const bench = new Bench(["a"]);
    let left = 3;
    bench.outcome = () => (left-- > 0 ? "refused" : "applied");
    bench.find("a", 1);
    await bench.pass(1_000);
    expect([bench.writes.length, bench.status("a")]).toEqual([4, 1]);
    expect(bench.lines.messages.filter((line) => line === "a status could not be replicated")).toHaveLength(3);
  });

  it("is damped by a change of which it was said that nobody knows whether it was made", async () => {
    const bench = new Bench(["a"], { checked: true, status: 1 });
    bench.outcome = () => "unknown";
    bench.find("a", 0);
    await bench.pass(200);
    bench.outcome = () => "applied";
    bench.find("a", 1);
    await bench.pass(DAMPING_MS - 400);
    expect(bench.published.map(({ status }) => status)).toEqual([0]);
    await bench.pass(400);
    expect(bench.published.map(({ status }) => status)).toEqual([0, 1]);
  });

  it.each([
    ["as that of the leader before", 0],
    ["an hour ahead of it", 3_600_000],
    ["an hour behind it", -3_600_000],
  ])("damps a change that another leader made, with a wall clock %s", async (_what, byMs) => {
    const bench = new Bench(["a"]);
    bench.find("a", 1);
    await bench.pass(1_000);
    bench.publisher.stop();
    bench.clock.jumpWall(byMs);
    bench.publisher = bench.publish();
    bench.find("a", 0);
    await bench.pass(DAMPING_MS - 1_200);
    expect(bench.status("a")).toBe(1);
    await bench.pass(500);
    expect(bench.status("a")).toBe(0);
  });

  it("after a restart goes by log time, and by a whole window at most when that is in the future", async () => {
    const bench = new Bench(["a"]);
    bench.find("a", 1);
    await bench.pass(2_000);
    bench.publisher.stop();
    for (const [jumpMs, heldMs] of [
      [0, DAMPING_MS - 2_000],
      [-3_600_000, DAMPING_MS],
    ] as const) {
      bench.clock.jumpWall(jumpMs);
      const restarted = new Instances(bench.clock);
      restarted.load([bench.service]);
      expect(restarted.get("web/a")!.changedMs + DAMPING_MS - bench.clock.nowMs()).toBeCloseTo(heldMs, -2);
    }
  });

  it("brings more changes than one write takes into force, one write after the other", async () => {
    const ids = Array.from({ length: LIMITS.serviceNodesMax + 2_500 }, (_, n) => `i${n}`);
    const bench = new Bench(ids.slice(0, LIMITS.serviceNodesMax));
    const all = ids.slice(0, LIMITS.serviceNodesMax);
    const more = serviceOf({
      name: "more",
      type: "tcp",
      node: ids.slice(LIMITS.serviceNodesMax).map((id) => ({ id, host: "h", port: 1 })),
    });
    bench.instances.take("more", more);
    for (const id of all) bench.find(id, 1);
    for (const { id } of more.node) {
      bench.found.set(instanceKey("more", id), 0);
      bench.publisher.look(instanceKey("more", id));
    }
    await bench.pass(1_000, 50);
    expect(Math.max(...bench.writes.map(({ length }) => length))).toBeLessThanOrEqual(CHANGES_MAX);
    expect(new Set(bench.writes.flat().map(({ service, id }) => `${service}/${id}`)).size).toBe(ids.length);
    expect(bench.published).toHaveLength(all.length);
  });

  it("never writes more than an entry holds, whatever the instances are called", () => {
    const change = {
      service: "s".repeat(128),
      id: "字".repeat(LIMITS.instanceIdCharsMax),
      definedIndex: 2 ** 40,
      status: 1 as const,
    };
    const command: Command = { type: "serviceStatus", changes: Array.from({ length: CHANGES_MAX }, () => change) };
    const bytes = encodeCommand({ requestId: "r".repeat(128), timeMs: 1_700_000_000_000, command });
    expect(bytes.length).toBeLessThan(LIMITS.entryPayloadBytesMax);
  });

  it("stops without a timer left", async () => {
    const bench = new Bench(["a"]);
    bench.find("a", 1);
    bench.publisher.stop();
    bench.find("a", 0);
    await bench.pass(1_000);
    expect([bench.writes, bench.clock.pending]).toEqual([[], 0]);
  });

  it("keeps nothing of instances that are gone", async () => {
    const bench = new Bench(["a"]);
    bench.find("a", 1);
    bench.instances.take("web", null);
    bench.publisher.keep(() => false);
    await bench.pass(1_000);
    expect([bench.writes, bench.clock.pending]).toEqual([[], 0]);
  });
});

describe("the lines about changes", () => {
  const changes = (bench: Bench) => bench.lines.all.filter(([, message]) => message === "instance changed");

  it("are one for each change that came into force, with its reason, however often it was written", async () => {
    const bench = new Bench(["a"]);
    let left = 2;
    bench.outcome = () => (left-- > 0 ? "refused" : "unknown");
    bench.find("a", 0);
    await bench.pass(1_000);
    expect(changes(bench)).toEqual([
      ["info", "instance changed", { service: "web", instance: "a", status: 0, output: "output 0" }],
    ]);
  });

  it("are none for one that was not made before the instance recovered", async () => {
    const bench = new Bench(["a"], { checked: true, status: 1 });
    bench.outcome = () => "refused";
    bench.find("a", 0);
    await bench.pass(500);
    bench.find("a", 1);
    bench.outcome = () => "applied";
    await bench.pass(500);
    expect(changes(bench)).toEqual([]);
    bench.find("a", 0);
    await bench.pass(500);
    expect(changes(bench)).toHaveLength(1);
  });
});

describe("an hour of flapping at random, with writes that fail, time and again another leader, and clocks that are set", () => {
  it.each([1, 2, 3])(
    "publishes at most one change of an instance in each window, and the end state (seed %i)",
    async (seed) => {
      const rng = new SeededRng(seed);
      const ids = ["a", "b", "c", "d", "e"];
      const bench = new Bench(ids);
      bench.outcome = () => {
        const drawn = rng.next();
        return drawn < 0.1 ? "refused" : drawn < 0.2 ? "unknown" : "applied";
      };
      for (let passed = 0; passed < 3_600_000; passed += 200) {
        // Some flap all the time, some seldom.
        ids.forEach((id, at) => {
          if (rng.next() < 0.3 / 4 ** at) bench.find(id, rng.next() < 0.5 ? 0 : 1);
        });
        if (rng.next() < 0.002) bench.clock.jumpWall((rng.next() - 0.5) * 100_000);
        if (rng.next() < 0.005) {
          bench.publisher.stop();
          bench.publisher = bench.publish();
          for (const id of ids) bench.publisher.look(instanceKey("web", id));
        }
        await bench.pass(200, 100);
      }
      bench.outcome = () => "applied";
      await bench.pass(2 * DAMPING_MS);
      for (const id of ids) {
        const times = bench.published.filter((one) => one.id === id).map(({ atMs }) => atMs);
        const gaps = times.slice(1).map((atMs, nth) => atMs - times[nth]!);
        expect(times.length).toBeGreaterThan(1);
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(DAMPING_MS);
        expect(bench.status(id)).toBe(bench.found.get(instanceKey("web", id)));
      }
    },
  );
});
