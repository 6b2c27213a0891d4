import { readFile } from "node:fs/promises";
import { type KvRecord, type Service, STATUS } from "@dister/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestClient, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

/** Three servers and a client node that was told of one of them. */
async function withClient(options: { cacheBytes?: number; holdMs?: number } = {}): Promise<{
  servers: TestNode[];
  client: TestClient;
}> {
  const servers = await cluster.found(3);
  const client = await cluster.startClient(9, { peers: [2], ...options });
  await until(() => client.node.notReady === undefined);
  await until(() => viewOf(client).up.length === 3);
  return { servers, client };
}

function viewOf(client: TestClient): TestClient["node"]["operations"]["view"] {
  return client.node.operations.view;
}

const local = (key: string): string => `/kv?k=${key}&consistency=local`;

/** Waits until the client has heard of everything that a server has applied. */
async function caughtUp(client: TestClient, server: TestNode): Promise<void> {
  await until(() => viewOf(client).appliedLogId >= server.state.appliedLogId());
}

describe("a client node", () => {
  it("finds the servers from one of them, is no member, and keeps nothing on its disk but its identity", async () => {
    const { servers, client } = await withClient();
    expect(viewOf(client).up).toEqual(servers.map(({ id }) => id));
    expect(viewOf(client).cluster).toBe(servers[0]!.node.components.identity.current.clusterId);
    const members = servers[0]!.node.status!.membership.members.map(({ id }) => id);
    expect(members).toEqual(servers.map(({ id }) => id));
    await request(client, "POST", "/kv", { a: "1" });
    expect(client.fileSystem.list("/dister.db")).toEqual(["identity.json"]);
  });

  it("serves keys and services as a server does: writes, reads, pages, removals", async () => {
    const { servers, client } = await withClient();
    const put = await request(client, "POST", "/kv", { "app/a": "1", "app/b": "2", other: "3" });
    expect(put).toMatchObject({ status: 200, body: { data: { changed: 3 } } });
    expect((await request(client, "GET", "/kv?k=app/a")).body).toEqual({ result: 1, message: "ok", data: "1" });
    expect((await request(client, "GET", "/kv")).body.data).toEqual({ "app/a": "1", "app/b": "2", other: "3" });
    const page = "/kv?prefix=app/&limit=1&meta=1";
    expect((await request(client, "GET", page)).body).toEqual((await request(servers[0]!, "GET", page)).body);
    expect((await request(client, "DELETE", "/kv", ["app/a"])).body.data).toMatchObject({ changed: 1 });
    const gone = await request(client, "GET", "/kv?k=app/a");
    expect(gone).toMatchObject({ status: 404, body: { code: "DISTER_ERR_KEY_NOT_FOUND" } });

    const db = { name: "db", type: "tcp", node: [{ host: "10.0.0.5", port: "5432", pass: "secret" }] };
    expect((await request(client, "POST", "/service", [db])).status).toBe(200);
    const shown = await request<Service>(client, "GET", "/service?name=db");
    expect(shown.body).toEqual((await request(servers[0]!, "GET", "/service?name=db&consistency=linearizable")).body);
    expect(JSON.stringify(shown.body)).not.toContain("secret");
    expect((await request(client, "GET", "/balance?name=db")).body.code).toBe("DISTER_ERR_NO_HEALTHY_NODE");
    expect((await request(client, "DELETE", "/service", ["db"])).body.data).toMatchObject({ changed: 1 });
    expect((await request(client, "GET", "/service?name=db")).status).toBe(404);
    expect((await request(client, "GET", "/service")).body.data).toEqual({});
  });

  it("refuses what a server refuses, in the same words", async () => {
    const { servers, client } = await withClient();
    for (const [method, path, body] of [
      ["POST", "/kv", { "": "1" }],
      ["POST", "/service", [{ name: "x", type: "none", node: [] }]],
      ["DELETE", "/node", ["nobody"]],
      ["GET", "/kv?limit=0", undefined],
      ["POST", "/cluster/transfer", { to: "nobody" }],
    ] as const) {
      const [own, its] = await Promise.all([client, servers[0]!].map((node) => request(node, method, path, body)));
      expect([path, own!.status, own!.body]).toEqual([path, its!.status, its!.body]);
    }
  });

  it("operates the cluster through a server: members, transfer", async () => {
    const { servers, client } = await withClient();
    const listed = await request<{ id: string; role: number }[]>(client, "GET", "/node");
    expect(listed.body.data.map(({ id }) => id)).toEqual(servers.map(({ id }) => id));
    const to = servers.find((server) => server !== cluster.leader)!;
    expect((await request(client, "POST", "/cluster/transfer", { to: to.id })).body.data).toEqual({ to: to.id });
    await until(() => cluster.leader === to);
    await until(() => viewOf(client).client.leader === to.id);
    const away = servers.find((server) => server !== to)!;
    expect((await request(client, "DELETE", "/node", [away.id])).status).toBe(200);
    const left = await request<unknown[]>(client, "GET", "/node");
    expect(left.body.data).toHaveLength(2);
  });

  it("takes to the leader what an application reports of itself", async () => {
    const { servers, client } = await withClient();
    const node = { host: "worker-1", interval: 100, ttl: 60_000 };
    await request(client, "POST", "/service", [{ name: "workers", type: "ttl", node: [node] }]);
    const report = (name: string) => request(client, "POST", "/service/report", [{ name, host: "worker-1" }]);
    expect((await report("workers")).body).toMatchObject({ result: 1, data: { taken: 1 } });
    await until(() => servers.every(({ state }) => state.service("workers")?.node[0]?.status === STATUS.alive));
    expect((await report("nobody")).body).toMatchObject({ result: 0, code: "DISTER_ERR_SERVICE_NOT_FOUND" });
  });

  it("is shown by the server that it follows, among its clients and not among the members", async () => {
    const { servers, client } = await withClient();
    const followed = servers.find(({ id }) => id === viewOf(client).client.following)!;
    const { body } = await request<{ clients: object[] }>(followed, "GET", "/cluster/status");
    expect(body.data.clients).toEqual([
      { id: client.id, name: "client9", ip: "127.0.0.1", version: "0.0.0", logId: expect.any(Number) },
    ]);
    await client.stop();
    await until(async () => {
      const status = await request<{ clients: object[] }>(followed, "GET", "/cluster/status");
      return status.body.data.clients.length === 0;
    });
  });
});

describe("GET /metrics of a client node", () => {
  it("has every metric of the reference, and counts what the cache answered", async () => {
    const { client } = await withClient();
    await request(client, "POST", "/kv", { a: "1" });
    await request(client, "GET", "/kv?k=a");
    await until(async () => (await request(client, "GET", local("a"))).body.cached === true);
    const text = await (await fetch(`${client.url}/metrics`)).text();
    const docs = await readFile(new URL("../../../docs/reference/metrics.md", import.meta.url), "utf8");
    const rows = [...docs.matchAll(/^\| `(dister_\w+)` +\| (\w+) +\|/gm)].map(([, name, type]) => `${name} ${type}`);
    const exported = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(exported.sort()).toEqual(rows.sort());
    expect(text).toMatch(/^dister_client_cache_hits_total 1$/m);
    expect(text).toMatch(/^dister_client_servers 3$/m);
    expect(text).toMatch(/^dister_ready 1$/m);
  });
});

describe("the cache of a client node", () => {
  it("answers local reads, marked with age and log id, and never a linearizable one", async () => {
    const { servers, client } = await withClient();
    await request(servers[0]!, "POST", "/kv", { a: "1" });
    const first = await request(client, "GET", "/kv?k=a");
    expect(first.body).toEqual({ result: 1, message: "ok", data: "1" });
    await caughtUp(client, servers[0]!);
    const kept = await request(client, "GET", local("a"));
    expect(kept.body).toMatchObject({ data: "1", cached: true });
    expect(kept.body.ageMs).toBeGreaterThanOrEqual(0);
    expect(String(kept.body.logid)).toBe(kept.headers.get("x-dister-logid"));
    expect((await request(client, "GET", "/kv?k=a")).body.cached).toBeUndefined();
  });

  it("drops a key that is changed anywhere, and remembers that a key is not there", async () => {
    const { servers, client } = await withClient();
    expect((await request(client, "GET", "/kv?k=a")).status).toBe(404);
    await until(async () => (await request(client, "GET", local("a"))).headers.get("x-dister-logid") !== null);
    for (const [i, server] of servers.entries()) {
      await request(server, "POST", "/kv", { a: String(i) });
      await caughtUp(client, server);
      expect((await request(client, "GET", local("a"))).body.data).toBe(String(i));
    }
    await request(servers[1]!, "DELETE", "/kv", ["a"]);
    await caughtUp(client, servers[1]!);
    expect((await request(client, "GET", local("a"))).status).toBe(404);
  });

  it("shows the client's own write in the very next local read", async () => {
    const { client } = await withClient();
    for (let i = 0; i < 30; i++) {
      await request(client, "POST", "/kv", { a: String(i) });
      expect((await request(client, "GET", local("a"))).body.data).toBe(String(i));
    }
  });

  it("is off with 0 bytes: every read is a server's", async () => {
    const { client } = await withClient({ cacheBytes: 0 });
    await request(client, "POST", "/kv", { a: "1" });
    for (let i = 0; i < 3; i++) {
      expect((await request(client, "GET", local("a"))).body).toEqual({ result: 1, message: "ok", data: "1" });
    }
    expect(viewOf(client).client.cache).toMatchObject({ keys: 0, bytes: 0 });
  });
});

describe("a client node whose servers fail", () => {
  it("goes on with the servers that are left, without losing an acknowledged write", async () => {
    const { client } = await withClient();
    await request(client, "POST", "/kv", { before: "1" });
    await cluster.leader!.kill();
    const reply = await request(client, "POST", "/kv", { after: "1" });
    expect(reply.status).toBe(200);
    expect((await request(client, "GET", "/kv?k=before")).body.data).toBe("1");
    expect((await request(client, "GET", "/kv?k=after")).body.data).toBe("1");
  });

  it("repeats a write whose answer was lost at another server, and it is done once (C2)", async () => {
    const { client } = await withClient({ holdMs: 6_000 });
    const leader = cluster.leader!;
    await until(() => viewOf(client).client.leader === leader.id);
    // The leader gets the write and does it; the client never hears of that.
    cluster.network.cut(leader.id, client.id);
    const reply = await request(client, "POST", "/kv", { once: "1" });
    expect(reply).toMatchObject({ status: 200, body: { data: { changed: 1 } } });
    const read = await request<KvRecord>(client, "GET", "/kv?k=once&meta=1");
    expect(read.body.data).toMatchObject({ value: "1", version: 1 });
    cluster.network.heal(leader.id, client.id);
  });

  it("does not call a write refused that may be done: its outcome is unknown, and asking again tells it (C2)", async () => {
    const { servers, client } = await withClient({ holdMs: 1_000 });
    for (const server of servers) cluster.network.cut(server.id, client.id);
    const id = { "x-request-id": "my-own" };
    const unknown = await request(client, "POST", "/kv", { once: "1" }, id);
    expect(unknown).toMatchObject({ status: 504, body: { code: "DISTER_ERR_UNKNOWN_OUTCOME" } });
    for (const server of servers) cluster.network.heal(server.id, client.id);
    const again = await request(client, "POST", "/kv", { once: "1" }, id);
    expect(again.status).toBe(200);
    const read = await request<KvRecord>(servers[0]!, "GET", "/kv?k=once&meta=1");
    expect(read.body.data).toMatchObject({ version: 1 });
  });

  it("follows another server behind the same log id when its own ends", async () => {
    const { servers, client } = await withClient();
    await request(client, "POST", "/kv", { a: "1" });
    await request(client, "GET", "/kv?k=a");
    const followed = servers.find(({ id }) => id === viewOf(client).client.following)!;
    await followed.kill();
    await until(() => viewOf(client).client.following !== null && viewOf(client).client.following !== followed.id);
    const left = servers.find((server) => server !== followed)!;
    expect((await request(left, "POST", "/kv", { a: "2" })).status).toBe(200);
    await caughtUp(client, left);
    expect((await request(client, "GET", local("a"))).body.data).toBe("2");
  });

  it("answers services as last known, says so, and refuses writes as surely not done, when no server is left", async () => {
    const { servers, client } = await withClient({ holdMs: 300 });
    const db = { name: "db", type: "tcp", node: [{ host: "127.0.0.1", port: String(new URL(client.url).port) }] };
    await request(client, "POST", "/service", [db]);
    await until(async () => (await request(client, "GET", "/balance?name=db")).status === 200);
    for (const server of servers) await server.kill();
    await until(() => client.node.notReady !== undefined);

    const shown = await request<Service>(client, "GET", "/service?name=db");
    expect(shown).toMatchObject({ status: 200, body: { stale: true, data: { node: [{ status: STATUS.alive }] } } });
    expect(shown.body.ageMs).toBeGreaterThanOrEqual(0);
    expect((await request(client, "GET", "/balance?name=db")).body).toMatchObject({ stale: true });
    expect((await request(client, "GET", "/service")).body).toMatchObject({ stale: true });
    for (const call of ["/service?name=new", "/balance?name=new"]) {
      const unknown = await request(client, "GET", call);
      expect(unknown).toMatchObject({ status: 503, body: { code: "DISTER_ERR_NO_SERVER" } });
      expect(unknown.body.message).toMatch(/: \d+ ms ago there was no service named 'new'$/);
    }
    const health = await request(client, "GET", "/health");
    expect(health).toMatchObject({ status: 503, body: { code: "DISTER_ERR_NO_SERVER" } });
    expect(health.body.message).toMatch(/^connected to no server .* services are answered as they were \d+ ms ago$/);
    const refusal = { status: 503, body: { code: "DISTER_ERR_NO_SERVER" } };
    expect(await request(client, "POST", "/kv", { a: "1" })).toMatchObject(refusal);
    expect(await request(client, "GET", "/kv?k=a")).toMatchObject(refusal);
    expect(await request(client, "GET", "/service?consistency=linearizable")).toMatchObject(refusal);
    expect(await request(client, "GET", "/node")).toMatchObject(refusal);
    expect((await request(client, "GET", "/cluster/status")).status).toBe(200);

    await Promise.all(servers.map(({ number }) => cluster.start(number, { minNode: 3, peers: [1, 2, 3] })));
    await until(() => client.node.notReady === undefined);
    expect((await request(client, "GET", "/service?name=db")).body.stale).toBeUndefined();
    expect((await request(client, "POST", "/kv", { a: "1" })).status).toBe(200);
  });
});

describe("a client node that meets two clusters of its group", () => {
  it("serves none of them, and says that it found two", async () => {
    await cluster.start(1, { minNode: 1 });
    await cluster.start(2, { minNode: 1 });
    await until(() => [...cluster.nodes.values()].every(({ node }) => node.notReady === undefined));
    const client = await cluster.startClient(9, { peers: [1, 2], holdMs: 300 });
    await until(() => (client.node.notReady ?? "").includes("found 2 clusters of this group"));
    expect((await request(client, "POST", "/kv", { a: "1" })).body.code).toBe("DISTER_ERR_NO_SERVER");
  });

  it("stays with the one that it began with, and says what to do when only the other is there", async () => {
    const first = await cluster.start(1, { minNode: 1 });
    const client = await cluster.startClient(9, { peers: [1, 2], holdMs: 300 });
    await until(() => client.node.notReady === undefined);
    const second = await cluster.start(2, { minNode: 1 });
    await until(() => second.node.notReady === undefined);
    expect((await request(client, "POST", "/kv", { a: "1" })).status).toBe(200);
    await first.kill();
    await until(() => (client.node.notReady ?? "").includes("restart it to follow them"));
    expect((await request(client, "POST", "/kv", { b: "1" })).body.code).toBe("DISTER_ERR_NO_SERVER");
    expect(second.state.kvCount()).toBe(0);
  });
});
