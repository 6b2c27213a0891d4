import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeFileSystem, openLog } from "@dister/log";
import { backupStream, encodeCommand, openStore } from "@dister/store";
import { type Command, ENTRY_KIND, isServed, type LogEntry, NO_LOGGER, stateOf } from "@dister/types";
import { CONFIG_DEFAULTS, type Config, ServiceConfigSchema } from "@dister/types/schemas";
import { afterEach, beforeEach, expect, it } from "vitest";
import { offlineParts } from "../src/offline/offline-parts.ts";
import { restore } from "../src/offline/restore.ts";

const TIME_MS = 1_790_000_000_000;
const disk = new NodeFileSystem();
const TUNING = { preallocateBytes: 64 * 1024 };

let folder: string;
let config: Config;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-restored-"));
  config = { ...CONFIG_DEFAULTS, Group: "g", MinNode: 1, SavePath: join(folder, "data") };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const openMemory = () => openStore({ components: { logger: NO_LOGGER }, options: { path: ":memory:" } });

function entry(index: number, command: Command): LogEntry {
  const payload = encodeCommand({ requestId: `r${index}`, timeMs: TIME_MS, command });
  return { index, term: 3, r: 7, kind: ENTRY_KIND.command, payload };
}

/** A backup of what these commands make. */
async function backupOf(commands: readonly Command[]): Promise<string> {
  const store = await openMemory();
  await store.apply(commands.map((command, at) => entry(at + 1, command)));
  const facts = {
    ...{ group: "g", cluster: "00000000000000CC", node: "00000000000000A1", version: "0", timeMs: TIME_MS },
    ...{ logid: store.appliedLogId(), keys: store.kvCount(), services: store.services().length },
  };
  const parts: Uint8Array[] = [];
  for await (const part of backupStream(await store.snapshot(), facts)) parts.push(part);
  const path = join(folder, "backup");
  writeFileSync(path, Buffer.concat(parts));
  await store.close();
  return path;
}

/** The state of a restored node once it has applied its log, as it does when it starts. */
async function restoredFrom(commands: readonly Command[]) {
  const from = await backupOf(commands);
  const {
    node: nodeId,
    cluster: clusterId,
    folder: made,
  } = await restore(offlineParts(disk, TUNING), {
    ...{ from, config, otherGroup: false },
  });
  const identity = { group: "g", nodeId, clusterId };
  const log = await openLog({
    components: { fileSystem: disk, logger: NO_LOGGER },
    options: { ...TUNING, directory: join(made, "log"), identity },
  });
  const store = await openStore({ components: { logger: NO_LOGGER }, options: { path: join(made, "state.db") } });
  const entries = log.read(store.applied().index + 1, log.lastIndex() + 1, 2 ** 30);
  const outcomes = await store.apply(entries);
  expect(outcomes.filter((outcome) => outcome?.error !== undefined)).toEqual([]);
  const services = store.services();
  await store.close();
  await log.close();
  return { services, commands: outcomes.filter((outcome) => outcome !== undefined).length };
}

const service = (name: string, node: object[]) => ServiceConfigSchema.parse({ name, type: "tcp", node });
const found = (name: string, ids: readonly string[], status: 0 | 1): Command => ({
  type: "serviceStatus",
  changes: ids.map((id) => ({ service: name, id, definedIndex: 1, status })),
});

it("a restored service is unchecked: used where its definition says so, kept by nobody, and out of use as before", async () => {
  const at = { host: "h", port: 1 };
  const starts = { ...at, start: "passing" };
  const node = [
    { ...at, id: "was passing" },
    { ...at, id: "was critical" },
    { ...starts, id: "starts passing, was critical" },
    { ...starts, id: "starts passing, was never checked" },
    { ...at, id: "is draining" },
    { ...starts, id: "is in maintenance" },
  ].map((one) => ({ ...one, id: one.id.replaceAll(/[ ,]+/g, "-") }));
  const ids = node.map(({ id }) => id);
  const checked = ids.filter((id) => !id.includes("never"));
  const { services } = await restoredFrom([
    { type: "serviceSet", services: [service("s", node)] },
    found("s", checked, 1),
    found("s", checked.slice(1), 0),
    {
      type: "instanceMode",
      changes: [
        { service: "s", id: "is-draining", mode: "draining" },
        { service: "s", id: "is-in-maintenance", mode: "maintenance" },
      ],
    },
  ]);
  const [restored] = services;
  expect(restored!.protectedMs).toBe(0);
  expect(restored!.node.map((one) => [one.id, stateOf(one), isServed(one), one.kept])).toEqual([
    ["was-passing", "unknown", false, false],
    ["was-critical", "unknown", false, false],
    ["starts-passing-was-critical", "unknown", true, false],
    ["starts-passing-was-never-checked", "unknown", true, false],
    ["is-draining", "draining", false, false],
    ["is-in-maintenance", "maintenance", false, false],
  ]);
});

it("so are the instances of a service that one command does not hold", async () => {
  const node = Array.from({ length: 10_000 }, (_, at) => ({ host: `10.0.${at >> 8}.${at & 255}`, port: 80 }));
  const config = service("large", node);
  const ids = config.node.map(({ id }) => id);
  const { services, commands } = await restoredFrom([
    { type: "serviceSet", services: [config] },
    found("large", ids, 1),
    found("large", ids.slice(0, 9_000), 0),
  ]);
  expect(commands).toBe(2);
  expect(services[0]!.protectedMs).toBe(0);
  expect(services[0]!.node.filter((one) => one.checked || one.kept || one.fellMs > 0)).toEqual([]);
});

it("a restored node whose instances were never checked has nothing to say of them", async () => {
  const { services, commands } = await restoredFrom([
    { type: "serviceSet", services: [service("s", [{ host: "h", port: 1 }])] },
  ]);
  expect([services.length, commands]).toEqual([1, 0]);
});
