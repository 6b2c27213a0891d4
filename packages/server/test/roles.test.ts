import { type Member, ROLE } from "@dister/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

const PEERS = [1, 2, 3, 4];
const memberOf = (at: TestNode, id: string): Member | undefined =>
  at.node.status?.membership.members.find((member) => member.id === id);

async function put(node: TestNode, key: string): Promise<number> {
  return (await request(node, "POST", "/kv", { [key]: "v" })).status;
}

/** Three servers and a monitor, node 4, which has everything. */
async function withMonitor(): Promise<{ servers: TestNode[]; monitor: TestNode }> {
  const servers = await cluster.found(3);
  const monitor = await cluster.start(4, { minNode: 3, peers: [1, 2, 3], role: ROLE.monitor });
  await until(() => monitor.node.notReady === undefined);
  expect(await put(servers[0]!, "early")).toBe(200);
  await until(() => monitor.state.kv("early") !== undefined);
  return { servers, monitor };
}

/** Starts a node again with another role. */
async function restart(node: TestNode, role: 0 | 2): Promise<TestNode> {
  await node.stop();
  return cluster.start(node.number, { minNode: 3, peers: PEERS, role });
}

describe("a monitor", () => {
  it("has a full copy, answers reads of both kinds and takes writes, as a server does", async () => {
    const { servers, monitor } = await withMonitor();
    expect(await put(monitor, "own")).toBe(200);
    for (const consistency of ["local", "linearizable"]) {
      const reply = await request(monitor, "GET", `/kv?k=own&consistency=${consistency}`);
      expect(reply.body.data).toBe("v");
    }
    expect((await fetch(`${monitor.url}/metrics`)).status).toBe(200);
    const listed = await request<{ id: string; role: number; voter: boolean }[]>(servers[0]!, "GET", "/node");
    expect(listed.body.data.find(({ id }) => id === monitor.id)).toMatchObject({ role: 2, voter: false });
  });

  it("is never promoted, though it has everything (M7)", async () => {
    const { servers, monitor } = await withMonitor();
    // A learner that comes later is promoted meanwhile: the leader has looked at the monitor as well, and passed it by.
    const fifth = await cluster.start(5, { minNode: 3, peers: [1] });
    await until(() => memberOf(servers[0]!, fifth.id)?.voter === true);
    expect(memberOf(servers[0]!, monitor.id)).toMatchObject({ voter: false, role: ROLE.monitor });
  });

  it("does not count: with one server of three left and the monitor there is no majority, with two there is", async () => {
    const { servers, monitor } = await withMonitor();
    const [first, second, third] = servers as [TestNode, TestNode, TestNode];
    await third.kill();
    await until(() => first.node.notReady === undefined);
    expect(await put(first, "two of three")).toBe(200);
    await second.kill();
    await until(() => first.node.status!.leader === null && monitor.node.status!.leader === null);
    // It says so as well: a load balancer sends it nothing.
    expect((await request(monitor, "GET", "/health")).status).toBe(503);
    expect((await request(first, "POST", "/kv", { never: "v" })).body.code).toBe("DISTER_ERR_NO_LEADER");
    expect(monitor.node.status!.role).toBe("follower");
  });

  it("does not lead, neither by an election nor by being asked to", async () => {
    const { servers, monitor } = await withMonitor();
    const refused = await request(monitor, "POST", "/cluster/transfer", { to: monitor.id });
    expect(refused).toMatchObject({ status: 400, body: { code: "DISTER_ERR_INVALID" } });
    const { term } = monitor.node.status!;
    await cluster.leader!.kill();
    await until(() => monitor.node.status!.term > term && monitor.node.status!.leader !== null);
    expect(servers.map(({ id }) => id)).toContain(monitor.node.status!.leader);
  });

  it("does not hold up commits while nothing reaches it, and has them when it is reached again", async () => {
    const { servers, monitor } = await withMonitor();
    for (const server of servers) cluster.network.cut(server.id, monitor.id);
    for (let i = 0; i < 20; i++) expect(await put(servers[i % 3]!, `k${i}`)).toBe(200);
    expect(monitor.state.kv("k19")).toBeUndefined();
    for (const server of servers) cluster.network.heal(server.id, monitor.id);
    await until(() => monitor.state.kv("k19") !== undefined);
  });
});

describe("a node that is started with another role", () => {
  it("loses its vote as a monitor, and gets it again as a server", async () => {
    const nodes = await cluster.found(3);
    const follower = nodes.find((node) => node !== cluster.leader)!;
    const others = nodes.filter((node) => node !== follower);
    const monitor = await restart(follower, ROLE.monitor);
    await until(() => memberOf(others[0]!, monitor.id)?.voter === false);
    expect(memberOf(others[0]!, monitor.id)).toMatchObject({ role: ROLE.monitor });
    expect(await put(monitor, "as monitor")).toBe(200);
    const server = await restart(monitor, ROLE.server);
    await until(() => memberOf(others[0]!, server.id)?.voter === true);
    expect(memberOf(others[0]!, server.id)).toMatchObject({ role: ROLE.server });
    expect(server.state.kv("as monitor")).toBeDefined();
  });

  it("hands leadership over before it loses its vote", async () => {
    const nodes = await cluster.found(3);
    const [first] = nodes as [TestNode, TestNode, TestNode];
    const others = nodes.slice(1);
    const monitor = await restart(first, ROLE.monitor);
    // Whatever the elections come to: at the end it neither votes nor leads, and the cluster goes on.
    await until(() => others.some((node) => memberOf(node, monitor.id)?.voter === false));
    await until(() => others.some((node) => node.node.status?.role === "leader"));
    expect(await put(monitor, "k")).toBe(200);
  });

  it("keeps its vote while the servers left could decide nothing, and loses it when they can", async () => {
    const nodes = await cluster.found(3);
    const [first, second, third] = nodes as [TestNode, TestNode, TestNode];
    await third.kill();
    await until(() => first.node.notReady === undefined && second.node.notReady === undefined);
    await until(() => cluster.leader?.node.components.transport.isUp(third.id) === false);
    const follower = cluster.leader === first ? second : first;
    const stays = follower === first ? second : first;
    const monitor = await restart(follower, ROLE.monitor);
    await until(() => monitor.node.notReady === undefined);
    expect(await put(stays, "k")).toBe(200);
    expect(memberOf(stays, monitor.id)).toMatchObject({ voter: true, role: ROLE.server });
    await cluster.start(3, { minNode: 3, peers: PEERS });
    await until(() => memberOf(stays, monitor.id)?.voter === false);
    expect(await put(stays, "after")).toBe(200);
  });

  it("stays the voter that it is when it is the only one", async () => {
    const [only] = (await cluster.found(1)) as [TestNode];
    const monitor = await restart(only, ROLE.monitor);
    await until(() => monitor.node.notReady === undefined);
    expect(await put(monitor, "k")).toBe(200);
    expect(memberOf(monitor, monitor.id)).toMatchObject({ voter: true });
  });
});
