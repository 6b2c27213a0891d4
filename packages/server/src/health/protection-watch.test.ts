import { setImmediate as turn } from "node:timers/promises";
import { type Command, type Service, STATUS, type Status } from "@dister/types";
import { ManualClock, serviceOf } from "@dister/types/testing";
import { afterEach, describe, expect, it } from "vitest";
import { LogLines } from "../../test/log-lines.ts";
import { ProtectionWatch } from "./protection-watch.ts";

const LIMIT_MS = 10_000;

class Bench {
  readonly clock = new ManualClock();
  readonly lines = new LogLines();
  readonly written: Command[] = [];
  services: Service[] = [];
  fails = 0;

  watch(): ProtectionWatch {
    const watch = new ProtectionWatch({
      state: { services: () => this.services },
      gateway: {
        writeAsLeader: async (command) => {
          this.written.push(command);
          if (this.fails-- > 0) throw new Error("no leader");
          return { requestId: "r", logId: 1, changed: 0 };
        },
      },
      clock: this.clock,
      logger: this.lines.logger,
    });
    stop = () => watch.stop();
    return watch;
  }

  /** Four instances, three of them kept. */
  service(protectedMs: number, passing: Status = STATUS.alive): Service {
    const node = [1, 2, 3, 4].map((port) => ({ id: String(port), host: "h", port }));
    const made = serviceOf({ name: "web", type: "tcp", protect: { limit: LIMIT_MS }, node }, { checked: true });
    const instances = made.node.map((one, at) => ({
      ...one,
      status: at === 0 ? passing : STATUS.dead,
      kept: at > 0 && protectedMs > 0,
    }));
    return { ...made, protectedMs, node: instances };
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      this.clock.advance(500);
      await turn();
    }
  }
}

let stop = (): void => {};
afterEach(() => stop());

const END: Command = { type: "serviceStatus", changes: [] };

describe("the watch over protected services", () => {
  it("tells the begin and the end of a protection once each", () => {
    const bench = new Bench();
    const watch = bench.watch();
    watch.serviceChanged("web", bench.service(0));
    expect(bench.lines.all).toEqual([]);
    const since = bench.clock.wallMs();
    for (let nth = 0; nth < 3; nth++) watch.serviceChanged("web", bench.service(since));
    for (let nth = 0; nth < 3; nth++) watch.serviceChanged("web", bench.service(0));
    expect(bench.lines.all).toMatchObject([
      ["warn", "service protected", { service: "web", instances: 4, kept: 3 }],
      ["info", "service protection ended", { service: "web", instances: 4, kept: 0 }],
    ]);
  });

  it("tells the end of a protection whose service is removed", () => {
    const bench = new Bench();
    bench.services = [bench.service(bench.clock.wallMs())];
    bench.watch().serviceChanged("web", null);
    expect(bench.lines.messages).toEqual(["service protected", "service protection ended"]);
  });

  it("has a protection ended when its limit is over and one is passing, and goes on asking until that is done", async () => {
    const bench = new Bench();
    bench.services = [bench.service(bench.clock.wallMs())];
    bench.fails = 2;
    const watch = bench.watch();
    await bench.pass(LIMIT_MS);
    expect(bench.written).toEqual([]);
    await bench.pass(3_000);
    expect(bench.written).toEqual([END, END, END]);
    expect(
      bench.lines.messages.filter((line) => line === "the end of a protection could not be replicated"),
    ).toHaveLength(2);
    watch.serviceChanged("web", bench.service(0));
    await bench.pass(10_000);
    expect(bench.written).toHaveLength(3);
  });

  it("never has one ended while nobody is passing: there is nothing better to be served", async () => {
    const bench = new Bench();
    bench.services = [bench.service(bench.clock.wallMs(), STATUS.dead)];
    bench.watch();
    await bench.pass(10 * LIMIT_MS);
    expect(bench.written).toEqual([]);
  });

  it("counts nobody as passing whom an operator took out", async () => {
    const bench = new Bench();
    const service = bench.service(bench.clock.wallMs());
    bench.services = [{ ...service, node: service.node.map((one) => ({ ...one, mode: "maintenance" as const })) }];
    bench.watch();
    await bench.pass(2 * LIMIT_MS);
    expect(bench.written).toEqual([]);
  });

  it("writes nothing when it has stopped", async () => {
    const bench = new Bench();
    bench.services = [bench.service(bench.clock.wallMs())];
    bench.watch().stop();
    await bench.pass(2 * LIMIT_MS);
    expect([bench.written, bench.clock.pending]).toEqual([[], 0]);
  });
});
