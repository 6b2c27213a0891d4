// Runs inside namespaces of its own and prints, as JSON, what became of three nodes that found each other by a scan, and of
// one that came back with another address. Nothing where namespaces cannot be.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chance } from "../src/chance.ts";
import { Cluster } from "../src/cluster.ts";
import type { NamespaceNetwork } from "../src/network/namespaces.ts";
import { PORTS } from "../src/network/peer-network.ts";
import { holds } from "../src/rest.ts";
import { isInSandbox, runInSandbox } from "../src/sandbox.ts";

const WITHIN_MS = 60_000;
const MOVED_TO = 77;
/** Where the run itself is on the bridge: a machine with another program on the raft port. */
const STRANGER = "10.66.0.254";

interface ShownNode {
  readonly id: string;
  readonly ip: string;
  readonly voter: boolean;
  readonly status: number;
}

/** A program that is no node, accepts whoever comes and says nothing. */
async function stranger(): Promise<{ received: Buffer[]; close: () => void }> {
  const received: Buffer[] = [];
  const server = createServer((socket) => {
    const at = received.push(Buffer.alloc(0)) - 1;
    socket.on("data", (chunk: Buffer) => {
      received[at] = Buffer.concat([received[at]!, chunk]);
    });
    socket.on("error", () => {});
  });
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(PORTS.raft, STRANGER, resolve);
    });
  // The bridge is made while the cluster starts.
  const isListening = async (): Promise<boolean> =>
    listen().then(
      () => true,
      () => false,
    );
  await holds(isListening, WITHIN_MS);
  return { received, close: () => server.close() };
}

async function life(folder: string): Promise<Record<string, unknown>> {
  const chance = new Chance(1);
  const options = { size: 3, diskKind: "tmpfs", networkKind: "namespaces", finding: "scan", chance, folder } as const;
  const [other, cluster] = await Promise.all([stranger(), Cluster.start(options)]);
  const nodesAt = async (position: number): Promise<ShownNode[]> =>
    (((await cluster.api.call(position, { method: "GET", path: "/node" })).data as ShownNode[] | null) ?? []).toSorted(
      (a, b) => (a.id < b.id ? -1 : 1),
    );
  const everywhere = async (holdsFor: (nodes: ShownNode[]) => boolean, at: readonly number[]): Promise<boolean> =>
    holds(async () => (await Promise.all(at.map(nodesAt))).every(holdsFor), WITHIN_MS);
  try {
    const leader = (await cluster.leader())!;
    const mover = cluster.nodes.find((node) => node !== leader)!;
    const rest = cluster.nodes.filter((node) => node !== mover).map(({ position }) => position);
    const id = mover.id!;
    const scanned = {
      formed: await everywhere((nodes) => nodes.length === 3 && nodes.every(({ voter }) => voter), [0, 1, 2]),
      addresses: (await nodesAt(leader.position)).map(({ ip }) => ip).sort(),
      expected: [0, 1, 2].map((position) => cluster.network.real(position)),
      scans: cluster.nodes.map(({ logPath }) => readFileSync(logPath, "utf8").includes('"networks":"10.66.0.0/24"')),
      strangers: other.received.length,
      strangerBytes: Math.max(0, ...other.received.map(({ length }) => length)),
    };
    await cluster.api.call(leader.position, { method: "POST", path: "/kv", body: { before: "1" } });

    // It is killed, gets another address, and is started on the same disk.
    await mover.end("SIGKILL");
    (cluster.network as NamespaceNetwork).readdress(mover.position, MOVED_TO);
    const address = cluster.network.real(mover.position);
    mover.start();
    const isThere = (nodes: ShownNode[]): boolean => nodes.some((node) => node.id === id && node.ip === address);
    const moved = {
      follows: await everywhere((nodes) => nodes.length === 3 && isThere(nodes), rest),
      alive: await everywhere((nodes) => nodes.every(({ status }) => status === 1), rest),
      reads: await holds(async () => {
        const url = `http://${address}:${PORTS.api}/kv?k=before`;
        const reply = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
        return ((await reply?.json()) as { data?: unknown } | undefined)?.data === "1";
      }, WITHIN_MS),
      // The members as the log has them, at a node that did not move: one change of an address, not a back and forth.
      changes: changesOf(cluster.nodes.map(({ logPath }) => logPath)),
      unexpected: cluster.unexpectedExits,
    };
    return { scanned, moved };
  } finally {
    other.close();
    await cluster.close();
  }
}

function changesOf(logs: readonly string[]): number {
  return logs.flatMap((path) => readFileSync(path, "utf8").split("a member's address changed")).length - logs.length;
}

const code = await runInSandbox({ ownNetwork: true });
if (code === undefined && isInSandbox()) {
  const folder = mkdtempSync(join(tmpdir(), "dister-network-life-"));
  console.log(JSON.stringify(await life(folder)));
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code ?? 0);
