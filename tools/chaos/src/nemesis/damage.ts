import { closeSync, existsSync, fdatasyncSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Chance } from "../chance.ts";
import type { Cluster } from "../cluster.ts";
import type { ClusterNode } from "../cluster-node.ts";
import type { Ended } from "../daemon.ts";
import { holds, rest } from "../rest.ts";
import { type LogLayout, newestLogLayout } from "./log-layout.ts";
import type { Nemesis, NemesisContext } from "./nemesis.ts";

/**
 * What a node with a damaged log may do: `refuse` to start (DISTER_ERR_LOG_CORRUPT), `start` and be healed by the others
 * without a vote until then, or `either`.
 */
const DAMAGED_MAY = "either" as "refuse" | "start" | "either";
/** How the daemon ends when it refuses: 78 at its start, 1 when it meets the damage later. */
const SAYS_DAMAGED = /the log is damaged/;
/** A start may take long where many programs share few processors. */
const START_MS = 30_000;
const WHOLE_MS = 10_000;
const SECTOR_BYTES = 512;

/** Bytes of a file as they were. */
interface Original {
  readonly path: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Nodes of each cluster whose damage may not be healed yet. More than a minority at once cannot be survived by anybody. */
const damaged = new WeakMap<Cluster, Set<ClusterNode>>();

/** A node is ended, bytes of its log change while it is down, and it is started. When it refuses, its bytes are given back. */
export const damage: Nemesis = {
  name: "damage",
  unavailable: ({ minority }) => (minority === 0 ? "it takes a majority that is not damaged" : undefined),

  async act({ cluster, chance, signal, accuse }: NemesisContext): Promise<string | undefined> {
    const already = damaged.get(cluster) ?? new Set<ClusterNode>();
    damaged.set(cluster, already);
    for (const node of [...already]) if (await cluster.isWhole(node)) already.delete(node);
    if (already.size >= cluster.minority) return undefined;
    const node = chance.one(cluster.nodes.filter(({ daemon, isClaimed }) => daemon !== undefined && !isClaimed));
    if (node === undefined || !node.claim()) return undefined;
    already.add(node);
    const undo = node.excuse(isDamaged);
    try {
      await node.end(chance.is(0.5) ? "SIGKILL" : "SIGTERM");
      const layout = newestLogLayout(join(node.dataFolder, "log"));
      if (layout === undefined) return undefined;
      const { what, originals } = spoil(layout, chance);
      await rest(chance.magnitude(20, 1_000), signal);
      const refused = await startedAndRefused(node, cluster);
      // Damaged items are mended from the records, with nobody's help.
      if (!refused && DAMAGED_MAY === "refuse" && what !== "items") accuse(`${node.name} started with ${what}`);
      if (refused && DAMAGED_MAY === "start") accuse(`${node.name} refused to start with ${what}`);
      if (!refused) return `${what}, started`;
      for (const original of originals) restore(original);
      return `${what}, refused`;
    } finally {
      node.start();
      // At the end of a phase the recovery waits for every node anyway.
      if (await holds(() => cluster.isWhole(node), WHOLE_MS, signal)) already.delete(node);
      undo();
      node.release();
    }
  },
};

function isDamaged({ code, stderr }: Ended): boolean {
  return (code === 1 || code === 78) && SAYS_DAMAGED.test(stderr);
}

/** Changes bytes of the log in one of three ways. */
function spoil(layout: LogLayout, chance: Chance): { what: string; originals: Original[] } {
  const what = chance.one(["flipped bits", "flipped bits", "zeroed sector", "items"] as const);
  const originals: Original[] = [];
  if (what === "zeroed sector") {
    // Below what the last record calls durable: a zeroed sector of the very last batch is the documented torn write.
    const first = Math.ceil(layout.records.from / SECTOR_BYTES);
    const last = Math.floor(layout.syncedEnd / SECTOR_BYTES) - 1;
    const offset = chance.whole(first, Math.max(first, last)) * SECTOR_BYTES;
    originals.push(change(layout.path, offset, Buffer.alloc(SECTOR_BYTES)));
    return { what, originals };
  }
  const range = what === "items" ? layout.items : layout.records;
  for (let i = chance.whole(1, 6); i > 0; i--) {
    const offset = chance.whole(range.from, range.to - 1);
    const flipped = readAt(layout.path, offset, 1);
    flipped[0]! ^= 1 << chance.whole(0, 7);
    originals.push(change(layout.path, offset, flipped));
  }
  // A byte that was hit twice must get back what it was at first.
  return { what, originals: originals.reverse() };
}

function change(path: string, offset: number, bytes: Buffer): Original {
  const original = { path, offset, bytes: readAt(path, offset, bytes.length) };
  restore({ path, offset, bytes });
  return original;
}

function readAt(path: string, offset: number, length: number): Buffer {
  const file = openSync(path, "r");
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, offset);
  closeSync(file);
  return bytes;
}

function restore({ path, offset, bytes }: Original): void {
  if (!existsSync(path)) return;
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, offset);
  fdatasyncSync(file);
  closeSync(file);
}

/** Starts the node and waits until it either serves its API or has refused. */
async function startedAndRefused(node: ClusterNode, { api }: Cluster): Promise<boolean> {
  const daemon = node.start();
  const live = { method: "GET", path: "/health/live", timeoutMs: 500 } as const;
  await holds(async () => daemon.isOver || (await api.call(node.position, live)).outcome === "ok", START_MS);
  return daemon.isOver;
}
