import {
  type ChangeEvent,
  type Command,
  type Member,
  membershipOf,
  NO_LOGGER,
  type NodeId,
  ROLE,
  type Service,
} from "@dister/types";
import { ManualClock, SeededRng, serviceOf } from "@dister/types/testing";
import { afterEach, describe, expect, it } from "vitest";
import { JsonRpc } from "../cluster/json-rpc.ts";
import { HealthMonitor } from "./health-monitor.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

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
class Bench {
  readonly clock = new ManualClock();
  readonly written: Command[] = [];
  readonly #listeners: ((event: ChangeEvent) => void)[] = [];
  members: Member[];
  leader: NodeId | null = "A";
  service: Service;
  readonly monitor: HealthMonitor;

  constructor(service: Service, members: Member[]) {
    this.service = service;
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
        json: new JsonRpc({ serve: () => undefined, call: () => Promise.reject(new Error("nobody")) }),
        state: {
          services: () => [this.service],
          service: (name) => (name === this.service.name ? this.service : undefined),
          onChange: (listener) => {
            this.#listeners.push(listener);
            return () => undefined;
          },
          onReset: () => () => undefined,
        },
        gateway: {
          write: async (command) => {
            this.written.push(command);
            return { requestId: "r", logId: 1, changed: 1 };
          },
        },
        clock: this.clock,
        rng: new SeededRng(1),
        logger: NO_LOGGER,
      },
      { observers: 3, jitter: 0 },
    );
    stop = () => this.monitor.stop();
    this.monitor.start();
  }

  put(service: Service): void {
    this.service = service;
    for (const tell of this.#listeners) tell({ type: "service", logId: 1, name: service.name, service });
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
