import type { Cluster } from "../cluster.ts";
import type { ClusterNode } from "../cluster-node.ts";
import type { Ended } from "../daemon.ts";
import { holds, rest } from "../rest.ts";
import { drawNodes, type Nemesis, type NemesisContext } from "./nemesis.ts";

/** How the daemon ends when the disk is full: it stops itself with 1, and refuses to start with 78. */
const SAYS_FULL = /no space left|disk is full|ENOSPC|DISTER_ERR_DISK_FULL/i;
/** How long large writes go on until the node must have met the end of its disk. */
const PRESSURE_MS = 6_000;
/** A node may have met the full disk before there was room again and be on its way out, perhaps after a pause. */
const LATE_END_MS = 20_000;
const LARGE_VALUE = "b".repeat(250_000);

/** The disk of a node fills up to the last block while it runs; the node ends, is perhaps started in vain, and comes back when there is room. */
export const fullDisk: Nemesis = {
  name: "full-disk",
  unavailable: ({ diskKind }) =>
    diskKind === "folder" ? "no file system of its own can be mounted here for a node" : undefined,

  async act(context: NemesisContext): Promise<string | undefined> {
    const { cluster, chance, signal } = context;
    const target = chance.is(0.5) ? "leader" : "one";
    const [node] = await drawNodes(context, target, ({ daemon, isClaimed }) => daemon !== undefined && !isClaimed);
    if (node === undefined || !node.claim()) return undefined;
    const undo = node.excuse(isFullDisk);
    const { startCount } = node;
    try {
      node.disk.fill();
      const ended = await pressed(cluster, node, signal);
      if (!ended) return `${target}, it held`;
      const inVain = chance.is(0.5);
      if (inVain) {
        node.start();
        await rest(chance.whole(500, 2_000), signal);
      } else await rest(chance.magnitude(50, 2_000), signal);
      return `${target} ended${inVain ? ", started in vain" : ""}`;
    } finally {
      node.disk.free();
      // A start in vain may still be on its way to its end.
      if (node.startCount > startCount) await holds(() => node.daemon === undefined, 1_500);
      startedAgain(node, undo);
      node.release();
    }
  },
};

/** Starts the node, and once more when it turns out that it was on its way out already. */
function startedAgain(node: ClusterNode, undo: () => void): void {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    undo();
  }, LATE_END_MS);
  timer.unref();
  void node.start().ended.then((ended) => {
    if (!isLate && isFullDisk(ended)) node.start();
  });
}

function isFullDisk({ code, stderr }: Ended): boolean {
  return (code === 1 || code === 78) && SAYS_FULL.test(stderr);
}

/** Writes large values into the cluster until the node has ended. */
async function pressed(cluster: Cluster, node: ClusterNode, signal: AbortSignal): Promise<boolean> {
  let count = 0;
  return holds(
    async () => {
      if (node.daemon === undefined) return true;
      const body = { [`ballast/${count % 4}`]: `${count}${LARGE_VALUE}` };
      const at = cluster.nodes[count++ % cluster.size]!.position;
      await cluster.api.call(at, { method: "POST", path: "/kv", body, timeoutMs: 1_000 });
      return node.daemon === undefined;
    },
    PRESSURE_MS,
    signal,
  );
}
