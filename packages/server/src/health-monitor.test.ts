import type { CustomChecks } from "@dister/health";
import { type Command, type CommandOutcome, NO_LOGGER, type Service, STATUS } from "@dister/types";
import { ServiceConfigSchema } from "@dister/types/schemas";
import { systemClock } from "@dister/types/system";
import { SeededRng } from "@dister/types/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { HealthMonitor } from "./health-monitor.ts";

/** A service whose only node is believed alive, on a port of loopback where nothing listens. */
function believedAlive(): Service {
  const node = [{ host: "127.0.0.1", port: 1, interval: 100, timeout: 100, fall: 1 }];
  const config = ServiceConfigSchema.parse({ name: "gone", type: "tcp", node });
  return { ...config, node: [{ ...config.node[0]!, status: STATUS.alive }], definedIndex: 5, modifyIndex: 5 };
}

let stop = (): void => {};
afterEach(() => stop());

/** A monitor over one service and a gateway that does what a test says. */
function monitor(
  write: (command: Command) => Promise<CommandOutcome>,
  role: "leader" | "follower" = "leader",
  service: Service = believedAlive(),
  custom: CustomChecks = "off",
): { service: Service } {
  const bench = { service };
  const subject = new HealthMonitor(
    {
      raft: { status: () => ({ role }) },
      state: {
        services: () => [bench.service],
        service: (name) => (name === bench.service.name ? bench.service : undefined),
        onChange: () => () => undefined,
      },
      gateway: { write },
      clock: systemClock,
      rng: new SeededRng(1),
      logger: NO_LOGGER,
    },
    { custom },
  );
  stop = () => subject.stop();
  subject.start();
  return bench;
}

const done: CommandOutcome = { requestId: "r", logId: 60_000, changed: 1 };
const DEAD = { type: "serviceStatus", changes: [{ service: "gone", definedIndex: 5, node: 0, status: STATUS.dead }] };

describe("the health monitor of a leader", () => {
  it("writes a decision once, however often it is made while the write is under way", async () => {
    const written: Command[] = [];
    const bench = monitor(async (command) => {
      written.push(command);
      await new Promise((resolve) => setTimeout(resolve, 350)); // Three checks decide the same meanwhile.
      bench.service = { ...bench.service, node: [{ ...bench.service.node[0]!, status: STATUS.dead }] };
      return done;
    });
    await vi.waitFor(() => expect(bench.service.node[0]!.status).toBe(STATUS.dead), 10_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written).toEqual([DEAD]);
  });

  it("writes it again after the next check when the write failed", async () => {
    const written: Command[] = [];
    monitor((command) => {
      written.push(command);
      return written.length < 3 ? Promise.reject(new Error("no leader")) : Promise.resolve(done);
    });
    await vi.waitFor(() => expect(written.length).toBeGreaterThanOrEqual(3), 10_000);
    expect(written.slice(0, 3)).toEqual([DEAD, DEAD, DEAD]);
  });

  it("writes nothing about a definition that was replaced meanwhile", async () => {
    let writes = 0;
    const bench = monitor(async () => {
      writes++;
      bench.service = { ...bench.service, definedIndex: 6 };
      throw new Error("unknown outcome");
    });
    await vi.waitFor(() => expect(writes).toBe(1), 10_000);
    await new Promise((resolve) => setTimeout(resolve, 250)); // The scheduler, untold, still checks the old definition.
    expect(writes).toBe(1);
  });

  it("of a node that does not lead checks nothing", async () => {
    let writes = 0;
    monitor(() => {
      writes++;
      return Promise.resolve(done);
    }, "follower");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(writes).toBe(0);
  });

  it.each([
    ["off", "off", STATUS.alive, STATUS.dead],
    ["allowed", ["/usr/bin/printf"], STATUS.dead, STATUS.alive],
    ["allowed for another executable", ["/bin/printf"], STATUS.alive, STATUS.dead],
  ] as const)(
    "runs the script of a service as its own configuration says: %s (X10)",
    async (_what, custom, before, after) => {
      const node = [{ script: "/usr/bin/printf 1", interval: 100, fall: 1 }];
      const config = ServiceConfigSchema.parse({ name: "gone", type: "custom", node });
      const service = { ...config, node: [{ ...config.node[0]!, status: before }], definedIndex: 5, modifyIndex: 5 };
      const written: Command[] = [];
      monitor(
        async (command) => {
          written.push(command);
          return done;
        },
        "leader",
        service,
        custom,
      );
      await vi.waitFor(() => expect(written.length).toBeGreaterThan(0), 10_000);
      expect(written[0]).toEqual({ ...DEAD, changes: [{ ...DEAD.changes[0], status: after }] });
    },
  );
});
