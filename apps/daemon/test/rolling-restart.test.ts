import { afterEach, expect, it } from "vitest";
import { api, DaemonCluster } from "./daemons.ts";
import { WriteLoad } from "./write-load.ts";

let cluster: DaemonCluster;
afterEach(() => cluster.close(), 30_000);

async function term(node: number): Promise<number> {
  const { data } = await api(cluster.url(node), "GET", "/cluster/status");
  return (data as { raft: { term: number } }).raft.term;
}

it("a rolling restart under load, the leader first, loses no write and changes the leader twice at the most", {
  timeout: 120_000,
}, async () => {
  cluster = await DaemonCluster.start(3);
  const load = new WriteLoad(cluster);
  load.start({ perSecond: 200 });
  await load.acknowledge(100);
  const first = await cluster.leader();
  const before = await term(first);
  for (const node of [first, ...[0, 1, 2].filter((one) => one !== first)]) {
    expect(await cluster.kill(node, "SIGTERM")).toMatchObject({ code: 0, signal: null });
    await load.acknowledge(50);
    cluster.run(node);
    await cluster.ready();
    await load.acknowledge(50);
  }
  const { acknowledged, refused } = await load.stop();
  expect(refused).toEqual([]);
  const changes = (await term(0)) - before;
  expect(changes).toBeLessThanOrEqual(2);
  const gaps = load.acknowledgedAtMs.slice(1).map((atMs, at) => atMs - load.acknowledgedAtMs[at]!);
  const longest = Math.max(...gaps).toFixed(0);
  console.log(`${acknowledged.length} writes, ${changes} leader changes, no write answered for ${longest} ms at most`);
  for (const at of [0, 1, 2]) {
    const found = await load.found(at);
    expect(acknowledged.filter((key) => !found.has(key))).toEqual([]);
    expect([...found].filter(([, version]) => version !== 1)).toEqual([]);
  }
});
