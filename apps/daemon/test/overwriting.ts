import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type LogTuning, NodeFileSystem, openLog } from "@dister/log";
import { type CompactionOptions, RaftNode } from "@dister/raft";
import { encodeCommand, openStore } from "@dister/store";
import { type CommandOutcome, membershipOf, NO_LOGGER, type NodeInfo } from "@dister/types";
import { systemClock as clock, systemRng as rng } from "@dister/types/system";
import { MemoryNetwork } from "@dister/types/testing";
import { until } from "./daemons.ts";

/** Bytes on disk of one node, by what they are for. */
export interface DiskUse {
  readonly writes: number;
  readonly log: number;
  readonly logFiles: number;
  readonly database: number;
  readonly writeAheadLog: number;
}

interface Overwriting {
  readonly folder: string;
  readonly keys: number;
  readonly pairsPerEntry: number;
  readonly entries: number;
  /** Entries between two looks at the disk. */
  readonly lookEvery: number;
  readonly log?: Partial<LogTuning>;
  readonly compaction?: Partial<CompactionOptions>;
}

const ID = "00000000000000A1";
const PORTS = { raft: 1, repl: 2, api: 3 };
const VALUE_BYTES = 100;
/** Proposals under way. */
const WINDOW = 64;

/** One node with its real log and database that writes the same keys again and again; tells what lies on the disk. */
export async function* overwrite(order: Overwriting): AsyncGenerator<DiskUse> {
  const { folder, entries, lookEvery } = order;
  const database = join(folder, "state.db");
  const log = await openLog({
    components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER },
    options: {
      directory: join(folder, "log"),
      identity: { group: "g", nodeId: ID, clusterId: "00000000000000CC" },
      ...order.log,
    },
  });
  const store = await openStore({ components: { logger: NO_LOGGER }, options: { path: database } });
  const info: NodeInfo = {
    ...{ name: "a", group: "g", id: ID, ip: "127.0.0.1", status: 1, role: 0, raft: 0, logid: 0, serviceid: 0 },
    ...{ version: "0", stateVersion: 1, boot: "", ports: PORTS, cluster: "00000000000000CC" },
  };
  const transport = new MemoryNetwork({ clock, rng }).join(() => info);
  const address = { host: "127.0.0.1", ports: PORTS };
  const raft = await RaftNode.start<CommandOutcome>(
    { log, stateMachine: store, transport, clock, rng, logger: NO_LOGGER },
    {
      id: ID,
      foundingMembership: membershipOf([{ id: ID, name: "a", role: 0, voter: true, address }]),
      ...(order.compaction === undefined ? {} : { compaction: order.compaction }),
    },
  );
  try {
    await until(async () => raft.status().role === "leader");
    for (let entry = 0; entry < entries; ) {
      const end = Math.min(entries, entry + lookEvery);
      while (entry < end) {
        const count = Math.min(WINDOW, end - entry);
        await Promise.all(Array.from({ length: count }, (_, at) => raft.propose(commandOf(order, entry + at))));
        entry += count;
      }
      yield { writes: entry * order.pairsPerEntry, ...diskUse(folder, database) };
    }
  } finally {
    await raft.stop();
    await transport.close();
    await log.close();
    await store.close();
  }
}

function commandOf({ keys, pairsPerEntry }: Overwriting, entry: number): Uint8Array {
  const pairs = Array.from({ length: pairsPerEntry }, (_, at): [string, string] => {
    const write = entry * pairsPerEntry + at;
    return [`key${String(write % keys).padStart(7, "0")}`, String(write).padStart(VALUE_BYTES, "0")];
  });
  return encodeCommand({ requestId: `request ${entry}`, timeMs: 1_000 + entry, command: { type: "kvSet", pairs } });
}

function diskUse(folder: string, database: string): Omit<DiskUse, "writes"> {
  const files = readdirSync(join(folder, "log"));
  const bytes = (path: string): number => (existsSync(path) ? statSync(path).size : 0);
  return {
    log: files.reduce((sum, name) => sum + bytes(join(folder, "log", name)), 0),
    logFiles: files.length,
    database: bytes(database),
    writeAheadLog: bytes(`${database}-wal`),
  };
}
