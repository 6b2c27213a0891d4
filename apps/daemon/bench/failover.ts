// Kills the leader again and again under a steady load and tells how long no write was acknowledged, and whether every
// acknowledged write is there, once. Usage: node --conditions=@dister/source bench/failover.ts [kills] [writesPerSecond]
import { DaemonCluster } from "../test/daemons.ts";
import { WriteLoad } from "../test/write-load.ts";

const [kills = 10, perSecond = 100] = process.argv.slice(2).map(Number);
/** The promise: at the median, no write waits longer than this for a new leader. */
const OUTAGE_MS_MAX = 500;

const cluster = await DaemonCluster.start(3);
const load = new WriteLoad(cluster);
load.start({ perSecond });
const outages: number[] = [];
try {
  for (let kill = 1; kill <= kills; kill++) {
    await load.acknowledge(2 * perSecond);
    const leader = await cluster.leader();
    const killedAtMs = performance.now();
    await cluster.kill(leader);
    await load.acknowledge(perSecond);
    outages.push(longestGap(load.acknowledgedAtMs, killedAtMs));
    console.log(`kill ${kill}: no write acknowledged for ${outages.at(-1)!.toFixed(0)} ms`);
    cluster.run(leader);
    await cluster.ready();
  }
  const { acknowledged, refused } = await load.stop();
  const copies = await Promise.all([0, 1, 2].map((node) => load.found(node)));
  const lost = acknowledged.filter((key) => copies.some((copy) => !copy.has(key))).length;
  const twice = copies.reduce((sum, copy) => sum + [...copy.values()].filter((version) => version !== 1).length, 0);
  outages.sort((a, b) => a - b);
  console.log(
    `${acknowledged.length} writes acknowledged, ${refused.length} refused, ${lost} lost, ${twice} applied twice`,
  );
  console.log(
    `outage: median ${outages[outages.length >> 1]!.toFixed(0)} ms, longest ${outages.at(-1)!.toFixed(0)} ms, of ${kills}`,
  );
  process.exitCode = lost + twice === 0 && outages[outages.length >> 1]! < OUTAGE_MS_MAX ? 0 : 1;
} finally {
  await cluster.close();
}

/** The longest time between two acknowledgements from the kill on. */
function longestGap(acknowledgedAtMs: readonly number[], fromMs: number): number {
  const last = acknowledgedAtMs.filter((at) => at < fromMs).at(-1) ?? fromMs;
  const times = [last, ...acknowledgedAtMs.filter((at) => at >= fromMs)];
  return Math.max(...times.slice(1).map((at, i) => at - times[i]!));
}
