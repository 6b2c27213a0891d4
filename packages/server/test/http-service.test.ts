import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "./backend.ts";
import { MemoryCluster, type Reply, request, type TestNode, until } from "./memory-cluster.ts";

interface ShownNode {
  readonly host: string;
  readonly port: string;
  readonly status: number;
  readonly priority: string;
  readonly pass?: string;
}
interface Shown {
  readonly name: string;
  readonly type: string;
  readonly node: ShownNode[];
}

let cluster: MemoryCluster;
let nodes: TestNode[];
let leader: TestNode;
let follower: TestNode;

beforeAll(async () => {
  cluster = new MemoryCluster();
  nodes = await cluster.found(3, () => ({ dampingMs: 0 }));
  leader = cluster.leader!;
  follower = nodes.find((node) => node !== leader)!;
});
afterAll(() => cluster.close());

/** Nothing listens on port 1 of loopback. */
const dead = { host: "127.0.0.1", port: 1 };

const register = (services: unknown, node = follower): Promise<Reply> => request(node, "POST", "/service", services);
const one = async (name: string, node = leader): Promise<Shown> =>
  (await request<Shown>(node, "GET", `/service?name=${name}&consistency=linearizable`)).body.data;

describe("POST /service/report", () => {
  const worker = { host: "worker-1", port: 7, interval: 100, ttl: 60_000, fall: 1 };
  const report = (reports: unknown, node = follower): Promise<Reply> =>
    request(node, "POST", "/service/report", reports);
  const status = async (): Promise<number> => (await one("workers")).node[0]!.status;

  it("decides the status of a node of type ttl, taken at any node", async () => {
    await register([{ name: "workers", type: "ttl", node: [worker, { ...worker, port: 8 }] }]);
    expect((await report([{ name: "workers", host: "worker-1", port: "7" }])).body).toMatchObject({
      result: 1,
      data: { taken: 1 },
    });
    await until(async () => (await status()) === 1, "the report counts");
    await report([{ name: "workers", host: "worker-1", port: 7, status: 0 }], leader);
    await until(async () => (await status()) === 0, "the second report counts");
    expect((await one("workers")).node[1]!.status).toBe(0);
  });

  it.each([
    ["a service that is not there", [{ name: "nobody", host: "h" }], "DISTER_ERR_SERVICE_NOT_FOUND"],
    ["a node that is not there", [{ name: "workers", host: "worker-1" }], "DISTER_ERR_INVALID"],
    ["a status that is none", [{ name: "workers", host: "worker-1", port: 7, status: 2 }], "DISTER_ERR_INVALID"],
    [
      "a list without an end",
      Array.from({ length: 1_001 }, () => ({ name: "workers", host: "h" })),
      "DISTER_ERR_INVALID",
    ],
    ["no list", { name: "workers" }, "DISTER_ERR_INVALID"],
  ])("refuses %s, at any node", async (_what, body, code) => {
    expect((await report(body)).body).toMatchObject({ result: 0, code });
    expect((await report(body, leader)).body).toMatchObject({ result: 0, code });
  });

  it("refuses to speak for a node that is probed", async () => {
    await register([{ name: "probed", type: "tcp", node: [dead] }]);
    const { body } = await report([{ name: "probed", host: dead.host, port: dead.port }]);
    expect(body.message).toBe(
      "0.host: got an instance of type tcp, allowed is an instance of a service of type ttl, as registered",
    );
    await request(follower, "DELETE", "/service", ["probed", "workers"]);
  });
});

describe("/service", () => {
  it("registers, and gives every number back as a string and every default filled in", async () => {
    const reply = await register([{ name: "db", type: "TCP", node: [{ ...dead, priority: 7, interval: "5000" }] }]);
    expect(reply.body).toMatchObject({ result: 1, message: "ok", data: { changed: 1 } });
    expect(await one("db")).toEqual({
      name: "db",
      type: "tcp",
      node: [
        {
          host: "127.0.0.1",
          port: "1",
          priority: "7",
          interval: "5000",
          timeout: "2000",
          rise: "1",
          fall: "2",
          status: 0,
          id: "127.0.0.1:1",
          state: "unknown",
        },
      ],
    });
  });

  it("lists all services as a map by name, also one whose name means something in JavaScript (X4)", async () => {
    await register([
      { name: "__proto__", type: "tcp", node: [dead] },
      { name: "constructor", type: "tcp", node: [dead] },
    ]);
    const text = await (await fetch(`${leader.url}/service?consistency=linearizable`)).text();
    expect(text).toContain('"__proto__":{"name":"__proto__"');
    const listed = JSON.parse(text) as { data: Record<string, Shown> };
    expect(listed.data["constructor"]).toMatchObject({ name: "constructor", type: "tcp" });
    expect((await one("__proto__")).name).toBe("__proto__");
    expect((await request(follower, "DELETE", "/service", ["__proto__", "constructor"])).body.data).toMatchObject({
      changed: 2,
    });
  });

  it("answers 404 for a service that is not there, with its name", async () => {
    const { status, body } = await request(follower, "GET", "/service?name=nobody");
    expect([status, body]).toEqual([
      404,
      { result: 0, message: "no service named 'nobody'", data: null, code: "DISTER_ERR_SERVICE_NOT_FOUND" },
    ]);
  });

  it("removes by name and passes over what is not there", async () => {
    await register([{ name: "going", type: "tcp", node: [dead] }]);
    expect((await request(leader, "DELETE", "/service", ["going", "never"])).body.data).toMatchObject({ changed: 1 });
    expect((await request(follower, "GET", "/service?name=going&consistency=linearizable")).status).toBe(404);
    expect((await request(follower, "GET", "/balance?name=going")).status).toBe(404);
  });

  it("never shows a password, and keeps it when the stars are written back, for the same address only (X11)", async () => {
    await register([{ name: "secretive", type: "tcp", node: [{ ...dead, user: "u", pass: "hunter2" }] }]);
    const replies = await Promise.all(
      ["/service", "/service?name=secretive", "/metrics", "/cluster/status", "/node"].map(async (path) =>
        (await fetch(`${leader.url}${path}`)).text(),
      ),
    );
    for (const text of replies) expect(text).not.toContain("hunter2");
    const shown = await one("secretive");
    expect(shown.node[0]!.pass).toBe("******");
    expect((await register([shown])).status).toBe(200);
    expect(follower.state.service("secretive")!.node[0]!.pass).toBe("hunter2");
    const elsewhere = await register([{ ...shown, node: [{ ...shown.node[0]!, host: "10.0.0.66" }] }]);
    expect([elsewhere.status, elsewhere.body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
    expect(elsewhere.body.message).toMatch(
      /^service secretive, instance 127\.0\.0\.1:1, pass: got \*{6}, allowed is the value/,
    );
  });

  it("applies a repeated request id once (C3)", async () => {
    const headers = { "x-request-id": "reg-1" };
    const body = [{ name: "again", type: "tcp", node: [dead] }];
    const first = await request(leader, "POST", "/service", body, headers);
    expect((await request(follower, "POST", "/service", body, headers)).body).toEqual(first.body);
  });
});

/** A message without the service and instance that it names behind the field. */
function withoutOwner(message: string): string {
  return message.replace(/ \(service "[^)]*\): /, ": ");
}

describe("validation of services: all are looked at before any is written", () => {
  const good = { name: "bystander", type: "tcp", node: [dead] };
  it.each<[string, unknown, RegExp]>([
    ["no list", good, /^body: got an object, allowed is array/],
    ["an empty list", [], /^body: got a list of 0/],
    ["no body", undefined, /^body: got nothing/],
    ["a service that is none", [good, 5], /^1: got 5, allowed is object/],
    ["no name", [good, { type: "tcp", node: [dead] }], /^1\.name: got nothing, allowed is string/],
    [
      "a name with a slash",
      [{ ...good, name: "a/b" }],
      /^0\.name: got "a\/b", allowed is letters, digits and _ \. : -$/,
    ],
    ["a name that is too long", [{ ...good, name: "n".repeat(129) }], /^0\.name: /],
    ["a type without a probe", [good, { ...good, type: "ftp" }], /^1\.type: got "ftp"/],
    ["no nodes", [{ ...good, node: [] }], /^0\.node: got a list of 0/],
    ["a node that is none", [good, { ...good, node: [dead, null] }], /^1\.node\.1: got null, allowed is object/],
    [
      "a port that is none",
      [good, { ...good, node: [dead, dead, { ...dead, port: "http" }] }],
      /^1\.node\.2\.port: got "http", allowed is a port from 1 to 65535$/,
    ],
    ["port 0", [{ ...good, node: [{ ...dead, port: 0 }] }], /^0\.node\.0\.port: got 0/],
    ["port 65536", [{ ...good, node: [{ ...dead, port: "65536" }] }], /^0\.node\.0\.port: got "65536"/],
    [
      "no port",
      [{ ...good, node: [{ host: "a" }] }],
      /^0\.node\.0\.port: got nothing, allowed is needed for a service of type tcp$/,
    ],
    [
      "a web service without url",
      [{ ...good, type: "web" }],
      /^0\.node\.0\.url: got nothing, allowed is needed for a service of type web$/,
    ],
    ["a url that is none", [{ name: "w", type: "web", node: [{ url: "nope" }] }], /^0\.node\.0\.url: got "nope"/],
    ["a file url (X9)", [{ name: "w", type: "web", node: [{ url: "file:///etc/passwd" }] }], /^0\.node\.0\.url: /],
    [
      "a host with a space",
      [{ ...good, node: [{ ...dead, host: "a b" }] }],
      /^0\.node\.0\.host: got "a b", allowed is a host name/,
    ],
    ["NUL in a text", [{ ...good, node: [{ ...dead, user: "a\u0000" }] }], /^0\.node\.0\.user: .* without NUL$/],
    [
      "half a surrogate pair in a text",
      [{ ...good, node: [{ ...dead, database: "\ud800" }] }],
      /^0\.node\.0\.database: /,
    ],
    ["an unknown field", [{ ...good, colour: "red" }], /^0\.colour: got "red", allowed is no field of this name$/],
    ["an unknown field of a node", [{ ...good, node: [{ ...dead, hots: "a" }] }], /^0\.node\.0\.hots: /],
    [
      "a status that is none",
      [{ ...good, node: [{ ...dead, status: 2 }] }],
      /^0\.node\.0\.status: got 2, allowed is 0 or 1$/,
    ],
    [
      "a service that comes twice, for one of them would be lost",
      [good, { ...good, name: "other" }, { ...good, node: [dead] }],
      /^2\.name: got "bystander", allowed is a name that comes once: all instances of a service stand in one definition$/,
    ],
    ["too many services", Array.from({ length: 1_001 }, () => good), /^body: got a list of 1001/],
    [
      "too many nodes in all",
      Array.from({ length: 3 }, () => ({ ...good, node: Array.from({ length: 3_334 }, () => 1) })),
      /^body: .* at most 10000 nodes in all services together$/,
    ],
  ])("%s", async (_name, body, message) => {
    const reply = await register(body, leader);
    expect([reply.status, reply.body.result, reply.body.code]).toEqual([400, 0, "DISTER_ERR_INVALID"]);
    expect(withoutOwner(reply.body.message)).toMatch(message);
    expect((await request(leader, "GET", "/service?name=bystander")).status).toBe(404);
  });

  it.each([
    "0",
    "-1",
    "99",
    "86400001",
    "2000abc",
    "1e3",
    "0x7d0",
    "",
    " ",
    "NaN",
    "1e309",
    1.5,
    -5,
    true,
    null,
    [2000],
  ])("interval %j (X13)", async (interval) => {
    const reply = await register([{ ...good, node: [{ ...dead, interval }] }]);
    expect([reply.status, reply.body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
    expect(withoutOwner(reply.body.message)).toMatch(
      /^0\.node\.0\.interval: got .*, allowed is milliseconds from 100 to 86400000$/,
    );
  });

  it("an interval that JSON reads as infinite (X13)", async () => {
    const reply = await register('[{"name":"x","type":"tcp","node":[{"host":"a","port":1,"interval":1e309}]}]');
    expect([reply.status, withoutOwner(reply.body.message)]).toEqual([
      400,
      "0.node.0.interval: got Infinity, allowed is milliseconds from 100 to 86400000",
    ]);
  });

  it("never repeats a secret that stands in the wrong place (X11)", async () => {
    for (const body of [
      [{ ...good, node: { ...dead, pass: "hunter2" } }],
      [{ ...good, node: [{ ...dead, pass: ["hunter2"] }] }],
      [{ ...good, node: [{ ...dead, password: "hunter2" }] }],
      [{ name: "w", type: "web", node: [{ url: "http://me:hunter2@host/" }] }],
      '[{"name":"x","pass":"hunter2"',
    ]) {
      const reply = await register(body);
      expect(reply.status).toBe(400);
      expect(JSON.stringify(reply.body)).not.toContain("hunter2");
    }
  });

  it.each<[string, unknown]>([
    ["no list", { name: "a" }],
    ["numbers", [1]],
    ["an empty name", [""]],
    ["a name that is too long", ["字".repeat(200)]],
    ["half a surrogate pair", ["\ud800"]],
  ])("DELETE /service with %s", async (_name, body) => {
    const reply = await request(leader, "DELETE", "/service", body);
    expect([reply.status, reply.body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
  });
});

describe("health checks and /balance", () => {
  afterEach(async () => {
    await Backend.closeAll();
    const { body } = await request<object>(leader, "GET", "/service?consistency=linearizable");
    await request(leader, "DELETE", "/service", Object.keys(body.data));
  });

  const entry = (port: number, more = {}): object => ({
    host: "127.0.0.1",
    port,
    interval: 100,
    timeout: 500,
    ...more,
  });
  const statuses = (name: string) =>
    nodes.map(({ state }) =>
      state
        .service(name)
        ?.node.map(({ status }) => status)
        .join(),
    );
  const everywhere = (name: string, wanted: string): Promise<void> =>
    until(() => statuses(name).every((found) => found === wanted), `status ${wanted} of ${name} on every node`);
  const balance = (name: string, more = "", node = follower): Promise<Reply<ShownNode>> =>
    request<ShownNode>(node, "GET", `/balance?name=${name}${more}`);

  it("follow a backend that is there, goes and comes back, on every node", async () => {
    const backend = await Backend.open();
    await register([{ name: "live", type: "tcp", node: [entry(backend.port)] }]);
    await everywhere("live", "1");
    for (const node of nodes) {
      const { status, body } = await balance("live", "", node);
      expect([status, body.data.port]).toEqual([200, String(backend.port)]);
    }
    await backend.close();
    await everywhere("live", "0");
    for (const node of nodes) {
      const { status, body } = await balance("live", "", node);
      expect([status, body]).toEqual([
        503,
        { result: 0, message: "no nodes of this service are alive", data: null, code: "DISTER_ERR_NO_HEALTHY_NODE" },
      ]);
    }
    await backend.open();
    await everywhere("live", "1");
  });

  it("write nothing to the log while no status changes", async () => {
    const backend = await Backend.open();
    await register([{ name: "quiet", type: "tcp", node: [entry(backend.port), entry(1)] }]);
    await everywhere("quiet", "1,0");
    await until(() => nodes.every(({ state }) => state.service("quiet")!.node.every(({ checked }) => checked)));
    // Four rounds of checks within one term: a new leader writes an entry of its own.
    for (let term = -1; term !== leader.node.status!.term; ) {
      const before = leader.node.status!;
      term = before.term;
      await new Promise((resolve) => setTimeout(resolve, 450));
      if (leader.node.status!.term === term) expect(leader.node.status!.lastIndex).toBe(before.lastIndex);
    }
  });

  it("go on on the next leader, which notices what happened meanwhile", async () => {
    const backend = await Backend.open();
    await register([{ name: "moved", type: "tcp", node: [entry(backend.port)] }]);
    await everywhere("moved", "1");
    const next = nodes.find((node) => node !== cluster.leader)!.id;
    expect((await request(nodes[0]!, "POST", "/cluster/transfer", { to: next })).status).toBe(200);
    await until(() => nodes.every(({ node }) => node.status?.leader === next));
    await backend.close();
    await everywhere("moved", "0");
  });

  it("keep the status of nodes that a new definition leaves as they were", async () => {
    const [first, second] = [await Backend.open(), await Backend.open()];
    await register([{ name: "kept", type: "tcp", node: [entry(first.port)] }]);
    await everywhere("kept", "1");
    const replaced = await register([
      {
        name: "kept",
        type: "tcp",
        node: [entry(second.port, { interval: 60_000, timeout: 60_000 }), entry(first.port)],
      },
    ]);
    expect(replaced.status).toBe(200);
    const found = follower.state.service("kept")!.node;
    expect(found.map(({ port }) => port)).toEqual([String(second.port), String(first.port)]);
    expect(found[1]!.status).toBe(1);
  });

  it("of an older definition change nothing", async () => {
    await register([{ name: "old", type: "tcp", node: [entry(1, { interval: 60_000 })] }]);
    const old = follower.state.service("old")!.node[0]!.definedIndex;
    await register([{ name: "old", type: "tcp", node: [entry(1, { interval: 60_000, user: "u" })] }]);
    const current = follower.state.service("old")!.node[0]!.definedIndex;
    expect(current).toBeGreaterThan(old);
    const { gateway } = follower.node.membered;
    const change = { service: "old", id: follower.state.service("old")!.node[0]!.id, status: 1 as const };
    const late = await gateway.write({ type: "serviceStatus", changes: [{ ...change, definedIndex: old }] });
    expect(late.changed).toBe(0);
    expect(follower.state.service("old")!.node[0]!.status).toBe(0);
    const now = await gateway.write({ type: "serviceStatus", changes: [{ ...change, definedIndex: current }] });
    expect(now.changed).toBe(1);
  });

  it("balance only over nodes that are alive, by weight, and never over weight 0", async () => {
    const [heavy, light, none] = [await Backend.open(), await Backend.open(), await Backend.open()];
    await register([
      {
        name: "weighted",
        type: "tcp",
        node: [
          entry(heavy.port, { priority: 9 }),
          entry(light.port, { priority: 1 }),
          entry(none.port, { priority: 0 }),
          entry(1, { priority: 1_000 }),
        ],
      },
    ]);
    await everywhere("weighted", "1,1,1,0");
    const picks = await Promise.all(Array.from({ length: 300 }, () => balance("weighted")));
    const count = (port: number): number => picks.filter(({ body }) => body.data.port === String(port)).length;
    expect(count(heavy.port) + count(light.port)).toBe(300);
    // 270 expected, standard deviation 5.2: eight of them to either side.
    expect(Math.abs(count(heavy.port) - 270)).toBeLessThan(42);
  });

  it("take turns with policy=round-robin, exactly by weight", async () => {
    const [two, single] = [await Backend.open(), await Backend.open()];
    await register([
      { name: "turns", type: "tcp", node: [entry(two.port, { priority: 2 }), entry(single.port, { priority: 1 })] },
    ]);
    await everywhere("turns", "1,1");
    const ports: string[] = [];
    for (let turn = 0; turn < 6; turn++) ports.push((await balance("turns", "&policy=round-robin")).body.data.port);
    expect(ports.filter((port) => port === String(two.port))).toHaveLength(4);
    expect(ports.slice(0, 3)).toEqual(ports.slice(3));
    await two.close();
    await everywhere("turns", "0,1");
    const left = await Promise.all([1, 2, 3].map(() => balance("turns", "&policy=round-robin")));
    expect(left.map(({ body }) => body.data.port)).toEqual([1, 2, 3].map(() => String(single.port)));
  });

  it("balance shows no password", async () => {
    const backend = await Backend.open();
    await register([{ name: "shy", type: "tcp", node: [entry(backend.port, { pass: "hunter2" })] }]);
    await everywhere("shy", "1");
    expect((await balance("shy")).body.data.pass).toBe("******");
  });

  it.each([
    ["/balance", /^name: got nothing, allowed is needed: the name of a service$/],
    ["/balance?name=", /^name: got ""/],
    ["/balance?name=x&policy=fastest", /^policy: got "fastest"/],
    ["/balance?name=x&colour=red", /^colour: /],
  ])("GET %s is refused", async (path, message) => {
    const { status, body } = await request(follower, "GET", path);
    expect([status, body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
    expect(body.message).toMatch(message);
  });
});
