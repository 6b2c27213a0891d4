import type { Cluster } from "../cluster.ts";
import { holds } from "../rest.ts";

/** How long nodes may take to apply the same after the last write. */
const SETTLE_MS = 15_000;

interface Page {
  readonly items: readonly Record<string, unknown>[];
  readonly next: string | null;
}

/** A node holds a write for four seconds before it gives up, and tries again meanwhile. */
const QUIET_MS = 5_500;
const REST_MS = 60_000;

/**
 * Waits until nothing is applied any more: a write of unknown outcome may have been on its way over links that were slow,
 * and take effect between the reads of two nodes. Gives up after a minute; what is wrong then shows in what follows.
 */
export async function comesToRest(cluster: Cluster): Promise<void> {
  const positions = cluster.nodes.map(({ position }) => position);
  let [seen, sinceMs] = ["", performance.now()];
  await holds(async () => {
    const now = (await Promise.all(positions.map((node) => appliedLogId(cluster, node)))).join();
    if (now !== seen) [seen, sinceMs] = [now, performance.now()];
    return performance.now() - sinceMs >= QUIET_MS;
  }, REST_MS);
}

/**
 * Compares everything that every node has itself, with versions and indexes, once all have applied the same.
 * @returns what differs, nothing when all are equal.
 */
export async function nodeDifferences(cluster: Cluster): Promise<string[]> {
  const positions = cluster.nodes.map(({ position }) => position);
  const applied = (): Promise<number[]> => Promise.all(positions.map((node) => appliedLogId(cluster, node)));
  const settled = await holds(async () => new Set(await applied()).size === 1, SETTLE_MS);
  if (!settled) return [`the nodes have not applied the same after ${SETTLE_MS} ms: ${(await applied()).join(", ")}`];
  const [first, ...others] = await Promise.all(positions.map((node) => recordsOf(cluster, node)));
  return others.flatMap((records, i) => differences(first!, records, `node ${i + 2}`));
}

/** What one node has otherwise than node 1. */
export function differences(
  first: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  name: string,
): string[] {
  const keys = new Set([...first.keys(), ...other.keys()]);
  return [...keys]
    .filter((key) => first.get(key) !== other.get(key))
    .map((key) => `${name} has ${other.get(key) ?? "nothing"} where node 1 has ${first.get(key) ?? "nothing"}`);
}

async function appliedLogId({ api }: Cluster, node: number): Promise<number> {
  const { data } = await api.call(node, { method: "GET", path: "/cluster/status", timeoutMs: 2_000 });
  return (data as { appliedLogId: number } | null)?.appliedLogId ?? -1 - node;
}

async function recordsOf({ api }: Cluster, node: number): Promise<Map<string, string>> {
  const records = new Map<string, string>();
  for (let after: string | null = ""; after !== null; ) {
    const path: string = `/kv?consistency=local&meta=1&prefix=&limit=500&after=${encodeURIComponent(after)}`;
    const { outcome, data, code } = await api.call(node, { method: "GET", path });
    if (outcome !== "ok")
      throw new Error(`node ${node + 1} of a healed cluster does not answer: ${code ?? "no reply"}`);
    const page = data as Page;
    for (const item of page.items) records.set(String(item["key"]), JSON.stringify(item).slice(0, 200));
    after = page.next;
  }
  return records;
}
