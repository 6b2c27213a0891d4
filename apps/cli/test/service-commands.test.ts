import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../src/index.ts";
import { Capture } from "./capture.ts";
import { FakeApi } from "./fake-api.ts";

let api: FakeApi;
let io: Capture;
let folder: string;

beforeEach(async () => {
  api = await FakeApi.start();
  io = new Capture({ DISTER_URL: api.url });
  folder = await mkdtemp(join(tmpdir(), "dister-services-"));
});
afterEach(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

const dister = (...argv: string[]): Promise<number> => run(argv, io);
const document = (): unknown => JSON.parse(io.out);
const lines = (): string[] => io.out.split("\n");

const SINCE = "2026-11-22T10:00:00.123Z";
const instance = (id: string, state: string, more: object = {}) => ({
  ...{ id, host: "10.0.0.5", port: "80", priority: "100", interval: "2000", timeout: "2000", rise: "1", fall: "2" },
  ...{ status: state === "passing" ? 1 : 0, state, since: SINCE },
  ...more,
});
const WEB = {
  name: "web",
  type: "web",
  protection: { since: SINCE, kept: ["c", "d"] },
  node: [
    instance("a", "passing", { tags: ["blue", "canary"] }),
    instance("b", "draining", { host: "::1" }),
    instance("c", "critical", { status: 1, url: "https://c.example/up", host: undefined, port: undefined }),
    instance("d", "critical", { status: 1 }),
    instance("e\u001b[2J", "unknown", { since: undefined, host: undefined, port: undefined }),
    instance("f", "maintenance"),
  ],
};
const DB = { name: "db", type: "pgsql", node: [instance("x", "passing"), instance("y", "critical")] };

describe("service ls", () => {
  test("counts the instances of each service by their state", async () => {
    api.on("GET /service", { db: DB, web: WEB });
    expect(await dister("service", "ls")).toBe(0);
    expect(lines()).toEqual([
      "Service  Type   Instances  Passing  Critical  Unknown  Draining  Maintenance  Protected",
      "db       pgsql          2        1         1        0         0            0  -",
      "web      web            6        1         2        1         1            1  since 2026-11-22T10:00:00Z",
      "",
    ]);
  });

  test("with --json has the services by name, as the API has them", async () => {
    api.on("GET /service", { db: DB });
    expect(await dister("service", "ls", "--json")).toBe(0);
    expect(document()).toEqual({ result: 1, message: "ok", data: { db: DB } });
  });

  test("says when there are none", async () => {
    api.on("GET /service", {});
    expect(await dister("service", "ls")).toBe(0);
    expect(io.out).toBe("no service is registered\n");
  });
});

describe("service get", () => {
  test("shows the definition as JSON, to be changed and given back", async () => {
    api.on("GET /service?name=db", DB);
    expect(await dister("service", "get", "db")).toBe(0);
    expect(io.out).toBe(`${JSON.stringify(DB, null, 4)}\n`);
  });

  test("--table counts nobody of weight 0 among those who may be chosen", async () => {
    const node = DB.node.map((instance) => ({ ...instance, status: 1, state: "passing", priority: "0" }));
    api.on("GET /service?name=db", { ...DB, node });
    expect(await dister("service", "get", "db", "--table")).toBe(0);
    expect(lines()[0]).toContain(`: 0 of ${node.length} may be chosen`);
  });

  test("--table has a row for each instance, and says who is used although it is critical", async () => {
    api.on("GET /service?name=web", WEB);
    expect(await dister("service", "get", "web", "--table")).toBe(0);
    const protection = "protected against a mass failure since 2026-11-22T10:00:00Z";
    expect(lines()).toEqual([
      `web (web): 3 of 6 may be chosen; ${protection}; critical and used all the same: c, d`,
      "",
      "Id          Address        State           Weight  Tags          Since",
      "a           10.0.0.5:80    passing            100  blue, canary  2026-11-22T10:00:00Z",
      "b           [::1]:80       draining           100  -             2026-11-22T10:00:00Z",
      "c           c.example:443  critical, used     100  -             2026-11-22T10:00:00Z",
      "d           10.0.0.5:80    critical, used     100  -             2026-11-22T10:00:00Z",
      "e\\u001b[2J  -              unknown            100  -             -",
      "f           10.0.0.5:80    maintenance        100  -             2026-11-22T10:00:00Z",
      "",
    ]);
  });

  test.each([[["--table"]], [["--watch"]], [["--json"]], [["--json", "--watch"]]])(
    "of a name that does not exist ends with 4, with %j as well",
    async (flags) => {
      api.fail("GET /service", 404, "DISTER_ERR_SERVICE_NOT_FOUND", "no service named 'x'");
      expect(await dister("service", "get", "x", ...flags)).toBe(4);
      expect(io.out + io.err).toContain("no service named 'x'");
    },
  );
});

describe("an answer of a client node without a server", () => {
  const OLD = "may be old: the client node that answers is connected to no server; nothing was missing 1.5 s ago\n";
  const marks = { stale: true, ageMs: 1_500, logid: 10_001 };

  test.each([
    [["service", "ls"], "GET /service", { db: DB }],
    [["service", "get", "db", "--table"], "GET /service", DB],
    [["service", "checks", "db"], "GET /service/checks", { ...DB, protected: false, instances: [] }],
    [["balance", "db", "--explain"], "GET /balance", { policy: "first", chosen: [{}], candidates: [], draws: [] }],
  ])("says so below the table of %j, and beside the data", async (argv, call, data) => {
    api.answers.set(call, { body: { result: 1, message: "ok", data, ...marks } });
    expect(await dister(...argv)).toBe(0);
    expect(io.out.endsWith(`\n\n${OLD}`)).toBe(true);
    io.out = "";
    expect(await dister(...argv, "--json")).toBe(0);
    expect(document()).toEqual({ result: 1, message: "ok", data, ...marks });
  });

  test("that is JSON by itself stays JSON: the line goes to standard error", async () => {
    api.answers.set("GET /service", { body: { result: 1, message: "ok", data: DB, ...marks } });
    expect(await dister("service", "get", "db")).toBe(0);
    expect([JSON.parse(io.out), io.err]).toEqual([DB, OLD]);
  });

  test.each([[[]], [["--count", "2"]]])("that is a choice says so as well: balance %j", async (flags) => {
    const said = { ...marks, protected: true };
    api.answers.set("GET /balance", { body: { result: 1, message: "ok", data: DB.node, ...said } });
    expect(await dister("balance", "db", ...flags)).toBe(0);
    expect([JSON.parse(io.out), io.err]).toEqual([DB.node, OLD]);
    io.out = "";
    expect(await dister("balance", "db", ...flags, "--json")).toBe(0);
    expect(document()).toEqual({ result: 1, message: "ok", data: DB.node, ...said });
  });
});

describe("service checks", () => {
  const observer = (node: string, more: object = {}) => ({
    ...{ node, state: "passing", output: "connected", latencyMs: 1.234, checks: 12 },
    ...more,
  });
  const CHECKS = {
    name: "web",
    type: "tcp",
    protected: false,
    instances: [
      {
        ...{ id: "a", state: "passing", status: 1, since: SINCE, kept: false },
        observers: [
          observer("00000000000000AA"),
          observer("00000000000000BB", { state: "critical", output: "connect\u0007 ECONNREFUSED", latencyMs: null }),
        ],
      },
      { id: "b", state: "unknown", status: 0, kept: false, observers: [] },
    ],
  };
  const TABLE = [
    "Id  State    Since                 Observer          Finds     Latency  Checks  Last output",
    "a   passing  2026-11-22T10:00:00Z  alpha             passing   1.23 ms      12  connected",
    "a   passing  2026-11-22T10:00:00Z  00000000000000BB  critical        -      12  connect\\u0007 ECONNREFUSED",
    "b   unknown  -                     -                 -               -       -  not checked yet",
  ];

  test("has a row for each observer by its name, or by its id when no member has it", async () => {
    api.on("GET /service/checks?name=web", CHECKS).on("GET /node", [{ id: "00000000000000AA", name: "alpha" }]);
    expect(await dister("service", "checks", "web")).toBe(0);
    expect(lines()).toEqual(["web (tcp)", "", ...TABLE, ""]);
    io.out = "";
    expect(await dister("--json", "service", "checks", "web")).toBe(0);
    expect(document()).toEqual({ result: 1, message: "ok", data: CHECKS });
  });

  test("names who is used on account of a protection, and does without the names of members", async () => {
    const kept = { id: "a", state: "critical", status: 1, kept: true, observers: [observer("00000000000000AA")] };
    api.on("GET /service/checks?name=web", { ...CHECKS, protected: true, instances: [kept] });
    api.fail("GET /node", 500, "DISTER_ERR_INTERNAL", "internal error");
    expect(await dister("service", "checks", "web")).toBe(0);
    expect(io.out).toContain("web (tcp); protected against a mass failure; critical and used all the same: a\n");
    expect(io.out).toContain("critical, used  -      00000000000000AA");
  });
});

describe("instances", () => {
  test("of a file are registered by themselves with --instance", async () => {
    const file = join(folder, "web.json");
    const service = { name: "web", type: "tcp", node: [{ id: "a", host: "h", port: 1 }] };
    await writeFile(file, JSON.stringify(service));
    api.on("POST /service", { logid: 1, changed: 1 }).on("POST /service/instance", { logid: 2, changed: 1 });
    expect(await dister("service", "add", file, "--instance")).toBe(0);
    expect(await dister("service", "add", file)).toBe(0);
    expect(api.requests.map(({ url, body }) => [url, body])).toEqual([
      ["/service/instance", [service]],
      ["/service", [service]],
    ]);
    expect(await dister("service", "add", "--instance")).toBe(2);
    expect(await dister("service", "add", "--instance", `${file}.not`)).toBe(1);
  });

  test("are removed by id, and it says when some were not there", async () => {
    api.on("DELETE /service/instance", { logid: 1, changed: 1 });
    expect(await dister("service", "rm", "web", "--instance", "a", "--instance", "b", "--instance", "a")).toBe(0);
    expect(await dister("service", "rm", "--instance", "a", "web")).toBe(0);
    expect(io.out).toBe("ok, 1 of 2 were there\nok\n");
    expect(api.requests.map(({ body }) => body)).toEqual([
      [
        { name: "web", id: "a" },
        { name: "web", id: "b" },
      ],
      [{ name: "web", id: "a" }],
    ]);
  });

  test.each([
    [["rm", "web", "db", "--instance", "a"], "--instance names instances of one service"],
    [["rm", "web", "--instance", ""], "It is empty."],
    [["drain", "web"], "missing required argument 'id'"],
    [["drain", "web", ""], "It is empty."],
    [["drain", "web", "a", "--wait", "60001"], "A whole number from 0 to 60000 is needed."],
    [["drain", "web", "a", "--wait", "soon"], "A whole number from 0 to 60000 is needed."],
    [["drain", "web", "a", "--off", "--maintenance"], "cannot be used with option '--off'"],
    [["get", ""], "It is empty."],
    [["checks"], "missing required argument 'name'"],
  ])("service %j is wrong usage, and nobody is asked", async (argv, message) => {
    expect(await dister("service", ...argv)).toBe(2);
    expect(io.err).toContain(message);
    expect(api.requests).toEqual([]);
  });
});

describe("service drain", () => {
  const told = (waiting: string[], told = 3) => ({ logid: 1, changed: 1, watchers: { told, waiting } });

  test.each([
    [[], "draining", "ok, a of web is draining; 3 nodes know it, nobody is missing\n"],
    [["--maintenance"], "maintenance", "ok, a of web is in maintenance; 3 nodes know it, nobody is missing\n"],
    [
      ["--off"],
      "active",
      "ok, a of web is in use again, as far as its checks let it; 3 nodes know it, nobody is missing\n",
    ],
  ])("with %j asks for the mode %s and waits for everybody", async (flags, mode, text) => {
    api.on("POST /service/mode?wait=5000", told([]));
    expect(await dister("service", "drain", "web", "a", ...flags)).toBe(0);
    expect(io.out).toBe(text);
    expect(api.requests[0]!.body).toEqual([{ name: "web", id: "a", mode }]);
  });

  test("names who was not told in time, and ends with 7", async () => {
    api.on("POST /service/mode?wait=100", told(["two", "th\u001bree"], 1));
    expect(await dister("service", "drain", "web", "a", "--wait", "100")).toBe(7);
    expect(io.out).toBe("ok, a of web is draining; 1 node knows it, not told within 100 ms: two, th\\u001bree\n");
    io.out = "";
    expect(await dister("service", "drain", "web", "a", "--wait", "100", "--json")).toBe(7);
    expect(document()).toEqual({ result: 1, message: "ok", data: told(["two", "th\u001bree"], 1) });
  });

  test("with --wait 0 waits for nobody; what was so before is said to be", async () => {
    api.on("POST /service/mode", { logid: 1, changed: 0 });
    expect(await dister("service", "drain", "web", "a", "--wait", "0")).toBe(0);
    expect(io.out).toBe("ok, a of web was already draining\n");
    expect(api.requests[0]!.url).toBe("/service/mode");
  });

  test("of an instance that does not exist ends with 4", async () => {
    api.fail("POST /service/mode", 404, "DISTER_ERR_INSTANCE_NOT_FOUND", "service 'web' has no instance 'z'");
    expect(await dister("service", "drain", "web", "z")).toBe(4);
    expect(io.err).toBe("ERROR: service 'web' has no instance 'z'\n");
  });

  test("whose answer never came ends with 5: it may be done", async () => {
    api.answers.set("POST /service/mode", "hang up");
    expect(await dister("service", "drain", "web", "a", "--timeout", "100")).toBe(5);
    expect(io.err).toContain("--request-id");
  });
});
