import { type Command, type CommandOutcome, membershipOf, NO_LOGGER, type Service, STATUS } from "@dister/types";
import { systemClock } from "@dister/types/system";
import { SeededRng, serviceOf } from "@dister/types/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { OneService } from "../../test/one-service.ts";
import { JsonRpc } from "../cluster/json-rpc.ts";
import { HealthMonitor, type HealthOptions } from "./health-monitor.ts";

/** A service whose only node is believed alive, on a port of loopback where nothing listens. */
function believedAlive(): Service {
  const node = [{ id: "a", host: "127.0.0.1", port: 1, interval: 100, timeout: 100, fall: 1 }];
  return serviceOf({ name: "gone", type: "tcp", node }, { status: STATUS.alive, checked: true, definedIndex: 5 });
}

let stop = (): void => {};
afterEach(() => stop());

/** One service, and a monitor that hears of it when it is put. */
class Bench extends OneService {
  readonly written: Command[] = [];

  /** Every status of the service as it was written. */
  apply(): void {
    this.put({ ...this.service, node: this.service.node.map((one) => ({ ...one, status: STATUS.dead, sinceMs: 1 })) });
  }

  monitor(
    write: (command: Command) => Promise<CommandOutcome>,
    {
      role = "leader" as "leader" | "follower",
      ...options
    }: Partial<HealthOptions> & { role?: "leader" | "follower" } = {},
  ): HealthMonitor {
    const membership = membershipOf([]);
    const monitor = new HealthMonitor(
      {
        self: "a",
        raft: { status: () => ({ role, leader: role === "leader" ? "a" : "b", membership }) },
        json: new JsonRpc({ serve: () => undefined, call: () => Promise.reject(new Error("nobody")) }),
        state: this.reader,
        gateway: {
          writeAsLeader: (command) => {
            this.written.push(command);
            return write(command);
          },
        },
        clock: systemClock,
        rng: new SeededRng(1),
        logger: NO_LOGGER,
      },
      options,
    );
    stop = () => monitor.stop();
    monitor.start();
    return monitor;
  }
}

const done: CommandOutcome = { requestId: "r", logId: 60_000, changed: 1 };
const DEAD = { type: "serviceStatus", changes: [{ service: "gone", id: "a", definedIndex: 5, status: STATUS.dead }] };

describe("the health monitor of a leader", () => {
  it("writes a decision once, however often it is made while the write is under way", async () => {
    const bench = new Bench(believedAlive());
    bench.monitor(async () => {
      await new Promise((resolve) => setTimeout(resolve, 350)); // Three checks decide the same meanwhile.
      bench.apply();
      return done;
    });
    await vi.waitFor(() => expect(bench.service.node[0]!.status).toBe(STATUS.dead), 10_000);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(bench.written).toEqual([DEAD]);
  });

  it("writes it again when the write failed", async () => {
    const bench = new Bench(believedAlive());
    bench.monitor(() => (bench.written.length < 3 ? Promise.reject(new Error("no leader")) : Promise.resolve(done)));
    await vi.waitFor(() => expect(bench.written.length).toBeGreaterThanOrEqual(3), 10_000);
    expect(bench.written.slice(0, 3)).toEqual([DEAD, DEAD, DEAD]);
  });

  it("writes nothing about a definition that was replaced meanwhile", async () => {
    const bench = new Bench(believedAlive());
    bench.monitor(async () => {
      const node = bench.service.node.map((one) => ({ ...one, definedIndex: 6, interval: "60000" }));
      bench.put({ ...bench.service, node, definedIndex: 6 });
      throw new Error("unknown outcome");
    });
    await vi.waitFor(() => expect(bench.written).toHaveLength(1), 10_000);
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(bench.written).toHaveLength(1);
  });

  it("of a node that does not lead checks nothing", async () => {
    const bench = new Bench(believedAlive());
    bench.monitor(() => Promise.resolve(done), { role: "follower" });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(bench.written).toEqual([]);
  });

  it.each([
    ["off", "off", STATUS.alive, STATUS.dead],
    ["allowed", ["/usr/bin/printf"], STATUS.dead, STATUS.alive],
    ["allowed for another executable", ["/bin/printf"], STATUS.alive, STATUS.dead],
  ] as const)(
    "runs the script of a service as its own configuration says: %s (X10)",
    async (_what, custom, before, after) => {
      const node = [{ id: "a", script: "/usr/bin/printf 1", interval: 100, fall: 1 }];
      const state = { status: before, checked: true, definedIndex: 5 };
      const bench = new Bench(serviceOf({ name: "gone", type: "custom", node }, state));
      bench.monitor(async () => done, { custom });
      await vi.waitFor(() => expect(bench.written.length).toBeGreaterThan(0), 10_000);
      expect(bench.written[0]).toEqual({ ...DEAD, changes: [{ ...DEAD.changes[0], status: after }] });
    },
  );
});
