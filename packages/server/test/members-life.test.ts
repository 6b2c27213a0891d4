import { stateVersionOf } from "@dister/types";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
afterEach(() => cluster.close());

const ready = (...nodes: TestNode[]): Promise<unknown> =>
  Promise.all(nodes.map(({ node }) => until(() => node.notReady === undefined, "a node that is ready")));
const voterCount = ({ node }: TestNode): number => node.status!.membership.members.filter(({ voter }) => voter).length;
const inForce = ({ node }: TestNode): number => stateVersionOf(node.status!.membership);

interface Status {
  readonly otherClusters: readonly { readonly cluster: string; readonly nodes: readonly { readonly id: string }[] }[];
}

describe("two clusters of one group that meet", () => {
  it("stay as they are, and both say so", async () => {
    cluster = new MemoryCluster();
    const first = await cluster.start(1, { minNode: 1 });
    const second = await cluster.start(2, { minNode: 1 });
    await ready(first, second);
    await request(first, "POST", "/kv", { whose: "first" });
    await request(second, "POST", "/kv", { whose: "second" });
    expect((await request(first, "POST", "/node", ["127.0.0.1:10002"])).status).toBe(409);
    for (const [node, other, whose] of [
      [first, second, "first"],
      [second, first, "second"],
    ] as const) {
      const { data } = (await request<Status>(node, "GET", "/cluster/status")).body;
      const { clusterId } = other.node.components.identity.current;
      expect(data.otherClusters).toEqual([
        {
          cluster: clusterId,
          nodes: [{ id: other.id, name: `node${other.number}`, host: "127.0.0.1", raftPort: 10_000 + other.number }],
        },
      ]);
      expect((await request(node, "GET", "/kv?k=whose")).body.data).toBe(whose);
      expect(node.node.status!.membership.members.map(({ id }) => id)).toEqual([node.id]);
    }
  });
});

describe("the state version", () => {
  it("is raised when the last member was upgraded, in any order, and refuses older software from then on", async () => {
    cluster = new MemoryCluster();
    const numbers = [1, 2, 3];
    let nodes = await cluster.found(3);
    expect(nodes.map(inForce)).toEqual([1, 1, 1]);
    for (const [at, number] of numbers.entries()) {
      await nodes[at]!.stop();
      nodes = nodes.with(at, await cluster.start(number, { minNode: 3, peers: numbers, stateVersion: 2 }));
      await ready(...nodes);
      if (at < 2) for (const node of nodes) expect(inForce(node)).toBe(1);
    }
    await Promise.all(nodes.map((node) => until(() => inForce(node) === 2, "state version 2")));

    await nodes[2]!.stop();
    const old = await cluster.start(3, { minNode: 3, peers: numbers }).catch((error: unknown) => error as Error);
    const fatal =
      old instanceof Error ? old : await until(() => old.fatal.length > 0).then(() => old.fatal[0] as Error);
    expect(fatal.message).toMatch(/^the cluster's state version is 2: this software understands 1: install that of/);

    const late = await cluster.start(4, { minNode: 3, peers: numbers });
    await until(() => /software that understands 1 cannot join/.test(late.node.notReady ?? ""));
    const fit = await cluster.start(5, { minNode: 3, peers: numbers, stateVersion: 3 });
    await until(() => fit.node.status !== null && inForce(fit) === 2, "state version 2 on a new member");
  });
});

describe("the clean-up of members that are gone", () => {
  it("removes one after the set time and keeps the cluster going, down to the voters that are asked for", async () => {
    cluster = new MemoryCluster();
    const peers = [1, 2, 3, 4];
    const cleanup = { deadAfterMs: 300, minVoters: 3 };
    const nodes = await Promise.all(peers.map((number) => cluster.start(number, { minNode: 4, peers, cleanup })));
    await ready(...nodes);
    const [gone, next] = nodes.filter((node) => node !== cluster.leader) as [TestNode, TestNode];
    await gone.kill();
    await until(() => cluster.leader !== undefined && voterCount(cluster.leader) === 3, "a member less");
    await next.kill();
    const left = nodes.filter((node) => node !== gone && node !== next);
    // Twice the time of the policy, seen from the leader: then it would have removed this one as well.
    await until(() => {
      const peer = cluster.leader?.node.status?.progress.find(({ id }) => id === next.id);
      return peer !== undefined && peer.silentMs > 600;
    });
    expect(left.map(voterCount)).toEqual([3, 3]);
    expect((await request(left[0]!, "POST", "/kv", { still: "1" })).status).toBe(200);
  });
});
