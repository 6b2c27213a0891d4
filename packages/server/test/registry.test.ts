import type { ShownService } from "@dister/types";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "./backend.ts";
import { LogLines } from "./log-lines.ts";
import { MemoryCluster, type Reply, request, type TestClient, type TestNode, until } from "./memory-cluster.ts";

let cluster: MemoryCluster;
let lines: LogLines;
let nodes: TestNode[];
let client: TestClient;
let follower: TestNode;

beforeAll(async () => {
  lines = new LogLines();
  cluster = new MemoryCluster({ loggerOf: () => lines.logger });
  nodes = await cluster.found(3, () => ({ dampingMs: 0 }));
  client = await cluster.startClient(9, { peers: [2] });
  await until(() => client.node.notReady === undefined);
  follower = nodes.find((node) => node !== cluster.leader)!;
});
afterAll(() => cluster.close());
afterEach(async () => {
  await Backend.closeAll();
  const { body } = await request<object>(follower, "GET", "/service?consistency=linearizable");
  if (Object.keys(body.data).length > 0) await request(follower, "DELETE", "/service", Object.keys(body.data));
});

type Api = { readonly url: string };
/** Nothing listens on port 1 of loopback; it is asked once in a test. */
const gone = { host: "127.0.0.1", port: 1, interval: 60_000 };
const tcp = (name: string, ...node: object[]): object => ({ name, type: "tcp", node });
const register = (node: Api, ...services: object[]): Promise<Reply> => request(node, "POST", "/service", services);
const add = (node: Api, ...services: object[]): Promise<Reply> => request(node, "POST", "/service/instance", services);
const remove = (node: Api, ...instances: object[]): Promise<Reply> =>
  request(node, "DELETE", "/service/instance", instances);
const mode = (node: Api, ...changes: object[]): Promise<Reply> => request(node, "POST", "/service/mode", changes);
const shown = async (name: string, node: Api = follower): Promise<ShownService> =>
  (await request<ShownService>(node, "GET", `/service?name=${name}&consistency=linearizable`)).body.data;
const idsOf = async (name: string): Promise<string[]> => (await shown(name)).node.map(({ id }) => id);
const statuses = async (name: string): Promise<string> => (await shown(name)).node.map(({ state }) => state).join();

/** Registers `web` with an instance `a` that is passing and `b` that is critical. */
async function oneOfTwoPassing(): Promise<void> {
  const { port } = await Backend.open();
  const [a, b] = [
    { ...gone, id: "a", port, interval: 100 },
    { ...gone, id: "b", interval: 100 },
  ];
  await register(follower, tcp("web", a, b));
  await until(async () => (await statuses("web")) === "passing,critical");
}

describe("single instances", () => {
  it("are registered alone, make their service, and leave the others as they are, at any node", async () => {
    expect((await add(follower, tcp("web", { ...gone, id: "a" }))).body.data).toMatchObject({ changed: 1 });
    expect((await add(client, tcp("web", { ...gone, id: "b" }, { ...gone, port: 2 }))).body.data).toMatchObject({
      changed: 2,
    });
    expect(
      (await request(cluster.leader!, "PUT", "/service/instance", [tcp("web", { ...gone, id: "a", priority: 7 })]))
        .status,
    ).toBe(200);
    expect(await idsOf("web")).toEqual(["a", "b", "127.0.0.1:2"]);
    expect((await shown("web")).node.map(({ priority }) => priority)).toEqual(["7", "100", "100"]);
  });

  it("are removed by id at any node; one that is not there is passed over, and the last one takes its service with it", async () => {
    await register(follower, tcp("web", { ...gone, id: "a" }, { ...gone, id: "b" }, { ...gone, id: "c" }));
    expect(
      (await remove(client, { name: "web", id: "b" }, { name: "web", id: "x" }, { name: "none", id: "b" })).body.data,
    ).toMatchObject({ changed: 1 });
    expect(await idsOf("web")).toEqual(["a", "c"]);
    expect((await remove(cluster.leader!, { name: "web", id: "a" }, { name: "web", id: "c" })).body.data).toMatchObject(
      { changed: 2 },
    );
    expect((await request(follower, "GET", "/service?name=web&consistency=linearizable")).status).toBe(404);
  });

  it("are written once under one request id, also when it reaches another node (C3)", async () => {
    const headers = { "x-request-id": "instance-1" };
    const body = [tcp("web", { ...gone, id: "a" })];
    const first = await request(follower, "POST", "/service/instance", body, headers);
    await remove(follower, { name: "web", id: "a" });
    expect((await request(cluster.leader!, "POST", "/service/instance", body, headers)).body).toEqual(first.body);
    expect((await request(follower, "GET", "/service?name=web&consistency=linearizable")).status).toBe(404);
  });

  it("keep what their checks have found, when they are registered again or others beside them", async () => {
    const backend = await Backend.open();
    const live = { id: "a", host: "127.0.0.1", port: backend.port, interval: 100 };
    await register(follower, tcp("web", live));
    await until(async () => (await statuses("web")) === "passing");
    const { since } = (await shown("web")).node[0]!;
    await add(follower, tcp("web", { ...gone, id: "b", start: "passing" }));
    await register(client, tcp("web", { ...live, priority: 5, tags: ["new"] }, { ...gone, id: "b" }));
    expect((await shown("web")).node[0]).toMatchObject({ state: "passing", since, priority: "5", tags: ["new"] });
    await register(client, tcp("web", { ...gone, id: "a" }));
    expect((await shown("web")).node[0]).toMatchObject({ state: "unknown", status: 0 });
  });

  it("keep it over a change of leader", async () => {
    await oneOfTwoPassing();
    const before = await shown("web");
    const next = nodes.find((node) => node !== cluster.leader)!;
    await request(next, "POST", "/cluster/transfer", { to: next.id });
    await until(() => nodes.every(({ node }) => node.status?.leader === next.id));
    expect(await shown("web")).toEqual(before);
  });
});

describe("what is wrong with an instance is said with service, instance and field", () => {
  it.each<[string, () => Promise<Reply>, string]>([
    [
      "a port that is none",
      () => add(follower, tcp("fine", gone), tcp("web", gone, { ...gone, id: "b", port: "http" })),
      '1.node.1.port (service "web", instance "b"): got "http", allowed is a port from 1 to 65535',
    ],
    [
      "a field that its type needs, of an instance without an id",
      () => register(client, tcp("web", { host: "db-1" })),
      '0.node.0.port (service "web", instance "db-1"): got nothing, allowed is needed for a service of type tcp',
    ],
    [
      "an id that comes twice",
      () => register(follower, tcp("web", { ...gone, id: "a" }, { ...gone, id: "a" })),
      '0.node.1.id (service "web", instance "a"): got "a", allowed is an id that comes once',
    ],
    [
      "an id with a space",
      () => add(follower, tcp("web", { ...gone, id: "a b" })),
      '0.node.0.id (service "web", instance "a b"): got "a b", allowed is a text without spaces and control characters',
    ],
    [
      "an instance that only its place in the list would name, registered alone",
      () => add(follower, { name: "web", type: "custom", node: [{ id: "a", script: "/x" }, { script: "/y" }] }),
      '0.node.1.id (service "web"): got nothing, allowed is needed for an instance without host and url that is registered alone',
    ],
    [
      "a start that is none",
      () => add(follower, tcp("web", { ...gone, start: "alive" })),
      '0.node.0.start (service "web", instance "127.0.0.1:1"): got "alive", allowed is critical or passing',
    ],
    [
      "stars for a password that nobody knows",
      () => add(follower, tcp("web", { ...gone, id: "new", pass: "******" })),
      "service web, instance new, pass: got ******, allowed is the value itself: ****** stands for one that is stored for this id with the same address and user",
    ],
    [
      "a protection of all",
      () => register(follower, { name: "web", type: "tcp", protect: { percent: 100 }, node: [gone] }),
      '0.protect.percent (service "web"): got 100, allowed is percent from 1 to 99',
    ],
  ])("%s", async (_what, call, message) => {
    const { status, body } = await call();
    expect([status, body.code, body.message]).toEqual([400, "DISTER_ERR_INVALID", message]);
    expect((await request(follower, "GET", "/service?name=web&consistency=linearizable")).status).toBe(404);
  });

  it("another type than that of the service is refused, and changes nothing", async () => {
    await register(follower, tcp("web", { ...gone, id: "a" }));
    const { status, body } = await add(client, { name: "web", type: "redis", node: [{ ...gone, id: "b" }] });
    expect([status, body.message]).toEqual([400, "service web, type: got redis, allowed is tcp, as registered"]);
    expect(await idsOf("web")).toEqual(["a"]);
  });
});

describe("secrets (X11)", () => {
  const SECRETS = ["hunter2", "Bearer 0ff1ce"];
  const services = [
    tcp("db", { ...gone, id: "a", user: "u", pass: "hunter2", interval: 100 }),
    {
      name: "site",
      type: "web",
      node: [{ id: "a", url: "http://127.0.0.1:1/", headers: "authorization: Bearer 0ff1ce", interval: 100 }],
    },
  ];
  const stored = () =>
    nodes.map(({ state }) => [state.service("db")?.node[0]?.pass, state.service("site")?.node[0]?.headers]);
  const kept = ["hunter2", "authorization: Bearer 0ff1ce"];

  it("are in no reply, no metric and no log line, also of checks that fail with them", async () => {
    await register(client, ...(services as object[]));
    await until(async () => (await statuses("db")) === "critical" && (await statuses("site")) === "critical");
    const paths = [
      ...["/service", "/service?name=db", "/service?name=site", "/service/checks?name=db", "/service/checks?name=site"],
      ...["/balance?name=db", "/balance?name=db&explain=1", "/metrics", "/cluster/status", "/node", "/health"],
    ];
    for (const node of [...nodes, client]) {
      for (const path of paths) {
        const text = await (await fetch(`${node.url}${path}`)).text();
        for (const secret of SECRETS) expect([path, text.includes(secret)]).toEqual([path, false]);
      }
    }
    const logged = JSON.stringify(lines.all, (_key, value: unknown) => (value instanceof Error ? value.stack : value));
    expect(logged).toContain("instance changed");
    for (const secret of SECRETS) expect(logged).not.toContain(secret);
  });

  it("stay what they are when a definition is written back as it was shown, as a whole or one instance", async () => {
    await register(follower, ...(services as object[]));
    for (const node of [client, follower, cluster.leader!]) {
      for (const method of ["/service", "/service/instance"]) {
        const back = await Promise.all([shown("db", node), shown("site", node)]);
        expect(back.map(({ node: [one] }) => [one!.pass, one!.headers])).toEqual([
          ["******", undefined],
          [undefined, "******"],
        ]);
        expect((await request(node, "POST", method, back)).status).toBe(200);
        await until(() => stored().every((found) => found.join() === kept.join()));
      }
    }
  });

  it("go nowhere else: the stars of one instance are refused for another address, user, id or service", async () => {
    await register(follower, ...(services as object[]));
    const [one] = (await shown("db")).node;
    for (const changed of [{ host: "127.0.0.2" }, { port: 2 }, { user: "root" }, { id: "b" }]) {
      expect((await add(follower, tcp("db", { ...one, ...changed }))).body.code).toBe("DISTER_ERR_INVALID");
    }
    expect((await add(follower, tcp("other", { ...one }))).body.code).toBe("DISTER_ERR_INVALID");
    expect(stored()).toEqual([kept, kept, kept]);
  });
});

describe("modes", () => {
  it("take an instance out of use and back, at any node, and outlive what checks find", async () => {
    const backends = await Backend.some(2);
    await register(
      follower,
      tcp("web", ...backends.map(({ port }, at) => ({ id: `i${at}`, host: "127.0.0.1", port, interval: 100 }))),
    );
    await until(async () => (await statuses("web")) === "passing,passing");
    expect((await mode(client, { name: "web", id: "i0", mode: "maintenance" })).body.data).toMatchObject({
      changed: 1,
    });
    expect((await shown("web")).node[0]).toMatchObject({ state: "maintenance", status: 0 });
    await backends[0]!.close();
    await until(() => nodes.every(({ state }) => state.service("web")!.node[0]!.status === 0));
    expect((await shown("web")).node[0]!.state).toBe("maintenance");
    const picks = await request<{ id: string }[]>(follower, "GET", "/balance?name=web&count=10");
    expect(picks.body.data.map(({ id }) => id)).toEqual(["i1"]);
    await mode(cluster.leader!, { name: "web", id: "i0", mode: "active" });
    expect((await shown("web")).node[0]!.state).toBe("critical");
  });

  it("stay when the service is registered again", async () => {
    await register(follower, tcp("web", { ...gone, id: "a" }));
    await mode(follower, { name: "web", id: "a", mode: "draining" });
    await register(follower, tcp("web", { ...gone, id: "a", priority: 3 }));
    expect(await statuses("web")).toBe("draining");
  });

  it("are changed all or none, and whom they are for has to exist", async () => {
    await register(follower, tcp("web", { ...gone, id: "a" }));
    const { status, body } = await mode(
      client,
      { name: "web", id: "a", mode: "draining" },
      { name: "web", id: "b", mode: "draining" },
    );
    expect([status, body.code]).toEqual([404, "DISTER_ERR_INSTANCE_NOT_FOUND"]);
    expect(body.message).toContain("web");
    expect(body.message).toContain("b");
    expect(await statuses("web")).toBe("unknown");
  });

  it.each([
    [
      "a mode that is none",
      "/service/mode",
      [{ name: "web", id: "a", mode: "off" }],
      '0.mode: got "off", allowed is active, draining, maintenance',
    ],
    ["no id", "/service/mode", [{ name: "web", mode: "active" }], "0.id: got nothing, allowed is string"],
    [
      "a wait that is none",
      "/service/mode?wait=soon",
      [{ name: "web", id: "a", mode: "active" }],
      'wait: got "soon", allowed is milliseconds from 0 to 60000',
    ],
    [
      "a wait of minutes",
      "/service/mode?wait=60001",
      [{ name: "web", id: "a", mode: "active" }],
      'wait: got "60001", allowed is milliseconds from 0 to 60000',
    ],
  ])("are refused with %s", async (_what, path, body, message) => {
    const reply = await request(follower, "POST", path, body);
    expect([reply.status, reply.body.message]).toEqual([400, message]);
  });
});

describe("GET /service/checks", () => {
  it("says at any node who checks what, how often, with what result and how quickly", async () => {
    await oneOfTwoPassing();
    for (const node of [...nodes, client]) {
      const { body } = await request(node, "GET", "/service/checks?name=web");
      const observer = { node: cluster.leader!.id, checks: expect.any(Number) };
      expect(body.data).toMatchObject({
        name: "web",
        protected: false,
        instances: [
          {
            id: "a",
            state: "passing",
            status: 1,
            kept: false,
            observers: [{ ...observer, state: "passing", latencyMs: expect.any(Number) }],
          },
          {
            id: "b",
            state: "critical",
            status: 0,
            observers: [{ ...observer, state: "critical", output: "connect ECONNREFUSED", latencyMs: null }],
          },
        ],
      });
    }
  });

  it("is 404 for a service that is not there, and 400 without a name, at any node", async () => {
    for (const node of [...nodes, client]) {
      const none = await request(node, "GET", "/service/checks?name=nobody");
      expect([none.status, none.body.code]).toEqual([404, "DISTER_ERR_SERVICE_NOT_FOUND"]);
      expect((await request(node, "GET", "/service/checks")).body.message).toBe(
        "name: got nothing, allowed is needed: the name of a service",
      );
    }
  });
});

describe("the state of an instance before its first check", () => {
  it("is that of its start: not given unless it says so, and never told as found", async () => {
    await register(
      follower,
      tcp("web", { ...gone, id: "a", start: "passing", fall: 100 }, { ...gone, id: "b", fall: 100 }),
    );
    expect((await shown("web")).node.map(({ state, status, since }) => [state, status, since])).toEqual([
      ["unknown", 1, undefined],
      ["unknown", 0, undefined],
    ]);
    const picks = await request<{ id: string }[]>(follower, "GET", "/balance?name=web&count=10");
    expect(picks.body.data.map(({ id }) => id)).toEqual(["a"]);
  });
});
