import { afterEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
afterEach(() => cluster.close());

async function get(node: TestNode, key: string): Promise<unknown> {
  const { body } = await request(node, "GET", `/kv?k=${encodeURIComponent(key)}`);
  return body.data;
}

describe("a cluster of three", () => {
  it("is founded by its nodes, takes a write at each and answers a read at each", async () => {
    cluster = new MemoryCluster();
    const nodes = await cluster.found(3);
    for (const node of nodes) {
      const reply = await request(node, "POST", "/kv", { [`from${node.number}`]: "v" });
      expect(reply.status).toBe(200);
    }
    for (const node of nodes) for (const other of nodes) expect(await get(node, `from${other.number}`)).toBe("v");
    const ids = new Set(nodes.map(({ node }) => node.components.identity.current.clusterId));
    expect(ids.size).toBe(1);
  });

  it("loses its leader and goes on, without losing an acknowledged write", async () => {
    cluster = new MemoryCluster();
    const nodes = await cluster.found(3);
    await request(nodes[0]!, "POST", "/kv", { before: "1" });
    const old = cluster.leader!;
    await old.kill();
    const left = nodes.filter((node) => node !== old);
    const written = await Promise.all(
      left.map((node) => request(node, "POST", "/kv", { [`after${node.number}`]: "2" })),
    );
    expect(written.map(({ status }) => status)).toEqual([200, 200]);
    for (const node of left) expect(await get(node, "before")).toBe("1");
    const back = await cluster.start(old.number, { minNode: 3, peers: [1, 2, 3] });
    await until(() => back.node.notReady === undefined);
    for (const node of left) expect(await get(back, `after${node.number}`)).toBe("2");
  });

  it("takes in a fourth server as learner and makes it a voter", async () => {
    cluster = new MemoryCluster();
    const nodes = await cluster.found(3);
    await request(nodes[0]!, "POST", "/kv", { early: "1" });
    const fourth = await cluster.start(4, { minNode: 2, peers: [2] });
    await until(() => fourth.node.status?.membership.members.find(({ id }) => id === fourth.id)?.voter === true);
    expect(await get(fourth, "early")).toBe("1");
    expect((await request<unknown[]>(nodes[0]!, "GET", "/node")).body.data).toHaveLength(4);
  });
});
