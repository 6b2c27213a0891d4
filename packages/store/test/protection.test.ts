import { type Command, isServed, protectionOf, type Service, type ServiceConfig } from "@dister/types";
import { MemoryStateMachine } from "@dister/types/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCommand } from "../src/index.ts";
import { protectedService } from "../src/protection.ts";
import { commandEntry, open, TIME_MS, transfer } from "./harness.ts";
import { batchesOf, step } from "./history.ts";

test("protection, whatever happens: kept is critical, in use and of a protected service that may be protected", async () => {
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: "max" }), async (steps) => {
      const store = await open();
      for (const batch of await batchesOf(steps)) {
        await store.apply(batch);
        for (const service of store.services()) {
          assertSound(service);
          seen += service.node.filter(({ kept }) => kept).length;
        }
      }
      await store.close();
    }),
    { numRuns: 200 },
  );
  expect(seen).toBeGreaterThan(100);
});

function assertSound(service: Service): void {
  for (const { kept, status, checked, mode, fellMs, sinceMs } of service.node) {
    if (kept) expect([status, checked, mode, service.protectedMs > 0]).toEqual([0, true, "active", true]);
    if (fellMs > 0) expect([status, checked, fellMs <= sinceMs]).toEqual([0, true, true]);
    if (!checked) expect([sinceMs, fellMs, kept]).toEqual([0, 0, false]);
  }
  if (service.protectedMs === 0) return;
  expect(protectionOf(service)).not.toBeNull();
  expect(service.node.length).toBeGreaterThanOrEqual(3);
  // While it is on, looking again at the same time changes nothing.
  expect(protectedService(service, service.protectedMs)).toEqual(service);
}

const IDS = ["1", "2", "3", "4", "5", "6"];
const found = fc.record({
  ids: fc.subarray(IDS, { minLength: 1 }),
  status: fc.constantFrom(0 as const, 0 as const, 1 as const),
  laterMs: fc.constantFrom(0, 1, 10_000, 59_999, 60_001, 300_001),
  does: fc.constantFrom("check", "check", "check", "check", "register", "add", "settings", "nothing"),
  percent: fc.integer({ min: 1, max: 99 }).map(String),
});

test("protection: while none is removed, taken out of use or defined anew, somebody is served once somebody was", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 3, max: 6 }),
      fc.array(found, { maxLength: 40, size: "max" }),
      async (count, story) => {
        const machine = new MemoryStateMachine(decodeCommand);
        let [index, timeMs, wasServed] = [0, TIME_MS, false];
        let config = configOf(IDS.slice(0, count), "50");
        const apply = async (command: Command) => {
          index++;
          const [outcome] = await machine.apply([commandEntry(index, command, { timeMs })]);
          expect(outcome?.error).toBeUndefined();
        };
        await apply({ type: "serviceSet", services: [config] });
        for (const { ids, status, laterMs, does, percent } of story) {
          timeMs += laterMs;
          if (does === "settings")
            config = configOf(
              config.node.map(({ id }) => id),
              percent,
            );
          if (does === "register" || does === "settings") await apply({ type: "serviceSet", services: [config] });
          if (does === "nothing") await apply({ type: "serviceStatus", changes: [] });
          if (does === "add") {
            const known = config.node.map(({ id }) => id);
            config = configOf(
              [...known, ...ids.filter((id) => !known.includes(id))],
              config.protect === "off" ? "50" : (config.protect?.percent ?? "50"),
            );
            await apply({ type: "instanceSet", services: [config] });
          }
          if (does === "check") {
            const changes = machine
              .service("s")!
              .node.filter(({ id }) => ids.includes(id))
              .map(({ id, definedIndex }) => ({ service: "s", id, definedIndex, status }));
            await apply({ type: "serviceStatus", changes });
          }
          const isAnyServed = machine.service("s")!.node.some(isServed);
          expect(wasServed && !isAnyServed).toBe(false);
          wasServed = isAnyServed;
        }
        await machine.close();
      },
    ),
    { numRuns: 1_000 },
  );
});

test("C5: protections that end at once are told in one order, on a node that was restored too", async () => {
  const [first, late] = [await open(), await open()];
  let index = 0;
  const entry = (command: Command, laterMs = 0) => commandEntry(++index, command, { timeMs: TIME_MS + laterMs });
  const status = (ids: readonly string[], to: 0 | 1): Command => ({
    type: "serviceStatus",
    changes: names.flatMap((service) => ids.map((id) => ({ service, id, definedIndex: 1, status: to }))),
  });
  const names = ["c", "a", "b"];
  const services = names.map((name) => ({ ...configOf(IDS.slice(0, 3), "50"), name }));
  await first.apply([
    entry({ type: "serviceSet", services }),
    entry(status(IDS.slice(0, 3), 1)),
    entry(status(IDS.slice(0, 2), 0)),
  ]);
  expect(first.services().map(({ protectedMs }) => protectedMs)).toEqual([TIME_MS, TIME_MS, TIME_MS]);
  await transfer(first, late);
  const told: string[][] = [[], []];
  for (const [at, store] of [first, late].entries()) {
    store.onChange((event) => event.type === "service" && told[at]!.push(event.name));
  }
  const end = entry({ type: "serviceStatus", changes: [] }, 300_001);
  for (const store of [first, late]) await store.apply([end]);
  expect(told).toEqual([
    ["a", "b", "c"],
    ["a", "b", "c"],
  ]);
  for (const store of [first, late]) await store.close();
});

function configOf(ids: readonly string[], percent: string): ServiceConfig {
  const checks = { priority: "100", interval: "2000", timeout: "2000", rise: "1", fall: "1" };
  const node = ids.map((id) => ({ id, host: "h", port: id, ...checks, status: 0 as const }));
  return { name: "s", type: "tcp", protect: { percent }, node };
}
