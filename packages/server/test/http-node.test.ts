import type { NodeInfo } from "@dister/types";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryCluster, type Reply, request, type TestNode, until } from "./memory-cluster.ts";

type Shown = NodeInfo & { readonly voter: boolean };

let cluster: MemoryCluster;
afterEach(() => cluster.close());

async function found(count: number): Promise<{ nodes: TestNode[]; leader: TestNode; follower: TestNode }> {
  cluster = new MemoryCluster();
  const nodes = await cluster.found(count);
  const leader = cluster.leader!;
  return { nodes, leader, follower: nodes.find((node) => node !== leader) ?? leader };
}

const list = async (node: TestNode): Promise<Shown[]> => (await request<Shown[]>(node, "GET", "/node")).body.data;
const remove = (node: TestNode, ...names: string[]): Promise<Reply> => request(node, "DELETE", "/node", names);
const memberCount = (node: TestNode): number => node.node.status!.membership.members.length;

describe("GET /node", () => {
  it("shows every member with the original's names, and its ports, cluster and vote", async () => {
    const { nodes, leader } = await found(3);
    const shown = await list(nodes[1]!);
    expect(shown.map(({ id }) => id)).toEqual(nodes.map(({ id }) => id).sort());
    for (const node of nodes) {
      const one = shown.find(({ id }) => id === node.id)!;
      expect(one).toEqual({
        name: `node${node.number}`,
        group: "test",
        id: node.id,
        ip: "127.0.0.1",
        status: 1,
        role: 0,
        raft: node === leader ? 2 : 0,
        logid: expect.any(Number),
        serviceid: 0,
        version: "0.0.0",
        stateVersion: 1,
        boot: node.node.components.self.info().boot,
        ports: { raft: 10_000 + node.number, repl: 20_000 + node.number, api: 0 },
        cluster: leader.node.components.identity.current.clusterId,
        lag: expect.any(Number),
        silentMs: expect.any(Number),
        mark: null,
        voter: true,
      });
    }
  });

  it("shows a member that does not answer as dead, and the log ids of those that do", async () => {
    const { nodes, leader, follower } = await found(3);
    await request(leader, "POST", "/service", [{ name: "s", type: "tcp", node: [{ host: "127.0.0.1", port: 1 }] }]);
    await follower.kill();
    // The leader does not wait for the other one.
    for (const { state } of nodes) if (state !== follower.state) await until(() => state.service("s") !== undefined);
    const shown = await list(leader);
    expect(shown.find(({ id }) => id === follower.id)).toMatchObject({ status: 0, raft: 0, voter: true });
    for (const one of shown.filter(({ id }) => id !== follower.id)) {
      expect(one.status).toBe(1);
      expect(one.logid).toBeGreaterThan(0);
      expect(one.serviceid).toBeGreaterThan(0);
    }
    expect(nodes).toHaveLength(3);
  });

  it("shows a node that belongs to no cluster only itself", async () => {
    cluster = new MemoryCluster();
    const node = await cluster.start(1, { minNode: 2 });
    expect(await list(node)).toMatchObject([{ id: node.id, cluster: "", voter: false, status: 1 }]);
  });
});

describe("POST /node", () => {
  it("makes a node that knows nobody join, learner first and then voter (M7)", async () => {
    const { follower } = await found(2);
    await request(follower, "POST", "/kv", { early: "1" });
    const lonely = await cluster.start(3, { minNode: 2 });
    expect((await request(follower, "POST", "/node", ["127.0.0.1:10003"])).body).toEqual({
      result: 1,
      message: "ok",
      data: null,
    });
    await until(() => follower.node.status!.membership.members.find(({ id }) => id === lonely.id)?.voter === true);
    expect((await request(lonely, "GET", "/kv?k=early")).body.data).toBe("1");
  });

  it("says so when nobody answers, and changes nothing (M10)", async () => {
    const { leader } = await found(1);
    const { status, body } = await request(leader, "POST", "/node", ["127.0.0.1:9"]);
    expect([status, body.code]).toEqual([503, "DISTER_ERR_PEER_UNREACHABLE"]);
    expect(memberCount(leader)).toBe(1);
  });

  it("refuses the node's own address and a node of another group", async () => {
    const { leader } = await found(1);
    await cluster.start(2, { minNode: 1, group: "strangers" });
    for (const address of ["127.0.0.1:10001", "127.0.0.1:10002"]) {
      const { status, body } = await request(leader, "POST", "/node", [address]);
      expect([status, body.code]).toEqual([403, "DISTER_ERR_HANDSHAKE"]);
    }
    expect(memberCount(leader)).toBe(1);
  });

  it.each<[string, unknown]>([
    ["no list", "127.0.0.1"],
    ["an empty list", []],
    ["a number", [4166]],
    ["an address that is none", ["good:1", "not an address"]],
    ["a port that is none", ["host:0"]],
  ])("refuses %s", async (_name, addresses) => {
    const { leader } = await found(1);
    const { status, body } = await request(leader, "POST", "/node", JSON.stringify(addresses));
    expect([status, body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
  });
});

describe("DELETE /node", () => {
  it.each([
    ["id", (node: TestNode) => node.id],
    ["name", (node: TestNode) => `node${node.number}`],
    ["host:raftPort", (node: TestNode) => `127.0.0.1:${10_000 + node.number}`],
  ])("removes a member by %s, asked at a follower", async (_kind, nameOf) => {
    const { nodes, leader, follower } = await found(3);
    const gone = nodes.find((node) => node !== leader && node !== follower)!;
    expect((await remove(follower, nameOf(gone))).status).toBe(200);
    await until(() => memberCount(leader) === 2 && memberCount(follower) === 2);
    expect((await list(leader)).map(({ id }) => id)).not.toContain(gone.id);
    expect((await request(follower, "POST", "/kv", { after: "1" })).status).toBe(200);
  });

  it("tells the removed node, which stays idle and says why (M6)", async () => {
    const { nodes, leader, follower } = await found(3);
    const gone = nodes.find((node) => node !== leader && node !== follower)!;
    await remove(leader, gone.id);
    await until(() => gone.node.notReady === "removed from the cluster");
    const health = await request<{ ready: boolean }>(gone, "GET", "/health");
    expect([health.status, health.body.message, health.body.data.ready]).toEqual([
      503,
      "removed from the cluster",
      false,
    ]);
    const { term } = leader.node.status!;
    await new Promise((resolve) => setTimeout(resolve, 500)); // Several election time-outs of the removed node.
    expect(leader.node.status!).toMatchObject({ term, role: "leader" });
  });

  it("tells a node that was away while it was removed (M6)", async () => {
    const { nodes, leader, follower } = await found(3);
    const away = nodes.find((node) => node !== leader && node !== follower)!;
    await away.kill();
    await until(() => !leader.node.components.transport.isUp(away.id));
    expect((await remove(leader, away.id)).status).toBe(200);
    // From here on Raft tells it nothing any more.
    await until(() => !leader.node.status!.progress.some(({ id }) => id === away.id));
    const back = await cluster.start(away.number, { minNode: 3, peers: [1, 2, 3] });
    await until(() => back.node.notReady === "removed from the cluster");
    expect(memberCount(leader)).toBe(2);
  });

  it("removes a leader, which hands its work to the others (M5)", async () => {
    const { nodes, leader, follower } = await found(3);
    expect((await remove(follower, leader.id)).status).toBe(200);
    const left = nodes.filter((node) => node !== leader);
    await until(() => left.every(({ node }) => node.status!.membership.members.length === 2));
    expect((await request(follower, "POST", "/kv", { after: "1" })).status).toBe(200);
    await until(() => leader.node.notReady === "removed from the cluster");
    expect(leader.node.status!.role).not.toBe("leader");
  });

  it("removes a leader that is asked itself (M5)", async () => {
    const { nodes, leader, follower } = await found(3);
    expect((await remove(leader, leader.id)).status).toBe(200);
    const left = nodes.filter((node) => node !== leader);
    await until(() => left.every(({ node }) => node.status!.membership.members.length === 2));
    expect((await request(follower, "POST", "/kv", { after: "1" })).status).toBe(200);
  });

  it("removes a dead voter, and refuses to remove the living one that the rest needs (M8)", async () => {
    const { nodes, leader, follower } = await found(3);
    const dead = nodes.find((node) => node !== leader && node !== follower)!;
    await dead.kill();
    await until(() => !leader.node.components.transport.isUp(dead.id));
    const refused = await remove(leader, follower.id);
    expect([refused.status, refused.body.code]).toEqual([409, "DISTER_ERR_MEMBERSHIP"]);
    expect(refused.body.message).toMatch(/of the 2 voters left, 1 would be reachable and 2 are needed$/);
    expect(memberCount(leader)).toBe(3);
    expect((await remove(follower, dead.id)).status).toBe(200);
    expect((await request(follower, "POST", "/kv", { still: "1" })).status).toBe(200);
  });

  it("refuses to remove the last voter (M8)", async () => {
    const { leader } = await found(1);
    const { status, body } = await remove(leader, leader.id);
    expect([status, body.code]).toEqual([409, "DISTER_ERR_MEMBERSHIP"]);
    expect((await request(leader, "POST", "/kv", { still: "1" })).status).toBe(200);
  });

  it("removes nobody when one of several names means nobody, or more than one", async () => {
    const { leader, follower } = await found(3);
    for (const name of ["nobody", "127.0.0.1"]) {
      const { status, body } = await remove(leader, follower.id, name);
      expect([status, body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
      expect(body.message).toContain(`got "${name}"`);
    }
    expect(memberCount(leader)).toBe(3);
  });

  it("takes in two at once and removes three at once, the leader among them, one after the other (M1, M5, M8)", async () => {
    const { nodes, leader, follower } = await found(3);
    await request(leader, "POST", "/kv", { early: "1" });
    const fresh = [await cluster.start(4, { minNode: 2 }), await cluster.start(5, { minNode: 2 })];
    expect((await request(follower, "POST", "/node", ["127.0.0.1:10004", "127.0.0.1:10005"])).status).toBe(200);
    const voters = (node: TestNode): string[] =>
      node.node.status!.membership.members.filter(({ voter }) => voter).map(({ id }) => id);
    await until(() => voters(follower).length === 5);

    const staying = [follower, fresh[0]!];
    const leaving = [leader, ...nodes.filter((node) => node !== leader && node !== follower), fresh[1]!];
    expect((await remove(follower, ...leaving.map(({ id }) => id))).status).toBe(200);
    await until(() => staying.every((node) => node.node.notReady === undefined && voters(node).length === 2));
    expect(voters(follower)).toEqual(staying.map(({ id }) => id).sort());
    for (const node of staying) expect((await request(node, "GET", "/kv?k=early")).body.data).toBe("1");
    expect((await request(follower, "POST", "/kv", { late: "1" })).status).toBe(200);
  });

  it("removes a member once that is named twice", async () => {
    const { leader, follower } = await found(3);
    expect((await remove(leader, follower.id, `node${follower.number}`)).status).toBe(200);
    expect(memberCount(leader)).toBe(2);
  });
});

describe("a node that comes back as another (M9)", () => {
  it("is not taken in beside its old self, and is when that was removed", async () => {
    const { nodes, leader, follower } = await found(3);
    const lost = nodes.find((node) => node !== leader && node !== follower)!;
    await lost.kill();
    cluster.wipe(lost.number);
    const again = await cluster.start(lost.number, { minNode: 3, peers: [1, 2, 3] });
    expect(again.id).not.toBe(lost.id);
    // It is taken in, but both halves of one machine never vote.
    await until(() => again.node.notReady === undefined);
    expect((await request(again, "POST", "/kv", { wiped: "1" })).status).toBe(200);
    expect(leader.node.status!.membership.members.filter(({ voter }) => voter)).toHaveLength(3);
    expect(leader.node.status!.membership.members.find(({ id }) => id === again.id)?.voter).toBe(false);
    expect((await remove(leader, lost.id)).status).toBe(200);
    await until(() => leader.node.status!.membership.members.find(({ id }) => id === again.id)?.voter === true);
    expect(memberCount(leader)).toBe(3);
  });
});

describe("/health", () => {
  it("is live and ready with a leader, and live but not ready before", async () => {
    cluster = new MemoryCluster();
    const waiting = await cluster.start(1, { minNode: 2 });
    await until(() => waiting.node.notReady?.startsWith("found 0") === true);
    const before = await request(waiting, "GET", "/health");
    expect([before.status, before.body.result]).toEqual([503, 0]);
    expect(before.body.message).toBe(
      "found 0 of the 1 other servers that MinNode asks for: start the others, and name one that runs in Peers",
    );
    expect(before.body.data).toEqual({ live: true, ready: false, leader: null, reason: before.body.message });
    expect((await request(waiting, "GET", "/health/live")).body).toEqual({
      result: 1,
      message: "ok",
      data: { live: true },
    });
    const second = await cluster.start(2, { minNode: 2, peers: [1] });
    await until(() => waiting.node.notReady === undefined && second.node.notReady === undefined);
    const ready = await request(waiting, "GET", "/health");
    expect([ready.status, ready.body.data]).toEqual([
      200,
      { live: true, ready: true, leader: cluster.leader!.id, reason: null },
    ]);
  });

  it("turns not ready when the majority is gone, and writes and reads end in time with what is known", async () => {
    cluster = new MemoryCluster();
    const nodes = await Promise.all(
      [1, 2, 3].map((n) => cluster.start(n, { minNode: 3, peers: [1, 2, 3], holdMs: 300 })),
    );
    await until(() => nodes.every(({ node }) => node.notReady === undefined));
    const [left, ...others] = nodes;
    await Promise.all(others.map((node) => node.kill()));
    await until(() => left!.node.notReady === "no leader");
    expect((await request(left!, "GET", "/health")).status).toBe(503);
    const [write, read, local] = await Promise.all([
      request(left!, "POST", "/kv", { k: "v" }),
      request(left!, "GET", "/kv?k=k"),
      request(left!, "GET", "/kv?k=k&consistency=local"),
    ]);
    expect([write.status, write.body.code]).toEqual([503, "DISTER_ERR_NO_LEADER"]);
    expect([503, 504]).toContain(read.status);
    expect(read.body.result).toBe(0);
    expect([local.status, local.body.code]).toEqual([404, "DISTER_ERR_KEY_NOT_FOUND"]);
    for (const call of [() => remove(left!, "node1"), () => request(left!, "POST", "/cluster/transfer")]) {
      const { status, body } = await call();
      expect([status, body.code]).toEqual([503, "DISTER_ERR_NO_LEADER"]);
    }
  });
});

describe("/cluster and /metrics", () => {
  it("GET /cluster/status tells what the node is, knows and waits for", async () => {
    const { leader, nodes } = await found(3);
    await request(leader, "POST", "/kv", { k: "v" });
    const { body } = await request<Record<string, unknown>>(leader, "GET", "/cluster/status");
    expect(body.data).toMatchObject({
      node: { id: leader.id, raft: 2 },
      cluster: leader.node.components.identity.current.clusterId,
      waitingFor: null,
      raft: { role: "leader", leader: leader.id, term: expect.any(Number), roleForMs: expect.any(Number) },
      up: nodes.map(({ id }) => id).sort(),
      keys: 1,
      services: 0,
    });
  });

  it("GET /cluster/status answers before there is a cluster", async () => {
    cluster = new MemoryCluster();
    const node = await cluster.start(1, { minNode: 2 });
    const { status, body } = await request<Record<string, unknown>>(node, "GET", "/cluster/status");
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ cluster: null, raft: null, up: [], keys: 0 });
    expect(body.data["waitingFor"]).not.toBeNull();
  });

  it("POST /cluster/transfer hands leadership over, asked anywhere", async () => {
    const { nodes, leader, follower } = await found(3);
    const reply = await request<{ to: string }>(follower, "POST", "/cluster/transfer", { to: follower.id });
    expect([reply.status, reply.body.data]).toEqual([200, { to: follower.id }]);
    await until(() => nodes.every(({ node }) => node.status!.leader === follower.id));
    const back = await request<{ to: string }>(follower, "POST", "/cluster/transfer");
    expect(back.status).toBe(200);
    expect(nodes.filter((node) => node !== follower).map(({ id }) => id)).toContain(back.body.data.to);
    await until(() => nodes.every(({ node }) => node.status!.leader === back.body.data.to));
    expect((await request(leader, "POST", "/kv", { after: "1" })).status).toBe(200);
  });

  it("POST /cluster/transfer refuses what is no voter, and every body that it does not understand", async () => {
    const { leader } = await found(2);
    const { term } = leader.node.status!;
    for (const body of [{ to: "nobody" }, { to: leader.id }, { to: 5 }, { To: "x" }, [], 5, "text", { to: "" }]) {
      const reply = await request(leader, "POST", "/cluster/transfer", JSON.stringify(body));
      expect([JSON.stringify(body), reply.status, reply.body.code]).toEqual([
        JSON.stringify(body),
        400,
        "DISTER_ERR_INVALID",
      ]);
    }
    expect(leader.node.status!).toMatchObject({ role: "leader", term });
  });

  it("GET /metrics has every metric of the reference, and the reference has every metric", async () => {
    const { leader } = await found(1);
    await request(leader, "POST", "/kv", { k: "v" });
    const response = await fetch(`${leader.url}/metrics`);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    const text = await response.text();
    expect(text).toMatch(/^dister_raft_is_leader 1$/m);
    expect(text).toMatch(/^dister_kv_keys 1$/m);
    expect(text).toMatch(/^dister_http_request_seconds_count\{method="POST",route="\/kv",status="200"\} 1$/m);
    const exported = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(exported.sort()).toEqual((await documentedMetrics()).sort());
  });
});

async function documentedMetrics(): Promise<string[]> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(new URL("../../../docs/reference/metrics.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(dister_\w+)` +\| (\w+) +\|/gm)].map(([, name, type]) => `${name} ${type}`);
  return rows.filter((row) => !row.startsWith("dister_client_")); // Of client nodes, which have tests of their own.
}
