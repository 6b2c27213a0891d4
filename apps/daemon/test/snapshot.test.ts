import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DiskLog, NodeFileSystem, openLog } from "@dister/log";
import { RaftNode } from "@dister/raft";
import { encodeCommand, openStore, type Store, stateHash } from "@dister/store";
import { type CommandOutcome, type Membership, membershipOf, NO_LOGGER, type NodeInfo } from "@dister/types";
import { systemClock as clock, systemRng as rng } from "@dister/types/system";
import { TcpPeers } from "@dister/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePorts, until } from "./daemons.ts";

/** The parts of a daemon below its API, with files so small that the log is cut all the time. */
interface Part {
  readonly id: string;
  readonly peers: TcpPeers;
  readonly log: DiskLog;
  readonly store: Store;
  readonly raft: RaftNode<CommandOutcome>;
  close(): Promise<void>;
}

const ids = ["00000000000000A1", "00000000000000B2", "00000000000000C3"];
const cluster = "00000000000000CC";
let folder: string;
let ports: number[];
const running = new Map<string, Part>();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dister-snapshot-"));
  ports = await freePorts(6);
});
afterEach(async () => {
  await Promise.all([...running.values()].map((part) => part.close()));
  rmSync(folder, { recursive: true, force: true });
});

function portsOf(id: string) {
  const at = ids.indexOf(id);
  return { raft: ports[2 * at]!, repl: ports[2 * at + 1]!, api: 1 };
}

function membership(): Membership {
  const member = (id: string) => {
    return { id, name: id, role: 0 as const, voter: true, address: { host: "127.0.0.1", ports: portsOf(id) } };
  };
  return membershipOf(ids.map(member));
}

async function start(id: string): Promise<Part> {
  const info: NodeInfo = {
    ...{ name: id, group: "g", id, ip: "127.0.0.1", status: 1, role: 0, raft: 0, logid: 0, serviceid: 0 },
    ...{ version: "0", ports: portsOf(id), cluster, stateVersion: 1, boot: id },
  };
  const options = { host: "127.0.0.1", ports: portsOf(id), group: "g", self: () => info };
  const peers = await TcpPeers.listen({ components: { clock, rng, logger: NO_LOGGER }, options });
  const log = await openLog({
    components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER },
    options: {
      directory: join(folder, id),
      identity: { group: "g", nodeId: id, clusterId: cluster },
      entriesPerFile: 50,
      preallocateBytes: 64 * 1024,
    },
  });
  const store = await openStore({ components: { logger: NO_LOGGER }, options: { path: join(folder, `${id}.db`) } });
  const raft = await RaftNode.start<CommandOutcome>(
    { log, stateMachine: store, transport: peers, clock, rng, logger: NO_LOGGER },
    { id, foundingMembership: membership(), compaction: { checkpointEntries: 20, keepEntries: 10 } },
  );
  for (const { id: other, address } of membership().members) if (other !== id) peers.setPeer(other, address);
  const close = async (): Promise<void> => {
    running.delete(id);
    await raft.stop();
    await peers.close();
    await log.close();
    await store.close();
  };
  const part = { id, peers, log, store, raft, close };
  running.set(id, part);
  return part;
}

async function leader(): Promise<Part> {
  let found: Part | undefined;
  await until(async () => {
    found = [...running.values()].find(({ raft }) => raft.status().role === "leader");
    return found !== undefined;
  });
  return found!;
}

let written = 0;
async function write(count: number): Promise<void> {
  const { raft } = await leader();
  for (let i = 0; i < count; i++, written++) {
    const command = {
      type: "kvSet" as const,
      pairs: [[`key${written}`, "v".repeat(written % 300)] as [string, string]],
    };
    await raft.propose(encodeCommand({ requestId: `r${written}`, timeMs: 1_000 + written, command }));
  }
}

describe("a server that the log does not reach back to", { timeout: 60_000 }, () => {
  it.each([
    ["was away while the log was cut behind it", 30],
    ["has never run before", 0],
  ])("and that %s gets a snapshot over real sockets, and goes on from its real disks", async (_why, before) => {
    const late = ids[2]!;
    await Promise.all(ids.filter((id) => before > 0 || id !== late).map(start));
    await write(before);
    if (before > 0) await until(async () => running.get(late)!.store.applied().index >= before);
    await running.get(late)?.close();
    await write(400);
    await until(async () => (await leader()).log.firstIndex() > before + 10);

    const back = await start(late);
    const lead = await leader();
    await until(async () => back.store.applied().index === lead.raft.status().lastIndex);
    expect(back.store.restoredFrom().index).toBeGreaterThan(before);
    expect(back.log.firstIndex()).toBeGreaterThan(before + 1);
    await write(60);
    await until(async () => back.store.applied().index === lead.raft.status().lastIndex);
    const hashes = await Promise.all([...running.values()].map(({ store }) => stateHash(store)));
    expect(new Set(hashes).size).toBe(1);

    await back.close();
    const again = await start(late);
    await until(async () => again.store.applied().index === lead.raft.status().lastIndex);
    expect(again.store.kv(`key${written - 1}`)?.value).toBe("v".repeat((written - 1) % 300));
  });
});
