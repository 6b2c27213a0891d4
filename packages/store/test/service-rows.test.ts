import { statSync } from "node:fs";
import { type Command, LIMITS, type ServiceConfig } from "@dister/types";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openForWriting } from "../src/database.ts";
import { encodeCommand, stateHash } from "../src/index.ts";
import { commandEntry, open, textOf, transfer } from "./harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const COUNT = LIMITS.serviceNodesMax;
const CHECKS = { priority: "100", interval: "2000", timeout: "2000", rise: "1", fall: "2" };
const ids = Array.from({ length: COUNT }, (_, at) => `10.0.${at >> 8}.${at & 255}:80`);
/** Each instance with some 560 bytes of its own, so that the definition is nearly as large as one may be. */
const config: ServiceConfig = {
  name: "web",
  type: "tcp",
  node: ids.map((id, at) => ({ id, host: "h", port: "80", meta: { about: textOf(at, 560) }, ...CHECKS, status: 0 })),
};
const DEFINITION_BYTES = JSON.stringify(config).length;

/** A status for each of these instances. */
function status(to: 0 | 1, of: readonly string[]): Command {
  return {
    type: "serviceStatus",
    changes: of.map((id) => ({ service: "web", id, definedIndex: 1, status: to })),
  };
}

test("a status does not write the definition", async () => {
  const path = folder.file("state.db");
  const store = await open(path);
  await store.apply([commandEntry(1, { type: "serviceSet", services: [config] })]);
  const other = openForWriting(path, 2 ** 20);
  const definition = () => other.prepare("SELECT definition FROM service").pluck().get();
  const states = () => other.prepare("SELECT state FROM service_state").pluck().get();
  // What is written over is gone, so what is still there was not written over.
  other.exec("UPDATE service SET definition = 'untouched'");
  const before = states();
  for (const [at, command] of [status(1, ids), mode("draining", ids[6]!), status(0, ids)].entries()) {
    await store.apply([commandEntry(2 + at, command)]);
    expect(definition()).toBe("untouched");
  }
  expect(states()).not.toBe(before);
  await store.apply([commandEntry(5, { type: "instanceSet", services: [{ ...config, node: [config.node[7]!] }] })]);
  expect(definition()).toBe(JSON.stringify(config));
  other.close();
  await store.close();
});

test("a service that is removed leaves no row behind, whichever way it goes", async () => {
  const path = folder.file("state.db");
  const one = (name: string): ServiceConfig => ({ ...config, name, node: [config.node[0]!] });
  let store = await open(path);
  await store.apply([
    commandEntry(1, { type: "serviceSet", services: [one("a"), one("b"), one("c")] }),
    commandEntry(2, { type: "serviceDelete", names: ["a"] }),
    commandEntry(3, { type: "instanceDelete", instances: [{ service: "b", id: ids[0]! }] }),
  ]);
  await store.close();
  store = await open(path);
  expect(store.services().map(({ name }) => name)).toEqual(["c"]);
  await store.close();
});

test("a status of a service with 10,000 instances costs some bytes for each of them", async () => {
  const path = folder.file("state.db");
  const written = () => statSync(`${path}-wal`).size;
  let store = await open(path);
  expect(DEFINITION_BYTES).toBeGreaterThan(LIMITS.serviceBytesMax - 400_000);
  await store.apply([commandEntry(1, { type: "serviceSet", services: [config] })]);
  // Opened anew the write-ahead log begins with what comes now.
  await store.close();
  store = await open(path);
  for (const [at, command] of [status(1, ids), status(0, [ids[5]!]), mode("draining", ids[6]!)].entries()) {
    const before = written();
    await store.apply([commandEntry(2 + at, command)]);
    // A state takes some 40 bytes; the log of pages adds its heads.
    expect(written() - before).toBeLessThan(COUNT * 64);
    expect(written() - before).toBeGreaterThan(0);
  }
  await store.close();
});

test("10,000 instances and what became of them come through a restart and a snapshot as they are", async () => {
  const path = folder.file("state.db");
  let store = await open(path);
  // All fall but one; some are out of use, so that every kind of state is there.
  await store.apply([
    commandEntry(1, { type: "serviceSet", services: [config] }),
    commandEntry(2, status(1, ids)),
    commandEntry(3, mode("draining", ...ids.slice(0, 10))),
    commandEntry(4, mode("maintenance", ...ids.slice(10, 20))),
    commandEntry(5, status(0, ids.slice(1)), { timeMs: 1_790_000_100_000 }),
  ]);
  const before = store.service("web")!;
  expect(before.protectedMs).toBe(1_790_000_100_000);
  expect(before.node.filter(({ kept }) => kept)).toHaveLength(COUNT - 20);
  const hash = await stateHash(store);
  await store.close();
  store = await open(path);
  expect(store.service("web")).toEqual(before);
  expect(await stateHash(store)).toBe(hash);

  const restored = await open(folder.file("restored.db"));
  await transfer(store, restored);
  expect(restored.service("web")).toEqual(before);
  expect(await stateHash(restored)).toBe(hash);
  // Both go on in the same way.
  const next = commandEntry(6, status(1, ids.slice(0, 9_000)), { timeMs: 1_790_000_200_000 });
  for (const one of [store, restored]) await one.apply([next]);
  expect(restored.services()).toEqual(store.services());
  expect(restored.service("web")!.protectedMs).toBe(0);
  expect(await stateHash(restored)).toBe(await stateHash(store));
  for (const one of [store, restored]) await one.close();
});

test("a command may name every instance of the largest service, by the longest ids", () => {
  const longest = Array.from({ length: COUNT }, (_, at) => `${at}`.padStart(LIMITS.instanceIdCharsMax, "x"));
  const stamped = (command: Command) => ({ requestId: "r", timeMs: 1, command });
  expect(() => encodeCommand(stamped(status(1, longest)))).not.toThrow();
  expect(() => encodeCommand(stamped(mode("draining", ...longest)))).not.toThrow();
});

function mode(to: "draining" | "maintenance", ...of: string[]): Command {
  return { type: "instanceMode", changes: of.map((id) => ({ service: "web", id, mode: to })) };
}
