import { setImmediate as turn } from "node:timers/promises";
import {
  type Command,
  type Member,
  membershipOf,
  NO_LOGGER,
  type NodeId,
  type NodeInfo,
  ROLE,
  type Service,
} from "@dister/types";
import { ManualClock, SeededRng, serviceOf } from "@dister/types/testing";
import { afterEach, describe, expect, it } from "vitest";
import { OneService } from "../../test/one-service.ts";
import { JsonRpc } from "../cluster/json-rpc.ts";
import { HealthMonitor, type HealthOptions } from "./health-monitor.ts";
import { VOTES_METHOD } from "./vote-sender.ts";

let stop = (): void => {};
afterEach(() => stop());

const member = (id: NodeId, more: Partial<Member> = {}): Member => ({
  id,
  name: id,
  role: ROLE.server,
  voter: true,
  address: { host: "h", ports: { raft: 1, repl: 2, api: 3 } },
  ...more,
});

/** The monitor of node A, which checks nothing real: what it would check is all that is asked. */
class Bench extends OneService {
  readonly clock = new ManualClock();
  readonly written: Command[] = [];
  members: Member[];
  leader: NodeId | null = "A";
  readonly monitor: HealthMonitor;
  readonly #handlers = new Map<string, (from: NodeInfo, body: Uint8Array) => Promise<Uint8Array>>();

  constructor(service: Service, members: Member[], options: Partial<HealthOptions> = {}) {
    super(service);
    this.members = members;
    this.monitor = new HealthMonitor(
      {
        self: "A",
        raft: {
          status: () => ({
            role: this.leader === "A" ? "leader" : "follower",
            leader: this.leader,
            membership: membershipOf(this.members),
          }),
        },
        json: new JsonRpc({
          serve: (method, handler) => void this.#handlers.set(method, handler),
          call: () => Promise.reject(new Error("nobody")),
        }),
        state: this.reader,
        gateway: {
          writeAsLeader: async (command) => {
            this.written.push(command);
            return { requestId: "r", logId: 1, changed: 1 };
          },
        },
        clock: this.clock,
        rng: new SeededRng(1),
        logger: NO_LOGGER,
      },
      { observers: 3, jitter: 0, ...options },
    );
    stop = () => this.monitor.stop();
    this.monitor.start();
  }

  /** Another observer tells this node, which leads, what it finds. */
  async tells(observer: NodeId, id: string, status: 0 | 1): Promise<void> {
    const vote = { key: `${this.service.name}/${id}`, definedIndex: 1, status, output: "", latencyMs: null, checks: 1 };
    const body = new TextEncoder().encode(JSON.stringify({ votes: [vote] }));
    await this.#handlers.get(VOTES_METHOD)!({ id: observer } as NodeInfo, body);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50);
      await turn();
    }
  }

  get targets(): number {
    return this.monitor.figures().targets;
  }
}

/** Of what is never probed in a test that lasts so long. */
const tcp = { host: "127.0.0.1", port: 1, interval: 86_400_000, start: "passing" };

describe("what a server with observers checks", () => {
  const many = serviceOf({
    name: "web",
    type: "tcp",
    node: Array.from({ length: 200 }, (_, n) => ({ ...tcp, id: `i${n}` })),
  });

  it("is its share, and another one when servers come and go", async () => {
    const bench = new Bench(
      many,
      ["A", "B", "C", "D", "E", "F"].map((id) => member(id)),
    );
    expect(bench.targets).toBeGreaterThan(70);
    expect(bench.targets).toBeLessThan(130);
    bench.members = bench.members.slice(0, 3);
    bench.monitor.statusChanged();
    expect(bench.targets).toBe(200);
    bench.members = bench.members.slice(1);
    bench.monitor.statusChanged();
    expect(bench.targets).toBe(0);
  });

  it("does not depend on who leads", () => {
    const bench = new Bench(
      many,
      ["A", "B", "C", "D", "E", "F"].map((id) => member(id)),
    );
    const before = bench.targets;
    for (const leader of [null, "B", "A"]) {
      bench.leader = leader;
      bench.monitor.statusChanged();
      expect(bench.targets).toBe(before);
    }
  });

  it("is shared with those that vote: one that is joining or a monitor may know nothing yet", () => {
    const others = [
      member("B", { voter: false }),
      member("C", { voter: false, role: ROLE.monitor }),
      member("D", { voter: false }),
    ];
    expect(new Bench(many, [member("A"), ...others]).targets).toBe(200);
    expect(new Bench(many, [member("A", { voter: false }), member("B"), member("C")]).targets).toBe(0);
  });

  it("is left to the leader for a service that is now one of applications that report", async () => {
    const node = Array.from({ length: 20 }, (_, n) => ({ ...tcp, id: `i${n}` }));
    const bench = new Bench(
      serviceOf({ name: "web", type: "tcp", node }),
      ["A", "B", "C"].map((id) => member(id)),
    );
    bench.leader = "B";
    bench.monitor.statusChanged();
    expect(bench.targets).toBe(20);
    const reported = node.map((one) => ({ ...one, ttl: 1_000, interval: 100 }));
    bench.put({ ...serviceOf({ name: "web", type: "ttl", node: reported }, { definedIndex: 9 }), definedIndex: 9 });
    await bench.pass(100);
    expect(bench.targets).toBe(0);
    bench.leader = "A";
    bench.monitor.statusChanged();
    expect(bench.targets).toBe(20);
  });

  it("is nothing when the monitor has stopped, whatever Raft says after that", () => {
    const bench = new Bench(
      many,
      ["A", "B", "C"].map((id) => member(id)),
    );
    bench.monitor.stop();
    for (const leader of ["B", null, "A"]) {
      bench.leader = leader;
      bench.monitor.statusChanged();
    }
    expect([bench.targets, bench.clock.pending]).toEqual([0, 0]);
  });
});

describe("applications that report, and leaders that change", () => {
  const reporting = serviceOf(
    { name: "mailer", type: "ttl", node: [{ id: "m", host: "m", ttl: 10_000, interval: 1_000, fall: 1 }] },
    { checked: true, status: 1 },
  );

  it("are not taken for dead by a new leader before a report of each could have come, and then they are", async () => {
    const bench = new Bench(
      reporting,
      ["A", "B", "C"].map((id) => member(id)),
    );
    bench.monitor.report([{ name: "mailer", id: "m", status: 1 }]);
    await bench.pass(9_000);
    bench.leader = "B";
    bench.monitor.statusChanged();
    await bench.pass(60_000);
    bench.leader = "A";
    bench.monitor.statusChanged();
    await bench.pass(10_000);
    expect(bench.written).toEqual([]);
    await bench.pass(3_000);
    expect(bench.written[0]).toMatchObject({ changes: [{ id: "m", status: 0 }] });
  });

  it("write nothing while they report", async () => {
    const bench = new Bench(
      reporting,
      ["A", "B", "C"].map((id) => member(id)),
    );
    for (let nth = 0; nth < 20; nth++) {
      bench.monitor.report([{ name: "mailer", id: "m", status: 1 }]);
      await bench.pass(5_000);
    }
    expect(bench.written).toEqual([]);
  });
});

describe("what a leader publishes", () => {
  /** Scripts may not run here: every check of one fails, without anything being asked. */
  const script = { id: "a", script: "/bin/true", interval: 10_000 };
  const scripts = (more: object = {}) =>
    serviceOf({ name: "job", type: "custom", node: [{ ...script, ...more }] }, { checked: true, status: 1 });
  const three = ["A", "B", "C"].map((id) => member(id));
  const DEAD = { type: "serviceStatus", changes: [{ service: "job", id: "a", definedIndex: 1, status: 0 }] };

  it("is what a majority already found, when servers go and the others are a majority", async () => {
    const bench = new Bench(scripts({ fall: 1 }), three);
    await bench.pass(20_000);
    expect(bench.written).toEqual([]);
    bench.members = bench.members.slice(0, 1);
    bench.monitor.statusChanged();
    await bench.pass(200);
    expect(bench.written[0]).toEqual(DEAD);
  });

  it("is nothing that a server found before it was relieved and called again", async () => {
    const bench = new Bench(scripts({ fall: 2, interval: 1_000 }), three);
    await bench.tells("B", "a", 0);
    for (const members of [
      ["A", "C"],
      ["A", "B", "C"],
    ]) {
      bench.members = members.map((id) => member(id));
      bench.monitor.statusChanged();
    }
    await bench.pass(3_000);
    expect(bench.written).toEqual([]);
    await bench.tells("B", "a", 0);
    await bench.pass(200);
    expect(bench.written[0]).toEqual(DEAD);
  });

  it("is nothing that it took from its state when it began, and that was over by then", async () => {
    const bench = new Bench(scripts({ fall: 2 }), three, { observers: 1, dampingMs: 0 });
    // The leader before published it; this one applies it when it leads already.
    const node = bench.service.node.map((one) => ({ ...one, status: 0 as const, sinceMs: bench.clock.wallMs() }));
    bench.put({ ...bench.service, node });
    await bench.pass(60_000);
    expect(bench.written).toEqual([]);
  });

  it("is counted from the status in force, also when that came into force behind its begin", async () => {
    const node = { id: "m", host: "m", ttl: 60_000, interval: 1_000, rise: 3 };
    const mailer = serviceOf({ name: "mailer", type: "ttl", node: [node] }, { checked: true, status: 1 });
    const bench = new Bench(mailer, three, { observers: 1, dampingMs: 0 });
    bench.put({ ...mailer, node: mailer.node.map((one) => ({ ...one, status: 0 as const, sinceMs: 1 })) });
    bench.monitor.report([{ name: "mailer", id: "m", status: 1 }]);
    while (bench.written.length === 0) await bench.pass(50);
    expect(bench.monitor.checksOf(bench.service).instances[0]!.observers[0]!.checks).toBe(3);
  });
});
