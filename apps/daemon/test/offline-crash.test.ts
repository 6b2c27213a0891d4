import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeFileSystem, openLog } from "@dister/log";
import { IdentityFile } from "@dister/server";
import { backupStream, encodeCommand, openStore } from "@dister/store";
import {
  type Command,
  ENTRY_KIND,
  encodeMembership,
  type InstanceConfig,
  membershipOf,
  NO_LOGGER,
  ROLE,
} from "@dister/types";
import { CONFIG_DEFAULTS, type Config } from "@dister/types/schemas";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNode } from "../src/index.ts";
import { dataPlace, hasData, refuseUnfinished } from "../src/offline/data-place.ts";
import { type OfflineParts, offlineParts } from "../src/offline/offline-parts.ts";
import { type RecoverFound, recover } from "../src/offline/recover.ts";
import { reset } from "../src/offline/reset.ts";
import { restore } from "../src/offline/restore.ts";
import { freePorts } from "./daemons.ts";
import { DyingFileSystem, Killed } from "./dying-file-system.ts";

const CLUSTER = "00000000000000CC";
const NODE: InstanceConfig = {
  ...{
    id: "i",
    host: "127.0.0.1",
    port: "1",
    priority: "100",
    interval: "86400000",
    timeout: "2000",
    rise: "1",
    fall: "2",
  },
  status: 1,
};

let folder: string;
let config: Config;
const disk = new NodeFileSystem();
/** Nothing here depends on how much is written ahead, and it is most of the time. */
const TUNING = { preallocateBytes: 64 * 1024 };
const living = (): OfflineParts => offlineParts(disk, TUNING);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dister-offline-"));
  const [raft, repl, api] = (await freePorts(3)) as [number, number, number];
  const address = { Ip: "127.0.0.1", Listen: "127.0.0.1", Ports: { raft, repl, api } };
  config = { ...CONFIG_DEFAULTS, ...address, Group: "g", MinNode: 1, SavePath: join(folder, "data") };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const place = () => dataPlace(config.SavePath);

function dying(at: number, how: "killed" | "full" = "killed"): { parts: OfflineParts; fileSystem: DyingFileSystem } {
  const fileSystem = new DyingFileSystem(at, how);
  const parts = offlineParts(fileSystem, TUNING);
  const removeTree = (path: string): void => {
    fileSystem.change();
    parts.removeTree(path);
  };
  return { fileSystem, parts: { ...parts, removeTree } };
}

/** A backup of one key and one service that was alive. */
async function backup(): Promise<string> {
  const store = await openStore({ components: { logger: NO_LOGGER }, options: { path: ":memory:" } });
  const entry = (index: number, command: Parameters<typeof encodeCommand>[0]["command"]) => ({
    ...{ index, term: 3, r: 7, kind: ENTRY_KIND.command },
    payload: encodeCommand({ requestId: `r${index}`, timeMs: 1_790_000_000_000, command }),
  });
  await store.apply([
    entry(1, { type: "kvSet", pairs: [["a", "1"]] }),
    entry(2, { type: "serviceSet", services: [{ name: "s", type: "tcp", node: [NODE] }] }),
    entry(3, { type: "serviceStatus", changes: [{ service: "s", id: NODE.id, definedIndex: 2, status: 1 }] }),
  ]);
  expect(store.service("s")?.node[0]?.status).toBe(1);
  const source = await store.snapshot();
  const facts = {
    ...{ group: "g", cluster: CLUSTER, node: "00000000000000A1", version: "0", timeMs: 1_790_000_000_000 },
    ...{ logid: store.appliedLogId(), keys: 1, services: 1 },
  };
  const path = join(folder, "backup");
  const parts: Uint8Array[] = [];
  for await (const part of backupStream(source, facts)) parts.push(part);
  writeFileSync(path, Buffer.concat(parts));
  await store.close();
  return path;
}

/** Starts the node, looks, stops it. */
async function started(): Promise<{ cluster: string; key: unknown; status: unknown; node: string }> {
  const node = await createNode({ config });
  const ask = async (path: string) => (await (await fetch(`${node.url}${path}`)).json()) as { data: never };
  try {
    const { cluster } = (await ask("/cluster/status")).data as { cluster: string };
    const key = (await ask("/kv?k=a")).data;
    const service = (await ask("/service?name=s")).data as { node: { status: number }[] } | null;
    return { cluster, key, status: service?.node[0]?.status, node: node.id };
  } finally {
    await node.stop();
  }
}

/** After a death: no node at all, one that is refused, or one that is whole. */
function state(): "nothing" | "refused" | "node" {
  if (hasData(disk, place().folder)) return "node";
  try {
    refuseUnfinished(disk, place());
    return "nothing";
  } catch (error) {
    expect(error).toMatchObject({ code: "DISTER_ERR_IDENTITY" });
    return "refused";
  }
}

/** A dead process holds no lock. This one goes on living, and would. */
function forgetLocks(): void {
  if (!existsSync(config.SavePath)) return;
  for (const name of readdirSync(config.SavePath)) {
    for (const lock of ["lock", "log/lock"]) rmSync(join(config.SavePath, name, lock), { force: true });
  }
}

/** Lets a command die at each of its changes in turn, until it lives through all of them. */
async function atEachChange(
  run: (parts: OfflineParts) => Promise<unknown>,
  after: (at: number, died: boolean) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at++) {
    const { parts } = dying(at);
    const died = await run(parts).then(
      () => false,
      (error: unknown) => {
        expect(error).toBeInstanceOf(Killed);
        forgetLocks();
        return true;
      },
    );
    await after(at, died);
    if (!died) return at;
  }
}

describe("a restore", { timeout: 120_000 }, () => {
  it("that dies at any of its changes leaves no node or a whole one, and can be run again", async () => {
    const from = await backup();
    const run = (parts: OfflineParts) => restore(parts, { from, config, otherGroup: false });
    const seen = new Set<string>();
    const count = await atEachChange(run, async (_at, died) => {
      const found = state();
      seen.add(found);
      if (!died) expect(found).toBe("node");
      if (found === "node") {
        const { cluster, key, status } = await started();
        expect({ key, status }).toEqual({ key: "1", status: 0 });
        expect(cluster).not.toBe(CLUSTER);
      } else {
        await run(living());
        expect(state()).toBe("node");
      }
      rmSync(config.SavePath, { recursive: true, force: true });
    });
    expect(count).toBeGreaterThan(20);
    expect(seen).toEqual(new Set(["nothing", "refused", "node"]));
  });

  it("renames nothing of which a byte is not durable", async () => {
    const { parts, fileSystem } = dying(Number.POSITIVE_INFINITY);
    await restore(parts, { from: await backup(), config, otherGroup: false });
    const final = fileSystem.renamed.filter(({ to }) => to === place().folder);
    expect(final).toEqual([{ from: place().restoring, to: place().folder, unsynced: [] }]);
  });

  it("that finds the disk full at any of its changes says so, and leaves nothing behind", async () => {
    const from = await backup();
    for (let at = 1; ; at++) {
      const { parts, fileSystem } = dying(at, "full");
      const failed = await restore(parts, { from, config, otherGroup: false }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (fileSystem.changes < at) break;
      // Once the folder has its name the restore is done, whatever its lock says.
      if (state() !== "node") {
        expect(existsSync(config.SavePath) ? readdirSync(config.SavePath) : []).toEqual([]);
        expect(failed).toMatchObject({ code: expect.stringMatching(/^DISTER_ERR_DISK/) });
      }
      forgetLocks();
      rmSync(config.SavePath, { recursive: true, force: true });
    }
  });

  it("touches nothing when the backup is not sound", async () => {
    const from = await backup();
    const bytes = readFileSync(from);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(from, bytes);
    const { parts, fileSystem } = dying(Number.POSITIVE_INFINITY);
    await expect(restore(parts, { from, config, otherGroup: false })).rejects.toMatchObject({
      code: "DISTER_ERR_SNAPSHOT",
    });
    expect(fileSystem.changes).toBe(0);
  });
});

describe("a reset", { timeout: 120_000 }, () => {
  it("that dies at any of its changes leaves the node as it was or none, and can be run again", async () => {
    const from = await backup();
    await restore(living(), { from, config, otherGroup: false });
    cpSync(config.SavePath, join(folder, "kept"), { recursive: true });
    const confirm = async (): Promise<void> => {};
    for (const remove of [false, true]) {
      const run = (parts: OfflineParts) => reset(parts, { savePath: config.SavePath, remove, confirm });
      await atEachChange(run, async () => {
        if (state() === "node") expect((await started()).key).toBe("1");
        if (state() === "node") await run(living());
        expect(state()).toBe("nothing");
        rmSync(config.SavePath, { recursive: true, force: true });
        cpSync(join(folder, "kept"), config.SavePath, { recursive: true });
      });
    }
  });

  it("works on a folder whose identity cannot be read, and keeps every byte of it", async () => {
    await restore(living(), { from: await backup(), config, otherGroup: false });
    writeFileSync(join(place().folder, "identity.json"), "{");
    let asked: unknown;
    const confirm = async (found: unknown): Promise<void> => {
      asked = found;
    };
    const { aside } = await reset(living(), { savePath: config.SavePath, remove: false, confirm });
    expect(asked).toMatchObject({ identity: null, problem: expect.stringContaining("identity.json") });
    expect(readdirSync(aside!).sort()).toEqual(["identity.json", "log", "state.db"]);
  });

  it("changes nothing when it is not confirmed", async () => {
    await restore(living(), { from: await backup(), config, otherGroup: false });
    const confirm = (): Promise<void> => Promise.reject(new Error("no"));
    await expect(reset(living(), { savePath: config.SavePath, remove: true, confirm })).rejects.toThrow("no");
    expect(state()).toBe("node");
    expect(readdirSync(place().folder).sort()).toEqual(["identity.json", "log", "state.db"]);
  });
});

/** A member of a cluster of three that has applied one key, and has two entries more in its log. */
async function survivor(): Promise<{ id: string; cluster: string }> {
  await restore(living(), { from: await backup(), config, otherGroup: false });
  const identity = IdentityFile.read(disk, place().folder);
  const { nodeId, clusterId } = identity;
  const log = await openLog({
    components: { fileSystem: disk, logger: NO_LOGGER },
    options: { ...TUNING, directory: join(place().folder, "log"), identity: { group: "g", nodeId, clusterId } },
  });
  const last = log.lastIndex();
  const others = ["00000000000000B1", "00000000000000B2"].map((id) => ({
    ...{ id, name: id, role: ROLE.server, voter: true },
    address: { host: "127.0.0.1", ports: { raft: 1, repl: 2, api: 3 } },
  }));
  const self = identity.accepted!.membership.members[0]!;
  const tail = (index: number, command: Command) => ({
    ...{ index, term: 9, r: 7, kind: ENTRY_KIND.command },
    payload: encodeCommand({ requestId: `t${index}`, timeMs: 1_790_000_000_000, command }),
  });
  await log.append({
    entries: [
      {
        ...{ index: last + 1, term: 9, r: 1, kind: ENTRY_KIND.membership },
        payload: encodeMembership(membershipOf([self, ...others])),
      },
      tail(last + 2, { type: "kvSet", pairs: [["tail", "1"]] }),
      tail(last + 3, { type: "kvSet", pairs: [["tail", "2"]] }),
    ],
    hardState: { term: 11, vote: others[0]!.id, commit: last + 1 },
  });
  await log.close();
  return { id: nodeId, cluster: clusterId };
}

const yes = { acceptDamage: false, confirm: async (): Promise<void> => {} };

describe("a recovery", { timeout: 120_000 }, () => {
  it("keeps state and tail, says what is given up, and leads as the only member of a new cluster", async () => {
    const { id, cluster } = await survivor();
    let found: RecoverFound | undefined;
    const confirm = async (shown: RecoverFound): Promise<void> => {
      found = shown;
    };
    const done = await recover(living(), { config, acceptDamage: false, confirm });
    expect(found!.plan).toMatchObject({ last: { term: 9 }, unsureCount: 2, term: 12, lostUpTo: 0 });
    expect(found!.plan.givenUp.map((member) => member.id)).toEqual(["00000000000000B1", "00000000000000B2"]);
    expect(done).toMatchObject({ node: id, folder: place().folder });
    const node = await createNode({ config });
    const keys = (await (await fetch(`${node.url}/kv`)).json()) as { data: unknown };
    const status = (await (await fetch(`${node.url}/cluster/status`)).json()) as { data: { cluster: string } };
    expect(status.data).toMatchObject({ raft: { role: "leader", term: 13, membership: { members: [{ id }] } } });
    expect(keys.data).toEqual({ a: "1", tail: "2" });
    await node.stop();
    expect(status.data.cluster).toBe(done.cluster);
    expect(status.data.cluster).not.toBe(cluster);
    expect(IdentityFile.read(disk, done.before!).clusterId).toBe(cluster);
  });

  it("that dies at any of its changes leaves the old node, or one that is finished by the next, or the new one", async () => {
    const { cluster } = await survivor();
    cpSync(config.SavePath, join(folder, "kept"), { recursive: true });
    const seen = new Set<string>();
    const count = await atEachChange(
      (parts) => recover(parts, { config, ...yes }),
      async (_at, died) => {
        const found = state();
        const before = found === "node" ? IdentityFile.read(disk, place().folder).clusterId : found;
        seen.add(before === cluster ? "old" : found);
        if (!died) expect(before).not.toBe(cluster);
        if (before === cluster || found === "refused") await recover(living(), { config, ...yes });
        expect(IdentityFile.read(disk, place().folder).clusterId).not.toBe(cluster);
        if (found === "refused" || !died) expect((await started()).key).toBe("1");
        rmSync(config.SavePath, { recursive: true, force: true });
        cpSync(join(folder, "kept"), config.SavePath, { recursive: true });
      },
    );
    expect(count).toBeGreaterThan(20);
    expect(seen).toEqual(new Set(["old", "refused", "node"]));
  });

  it("renames nothing of which a byte is not durable", async () => {
    await survivor();
    const { parts, fileSystem } = dying(Number.POSITIVE_INFINITY);
    await recover(parts, { config, ...yes });
    expect(fileSystem.renamed.flatMap(({ unsynced }) => unsynced)).toEqual([]);
    expect(fileSystem.renamed.map(({ to }) => to)).toContain(place().folder);
  });

  it("that finds the disk full at any of its changes leaves the old node as it was, or one that is finished later", async () => {
    const { cluster } = await survivor();
    cpSync(config.SavePath, join(folder, "kept"), { recursive: true });
    const seen = new Set<string>();
    for (let at = 1; ; at++) {
      const { parts, fileSystem } = dying(at, "full");
      const failed = await recover(parts, { config, ...yes }).then(
        () => undefined,
        (error: unknown) => error,
      );
      forgetLocks();
      if (fileSystem.changes < at) break;
      const found = state();
      const isOld = found === "node" && IdentityFile.read(disk, place().folder).clusterId === cluster;
      seen.add(isOld ? "old" : found);
      if (isOld) {
        expect(failed).toMatchObject({ code: expect.stringMatching(/^DISTER_ERR_DISK/) });
        expect(existsSync(place().recoveringDraft)).toBe(false);
      }
      if (found === "refused") await recover(living(), { config, ...yes });
      rmSync(config.SavePath, { recursive: true, force: true });
      cpSync(join(folder, "kept"), config.SavePath, { recursive: true });
    }
    expect(seen).toEqual(new Set(["old", "refused", "node"]));
  });

  it("is refused for another group, for a node without a cluster and for one that needs nobody else", async () => {
    await survivor();
    const other = { ...config, Group: "other" };
    await expect(recover(living(), { config: other, ...yes })).rejects.toThrow("it belongs to the group g");
    await recover(living(), { config, ...yes });
    await expect(recover(living(), { config, ...yes })).rejects.toThrow("the only voter");
    rmSync(config.SavePath, { recursive: true });
    await expect(recover(living(), { config, ...yes })).rejects.toThrow("nothing to recover");
  });
});
