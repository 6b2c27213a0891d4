import { RAFT_ROLE } from "@dister/types";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
afterEach(() => cluster.close());

const ready = (...nodes: TestNode[]): Promise<unknown> =>
  Promise.all(nodes.map(({ node }) => until(() => node.notReady === undefined, "a node that is ready")));
const waitsFor = (node: TestNode, reason: RegExp): Promise<void> =>
  until(() => reason.test(node.node.notReady ?? ""), `a node that waits for ${reason}`);
const clusterOf = ({ node }: TestNode): string => node.components.identity.current.clusterId;
const voters = ({ node }: TestNode): string[] =>
  node.status!.membership.members.filter(({ voter }) => voter).map(({ id }) => id);
const ids = (...nodes: TestNode[]): string[] => nodes.map(({ id }) => id).sort();

async function expectOneCluster(...nodes: TestNode[]): Promise<void> {
  await ready(...nodes);
  expect(new Set(nodes.map(clusterOf)).size).toBe(1);
  expect(clusterOf(nodes[0]!)).not.toBe("");
  const key = `by${nodes[0]!.number}`;
  expect((await request(nodes[0]!, "POST", "/kv", { [key]: "1" })).status).toBe(200);
  for (const node of nodes) expect((await request(node, "GET", `/kv?k=${key}`)).body).toMatchObject({ data: "1" });
}

describe("founding", () => {
  it.each([[[1, 2, 3]], [[3, 2, 1]], [[2, 3, 1]]])(
    "is done by nodes that start one after the other in the order %j",
    async (order) => {
      cluster = new MemoryCluster();
      const nodes: TestNode[] = [];
      for (const number of order) {
        for (const node of nodes)
          await waitsFor(node, /of the 2 other servers that MinNode asks for: start the others/);
        nodes.push(await cluster.start(number, { minNode: 3, peers: [1, 2, 3] }));
      }
      await expectOneCluster(...nodes);
      for (const node of nodes) expect(voters(node)).toEqual(ids(...nodes));
    },
  );

  it("needs each node to be known by one other only", async () => {
    cluster = new MemoryCluster();
    const nodes = [
      await cluster.start(1, { minNode: 4 }),
      await cluster.start(2, { minNode: 4, peers: [1] }),
      await cluster.start(3, { minNode: 4, peers: [2] }),
      await cluster.start(4, { minNode: 4, peers: [3] }),
    ];
    await expectOneCluster(...nodes);
  });

  it("alone makes a cluster of one, that leads and writes (E11)", async () => {
    cluster = new MemoryCluster();
    const node = await cluster.start(1, { minNode: 1 });
    await expectOneCluster(node);
    expect(voters(node)).toEqual([node.id]);
    expect(node.node.components.self.info().raft).toBe(RAFT_ROLE.leader);
  });

  it("does not begin with fewer servers than MinNode, and every call says what is missing", async () => {
    cluster = new MemoryCluster();
    const nodes = await Promise.all([1, 2].map((number) => cluster.start(number, { minNode: 3, peers: [1, 2, 3] })));
    for (const node of nodes)
      await waitsFor(node, /^found 1 of the 2 other servers that MinNode asks for: start the others/);
    for (const [method, path, body] of [
      ["POST", "/kv", { k: "v" }],
      ["GET", "/kv?k=k&consistency=local", undefined],
      ["GET", "/service", undefined],
      ["GET", "/balance?name=x", undefined],
      ["DELETE", "/node", ["node1"]],
    ] as const) {
      const reply = await request(nodes[0]!, method, path, body);
      expect([path, reply.status, reply.body.code]).toEqual([path, 503, "DISTER_ERR_NOT_FORMED"]);
      expect(reply.body.message).toBe(
        "this node belongs to no cluster yet: found 1 of the 2 other servers that MinNode asks for: start the others, and name one that runs in Peers",
      );
    }
    expect(nodes.map(clusterOf)).toEqual(["", ""]);
  });

  it("never crosses groups: those of others are as if they were not there", async () => {
    cluster = new MemoryCluster();
    const strangers = await Promise.all(
      [1, 2].map((number) => cluster.start(number, { minNode: 3, peers: [1, 2, 3, 4], group: "strangers" })),
    );
    const ours = await Promise.all([3, 4].map((number) => cluster.start(number, { minNode: 2, peers: [1, 2, 3, 4] })));
    await expectOneCluster(...ours);
    for (const node of ours) expect(voters(node)).toEqual(ids(...ours));
    for (const node of strangers) await waitsFor(node, /^found 1 of the 2/);
  });

  it("leaves it to servers: a monitor waits for them, and stores everything without a vote", async () => {
    cluster = new MemoryCluster();
    const monitor = await cluster.start(1, { minNode: 1, role: 2, peers: [2] });
    await waitsFor(monitor, /only servers found one$/);
    const server = await cluster.start(2, { minNode: 1 });
    await ready(monitor, server);
    await request(monitor, "POST", "/kv", { seen: "1" });
    expect((await request(monitor, "GET", "/kv?k=seen")).body.data).toBe("1");
    for (const node of [server, monitor]) expect(voters(node)).toEqual([server.id]);
  });
});

describe("a founding that is interrupted", () => {
  /** Three founders of whom the last cannot write its promise, so that the founding stands half done. */
  async function halfDone(): Promise<{ nodes: TestNode[]; proposer: TestNode; held: TestNode; free: () => void }> {
    cluster = new MemoryCluster();
    const held = await cluster.start(3, { minNode: 3 });
    held.fileSystem.setCapacity(held.fileSystem.usedBytes);
    const peers = [1, 2, 3];
    const nodes = await Promise.all([1, 2].map((number) => cluster.start(number, { minNode: 3, peers })));
    const proposer = nodes[0]!;
    await waitsFor(
      proposer,
      /^founder node3 \([0-9A-F]{16}, at 127.0.0.1:10003\) to accept cluster [0-9A-F]{16}: start it again, or, .*node reset/,
    );
    const free = (): void => held.fileSystem.setCapacity(Number.POSITIVE_INFINITY);
    return { nodes: [...nodes, held], proposer, held, free };
  }

  it("waits while a founder cannot promise: no majority of them is a cluster", async () => {
    const { nodes, free } = await halfDone();
    expect(nodes.map(({ node }) => node.components.identity.current.accepted !== null)).toEqual([true, true, false]);
    expect(nodes.map(clusterOf)).toEqual(["", "", ""]);
    free();
    await expectOneCluster(...nodes);
  });

  it("is gone on with by the others when the proposer was killed in between, and completed when it comes back", async () => {
    const { nodes, proposer, held, free } = await halfDone();
    const accepted = proposer.node.components.identity.current.accepted!;
    await proposer.kill();
    proposer.fileSystem.crash();
    free();
    await until(() => held.node.components.identity.current.accepted !== null);
    const back = await cluster.start(proposer.number, { minNode: 3 });
    expect(back.id).toBe(proposer.id);
    expect(back.node.components.identity.current.accepted).toEqual(accepted);
    const others = nodes.filter((node) => node !== proposer);
    await expectOneCluster(back, ...others);
    expect(clusterOf(back)).toBe(accepted.clusterId);
  });
});

describe("a node that was founded", () => {
  it("comes back without any address being configured", async () => {
    cluster = new MemoryCluster();
    const nodes = await cluster.found(3);
    await request(nodes[0]!, "POST", "/kv", { before: "1" });
    const identity = clusterOf(nodes[0]!);
    await Promise.all(nodes.map((node) => node.kill()));
    const back = await Promise.all([1, 2, 3].map((number) => cluster.start(number, { minNode: 3 })));
    await ready(...back);
    expect(back.map(clusterOf)).toEqual([identity, identity, identity]);
    for (const node of back) expect((await request(node, "GET", "/kv?k=before")).body.data).toBe("1");
  });

  it("keeps counting members that are away: they never drop out of the quorum (M10)", async () => {
    cluster = new MemoryCluster();
    const nodes = await cluster.found(3);
    const [left, ...gone] = nodes;
    await Promise.all(gone.map((node) => node.kill()));
    await waitsFor(left!, /^no leader$/);
    expect(voters(left!)).toEqual(ids(...nodes));
    const again = await cluster.start(left!.number === 1 ? 2 : 1, { minNode: 3 });
    await expectOneCluster(left!, again);
    expect(voters(again)).toEqual(ids(...nodes));
  });
});

describe("joining", () => {
  it("goes through a follower, and the learner votes only when it has caught up (M7)", async () => {
    cluster = new MemoryCluster();
    const founders = await cluster.found(2);
    const follower = founders.find((node) => node !== cluster.leader)!;
    const pairs = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, String(i)]));
    for (let round = 0; round < 5; round++) await request(follower, "POST", "/kv", pairs);
    const seen: boolean[] = [];
    const stop = follower.state.onChange(() => undefined);
    const joiner = await cluster.start(3, { minNode: 3, peers: [follower.number] });
    await until(() => {
      const member = follower.node.status!.membership.members.find(({ id }) => id === joiner.id);
      if (member !== undefined && seen.at(-1) !== member.voter) seen.push(member.voter);
      return member?.voter === true;
    });
    stop();
    expect(seen).toEqual([false, true]);
    expect((await request(joiner, "GET", "/kv?k=k499")).body.data).toBe("499");
    await expectOneCluster(...founders, joiner);
  });

  it("happens also when only a follower is told of the new node, and that one of nobody", async () => {
    cluster = new MemoryCluster();
    const founders = await cluster.found(3);
    const joiner = await cluster.start(4, { minNode: 3 });
    await waitsFor(joiner, /^found 0 of the 2 other servers/);
    const follower = founders.find((node) => node !== cluster.leader)!;
    await follower.kill();
    const back = await cluster.start(follower.number, { minNode: 3, peers: [4] });
    await until(() => back.node.status?.membership.members.some(({ id }) => id === joiner.id) === true);
    await expectOneCluster(...founders.filter((node) => node !== follower), back, joiner);
  });

  it("takes no learner into the quorum: one that dies at once stops nobody (M7, M8)", async () => {
    cluster = new MemoryCluster();
    const [first] = await cluster.found(1);
    const monitor = await cluster.start(2, { minNode: 1, role: 2, peers: [1] });
    await ready(monitor);
    await monitor.kill();
    expect((await request(first!, "POST", "/kv", { alone: "1" })).status).toBe(200);
  });

  it("of a node that finds two clusters of its group is refused by itself, and the two stay as they are", async () => {
    cluster = new MemoryCluster();
    const first = await cluster.start(1, { minNode: 1 });
    const second = await cluster.start(2, { minNode: 1 });
    await ready(first, second);
    expect(clusterOf(first)).not.toBe(clusterOf(second));
    await request(first, "POST", "/node", ["127.0.0.1:10002"]);
    const third = await cluster.start(3, { minNode: 1, peers: [1, 2] });
    await waitsFor(third, /^found 2 clusters of this group: keep one, and run `dister node reset`/);
    for (const node of [first, second]) expect(voters(node)).toEqual([node.id]);
    expect(clusterOf(third)).toBe("");
  });
});

describe("stopping", () => {
  it("hands leadership over first, so that writes at the others go on (T3)", async () => {
    cluster = new MemoryCluster();
    const nodes = await cluster.found(3);
    const leader = cluster.leader!;
    const others = nodes.filter((node) => node !== leader);
    const writes = others.flatMap((node) =>
      Array.from({ length: 10 }, (_, i) => request(node, "POST", "/kv", { [`stop${node.number}-${i}`]: "1" })),
    );
    await leader.stop();
    expect((await Promise.all(writes)).map(({ status }) => status)).toEqual(writes.map(() => 200));
    await expectOneCluster(...others);
  });

  it("while the node is still looking for others ends at once and leaves nothing running", async () => {
    cluster = new MemoryCluster();
    const node = await cluster.start(1, { minNode: 2, peers: [2] });
    await node.stop();
    await expect(fetch(`${node.url}/health`)).rejects.toThrow();
    expect(clusterOf(node)).toBe("");
  });
});
