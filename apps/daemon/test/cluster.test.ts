import { afterEach, describe, expect, it } from "vitest";
import { api, DaemonCluster } from "./daemons.ts";
import { WriteLoad } from "./write-load.ts";

let cluster: DaemonCluster;
afterEach(() => cluster.close(), 30_000);

async function read(i: number, key: string, consistency = "linearizable"): Promise<unknown> {
  return (await api(cluster.url(i), "GET", `/kv?k=${key}&consistency=${consistency}`)).data;
}

describe("three real processes on loopback", { timeout: 120_000 }, () => {
  it("take a write at each node and give it back at each, also by a local read at the node that took it", async () => {
    cluster = await DaemonCluster.start(3);
    for (const i of [0, 1, 2]) {
      expect(await api(cluster.url(i), "POST", "/kv", { [`k${i}`]: `v${i}` })).toMatchObject({
        status: 200,
        result: 1,
      });
      expect(await read(i, `k${i}`, "local")).toBe(`v${i}`);
    }
    for (const at of [0, 1, 2]) for (const i of [0, 1, 2]) expect(await read(at, `k${i}`)).toBe(`v${i}`);
  });

  it("keep every acknowledged write, once, while the leader is killed three times", async () => {
    cluster = await DaemonCluster.start(3);
    const load = new WriteLoad(cluster);
    load.start({ perSecond: 100 });
    for (let round = 0; round < 3; round++) {
      await load.acknowledge(40);
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await load.acknowledge(20);
      cluster.run(leader);
      await cluster.ready();
    }
    const { acknowledged } = await load.stop();
    for (const at of [0, 1, 2]) {
      const found = await load.found(at);
      expect(acknowledged.filter((key) => !found.has(key))).toEqual([]);
      // A key is written once by one request, so a second version is a request that took effect twice.
      expect([...found].filter(([, version]) => version !== 1)).toEqual([]);
    }
  });

  it("have every acknowledged write after all of them were killed at once and started again", async () => {
    cluster = await DaemonCluster.start(3);
    const load = new WriteLoad(cluster);
    load.start({ perSecond: 200 });
    await load.acknowledge(100);
    await Promise.all([0, 1, 2].map((i) => cluster.kill(i)));
    const { acknowledged } = await load.stop();
    for (const i of [0, 1, 2]) cluster.run(i);
    await cluster.ready();
    for (const at of [0, 1, 2]) {
      const found = await load.found(at);
      expect(acknowledged.filter((key) => !found.has(key))).toEqual([]);
      expect([...found.values()].every((version) => version === 1)).toBe(true);
    }
  });

  it("go on with two of three, and answer neither reads nor writes with one", async () => {
    cluster = await DaemonCluster.start(3);
    await cluster.kill(await cluster.leader());
    const [a, b] = cluster.running as [number, number];
    expect(await api(cluster.url(a), "POST", "/kv", { two: "nodes" })).toMatchObject({ status: 200 });
    await cluster.kill(b);
    expect(await api(cluster.url(a), "POST", "/kv", { one: "node" })).toMatchObject({ result: 0 });
    expect(await api(cluster.url(a), "GET", "/kv?k=two")).toMatchObject({ result: 0 });
    expect(await read(a, "two", "local")).toBe("nodes");
  });

  it("take in a fourth, which votes when it has caught up", async () => {
    cluster = await DaemonCluster.start(3);
    await api(cluster.url(0), "POST", "/kv", { early: "bird" });
    const fourth = await cluster.grow();
    expect(await read(fourth, "early")).toBe("bird");
    const nodes = (await api(cluster.url(fourth), "GET", "/node")).data as { name: string }[];
    expect(nodes.map(({ name }) => name).sort()).toEqual(["node1", "node2", "node3", "node4"]);
  });

  it("hand leadership over when the leader is asked to stop, and it ends with code 0", async () => {
    cluster = await DaemonCluster.start(3);
    const load = new WriteLoad(cluster);
    load.start({ perSecond: 100 });
    await load.acknowledge(30);
    const leader = await cluster.leader();
    const ended = await cluster.kill(leader, "SIGTERM");
    expect(ended).toMatchObject({ code: 0, signal: null });
    await load.acknowledge(30);
    const { acknowledged, refused } = await load.stop();
    expect(refused).toEqual([]);
    const found = await load.found(cluster.running[0]!);
    expect(acknowledged.filter((key) => !found.has(key))).toEqual([]);
  });
});
