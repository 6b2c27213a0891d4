import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../src/index.ts";
import { Capture } from "./capture.ts";
import { FakeApi } from "./fake-api.ts";

let api: FakeApi;
let io: Capture;

beforeEach(async () => {
  api = await FakeApi.start();
  io = new Capture({ DISTER_URL: api.url });
});
afterEach(() => api.close());

const dister = (...argv: string[]): Promise<number> => run(argv, io);
const document = (): unknown => JSON.parse(io.out);

describe("kv", () => {
  test("get, set and del", async () => {
    api.on("GET /kv?k=a", "1").on("POST /kv", { logid: 10_001, changed: 1 });
    api.on("DELETE /kv", { logid: 20_001, changed: 2 });
    expect(await dister("kv", "get", "a")).toBe(0);
    expect(await dister("kv", "set", "a", "")).toBe(0);
    expect(await dister("kv", "del", "a,b", "c")).toBe(0);
    expect(io.out).toBe("1\nok\nok\n");
    expect(api.requests.slice(1).map(({ body }) => body)).toEqual([{ a: "" }, ["a,b", "c"]]);
  });

  test("set takes negative numbers as they are, and anything behind --", async () => {
    api.on("POST /kv", { logid: 10_001, changed: 1 });
    expect(await dister("kv", "set", "t", "-5")).toBe(0);
    expect(await dister("kv", "set", "t", "--", "--json")).toBe(0);
    expect(io.out).toBe("ok\nok\n");
    expect(api.requests.map(({ body }) => body)).toEqual([{ t: "-5" }, { t: "--json" }]);
    expect(await dister("kv", "set", "t", "-x")).toBe(2);
  });

  test("ls reads page by page, however many there are", async () => {
    const [a, b] = [
      { key: "k/a", value: "1" },
      { key: "k/b", value: "2" },
    ];
    api.on("GET /kv?prefix=k%2F&limit=1000", { items: [a], next: "k/a" });
    api.on("GET /kv?prefix=k%2F&limit=1000&after=k%2Fa", { items: [b], next: null });
    expect(await dister("kv", "ls", "k/")).toBe(0);
    expect(io.out).toBe("K   : V\nk/a : 1\nk/b : 2\n");
    io.out = "";
    expect(await dister("kv", "ls", "k/", "--json")).toBe(0);
    expect(document()).toEqual({ result: 1, message: "ok", data: [a, b] });
  });

  test("a write carries the request id that was given", async () => {
    api.on("POST /kv", { logid: 10_001, changed: 1 });
    expect(await dister("kv", "set", "a", "1", "--request-id", "mine")).toBe(0);
    expect(api.requests[0]!.requestId).toBe("mine");
    expect(await dister("kv", "set", "a", "1", "--request-id", "not mine")).toBe(2);
    expect(api.requests).toHaveLength(1);
  });
});

describe("node and service", () => {
  test("take several arguments in place of commas", async () => {
    api.on("POST /node", null).on("DELETE /node", null).on("DELETE /service", { logid: 1, changed: 2 });
    expect(await dister("node", "add", "10.0.0.1", "[::1]:4266")).toBe(0);
    expect(await dister("node", "rm", "a", "b")).toBe(0);
    expect(await dister("service", "rm", "db", "web")).toBe(0);
    expect(api.requests.map(({ body }) => body)).toEqual([
      ["10.0.0.1", "[::1]:4266"],
      ["a", "b"],
      ["db", "web"],
    ]);
  });

  test("ls --json and get have the reply of the original", async () => {
    const db = { name: "db", type: "tcp", node: [] };
    api.on("GET /service", { db }).on("GET /service?name=db", db).on("GET /node", []);
    expect(await dister("service", "ls", "--json")).toBe(0);
    expect(document()).toEqual({ result: 1, message: "ok", data: { db } });
    expect(await dister("service", "get", "db")).toBe(0);
    expect(await dister("node", "ls")).toBe(0);
    expect(io.out).toMatch(/ Id .* Version\n$/);
  });
});

const [A, B, C] = ["00000000000000AA", "00000000000000BB", "00000000000000CC"];
const PORTS = { raft: 4166, repl: 4167, api: 4168 };
const shown = (id: string, name: string, more: object = {}) => ({
  ...{ id, name, ip: "10.0.0.1", ports: PORTS, role: 0, raft: 0, status: 1, voter: true, version: "1.2.3" },
  ...{ group: "g", logid: 200_001, lag: 0, silentMs: 40, mark: null },
  ...more,
});
const MEMBERS = [
  shown(A!, "alpha", { raft: 2, silentMs: 0 }),
  shown(B!, "beta", { lag: 3 }),
  shown(C!, "gamma", { role: 2, voter: false, status: 0, lag: 20, silentMs: 75_000 }),
];
const LED = { name: "alpha", leader: A, term: 7, since: "2026-11-22T10:00:00.000Z", reason: "silence of the leader" };
const FORMER = {
  ...{ name: "beta", leader: B, term: 6, since: "2026-11-21T10:00:00.000Z", reason: "only voter" },
  ended: { until: "2026-11-22T09:59:59.000Z", reason: "higher term" },
};
const STATUS = {
  node: { id: A, name: "alpha", version: "1.2.3" },
  cluster: "0000000000000C00",
  waitingFor: null,
  raft: {
    ...{ role: "leader", term: 7, leader: A, lastIndex: 20, commitIndex: 19, appliedIndex: 18 },
    ...{ scoreCount: 2, score: 1_500, comparison: null },
  },
  leadership: { ...LED, ended: null, forMs: 12_345 },
  leaderless: null,
  leaders: [{ ...LED, ended: null }, FORMER],
  members: MEMBERS,
  appliedLogId: 180_042,
  keys: 3,
  services: 1,
  disk: { folder: "/d/dister.db", logBytes: 8_388_608, stateBytes: 4_096, freeBytes: 3 * 2 ** 30, totalBytes: 2 ** 33 },
};
const TABLE = [
  "Name   Id                Api            Role     Status  Lag      Heard  Version",
  "alpha  00000000000000AA  10.0.0.1:4168  leader   alive     0   0 ms ago  1.2.3",
  "beta   00000000000000BB  10.0.0.1:4168  voter    alive     3  40 ms ago  1.2.3",
  "gamma  00000000000000CC  10.0.0.1:4168  monitor  dead     20  1 min ago  1.2.3",
];

describe("status", () => {
  test("shows who leads, since when and why, who led before, the disk, and members with role, lag and version", async () => {
    api.on("GET /cluster/status", STATUS);
    expect(await dister("status")).toBe(0);
    expect(io.out.split("\n")).toEqual([
      "cluster  0000000000000C00, 3 members",
      "leader   alpha (00000000000000AA), term 7, for 12.3 s since 2026-11-22T10:00:00.000Z: silence of the leader",
      'before   beta, term 6, 2026-11-21T10:00:00.000Z to 2026-11-22T09:59:59.000Z: came by "only voter", went by "higher term"',
      "here     alpha (00000000000000AA) is leader",
      "log      index 18 applied, 19 committed, 20 last; applied log id 180042",
      "holds    3 keys, 1 services",
      "disk     log 8.0 MiB, database 4.0 KiB; 3.0 GiB of 8.0 GiB free at /d/dister.db",
      "",
      ...TABLE,
      "",
    ]);
  });

  test("shows what the last comparison round found", async () => {
    const peers = [
      { id: B, responseUs: 850, last: { index: 20, term: 7 }, scoreCount: 2, score: 1_900 },
      { id: C, responseUs: null, last: null, scoreCount: null, score: null },
    ];
    const comparison = { decides: false, endedForMs: 4_000, peers };
    api.on("GET /cluster/status", { ...STATUS, raft: { ...STATUS.raft, comparison } });
    expect(await dister("status")).toBe(0);
    expect(io.out.split("\n").slice(-5)).toEqual([
      "last comparison round, 4.0 s ago (a measurement): this node reached 2 peers in 1.50 ms together",
      "Peer    Answer  Reached      Sum  Index  Term",
      "beta   0.85 ms        2  1.90 ms     20     7",
      "gamma        -        -        -      -     -",
      "",
    ]);
  });

  test("names members whose logs are damaged, or that have lost what they acknowledged", async () => {
    const members = [MEMBERS[0], shown(B!, "beta", { mark: "damaged" }), shown(C!, "gamma", { mark: "lost data" })];
    api.on("GET /cluster/status", { ...STATUS, members });
    expect(await dister("status")).toBe(0);
    expect(io.out).toMatch(/alpha .* alive .*\nbeta .* damaged .*\ngamma .* lost data /);
  });

  test("without a leader says for how long and what is waited for, and ends with 6", async () => {
    const raft = { ...STATUS.raft, role: "follower", leader: null };
    const leaderless = { since: "2026-11-22T10:00:00.000Z", forMs: 400_000, reason: "lost touch with a majority" };
    const otherClusters = [
      { cluster: "00000000000000DD", nodes: [{ name: "zeta", host: "10.0.0.9", raftPort: 4166 }] },
    ];
    const waitingFor = "no leader: of 3 voters 2 are needed and 1 reachable from here; not reached: beta, gamma";
    api.on("GET /cluster/status", { ...STATUS, raft, leadership: null, leaderless, waitingFor, otherClusters });
    expect(await dister("status")).toBe(6);
    expect(io.out).toContain("\nleader   none for 6 min since 2026-11-22T10:00:00.000Z: lost touch with a majority\n");
    expect(io.out).toContain(`\nwaiting  ${waitingFor}\n`);
    expect(io.out).toContain(
      "\nmet      cluster 00000000000000DD of the same group (zeta at 10.0.0.9:4166): nothing is merged",
    );
    io.out = "";
    expect(await dister("status", "--json")).toBe(6);
    expect(document()).toMatchObject({ result: 1, data: { leaderless, waitingFor } });
  });

  test("a node without a cluster says what it waits for, and ends with 6", async () => {
    api.on("GET /cluster/status", { ...STATUS, raft: null, leadership: null, waitingFor: "2 more servers" });
    expect(await dister("status")).toBe(6);
    expect(io.out).toBe("alpha (00000000000000AA) belongs to no cluster yet: 2 more servers\n");
  });

  test("of a client node says whom it asks and how fresh what it keeps is; without a leader it ends with 6", async () => {
    const servers = [{ id: A, name: "alpha" }];
    const asClient = { following: A, leader: A, ageMs: 250, servers, cache: { keys: 2, bytes: 2_048 } };
    const report = {
      node: { id: C, name: "app" },
      cluster: "0000000000000C00",
      waitingFor: null,
      raft: null,
      services: 3,
    };
    api.on("GET /cluster/status", { ...report, members: MEMBERS, client: asClient });
    expect(await dister("status")).toBe(0);
    expect(io.out.split("\n")).toEqual([
      "cluster  0000000000000C00",
      "leader   alpha (00000000000000AA)",
      "here     app (00000000000000CC) is a client",
      "servers  alpha",
      "follows  alpha; nothing was missing 250 ms ago",
      "keeps    2 keys (2.0 KiB), 3 services",
      "",
      ...TABLE,
      "",
    ]);
    io.out = "";
    const lost = { ...asClient, following: null, leader: null, ageMs: null, servers: [] };
    api.on("GET /cluster/status", { ...report, members: [], waitingFor: "no server", client: lost });
    expect(await dister("status")).toBe(6);
    expect(io.out).toContain("follows  nobody; nothing yet\n");
    expect(io.out).toContain("waiting  no server\n");
  });

  test("--json has everything that the node answered", async () => {
    api.on("GET /cluster/status", STATUS);
    expect(await dister("status", "--json")).toBe(0);
    expect(document()).toEqual({ result: 1, message: "ok", data: STATUS });
  });
});

describe("node ls", () => {
  test("shows who votes, how far each has come and which version it runs; nodes is as the original's", async () => {
    api.on("GET /node", MEMBERS);
    expect(await dister("node", "ls")).toBe(0);
    expect(io.out.split("\n")).toEqual([...TABLE, ""]);
    io.out = "";
    expect(await dister("nodes")).toBe(0);
    expect(io.out).toMatch(/^ *Id +Name +Group +Ip +Type +Role +Status\n/);
  });
});

describe("leader transfer", () => {
  test("takes an id, a name, or nothing", async () => {
    api.on("POST /cluster/transfer", { to: B });
    api.on("GET /node", [
      { id: A, name: "alpha" },
      { id: B, name: "beta" },
    ]);
    expect(await dister("leader", "transfer")).toBe(0);
    expect(await dister("leader", "transfer", B!.toLowerCase())).toBe(0);
    expect(await dister("leader", "transfer", "beta")).toBe(0);
    expect(io.out).toBe(`ok, ${B} is asked to lead\n`.repeat(3));
    const asked = api.requests.filter(({ method }) => method === "POST").map(({ body }) => body);
    expect(asked).toEqual([{}, { to: B }, { to: B }]);
  });

  test("a name that nobody or more than one has is refused before anything is asked", async () => {
    api.on("GET /node", [
      { id: A, name: "twin" },
      { id: B, name: "twin" },
    ]);
    expect(await dister("leader", "transfer", "omega")).toBe(1);
    expect(await dister("leader", "transfer", "twin")).toBe(1);
    expect(io.err).toBe('ERROR: no member is called "omega"\nERROR: several members are called "twin"\n');
    expect(api.requests.every(({ method }) => method === "GET")).toBe(true);
  });
});

describe("--json", () => {
  test("may stand anywhere and gives one document in one line", async () => {
    api.on("GET /kv", "one\ntwo");
    for (const argv of [
      ["--json", "getkv", "a"],
      ["getkv", "--json", "a"],
      ["kv", "get", "a", "--json"],
    ]) {
      io.out = "";
      expect(await dister(...argv)).toBe(0);
      expect(io.out).toBe('{"result":1,"message":"ok","data":"one\\ntwo"}\n');
    }
  });

  test("a failure is a document on standard output too", async () => {
    api.fail("GET /kv", 404, "DISTER_ERR_KEY_NOT_FOUND", "data not found");
    expect(await dister("kv", "get", "a", "--json")).toBe(4);
    expect(io.out).toBe('{"result":0,"message":"data not found","code":"DISTER_ERR_KEY_NOT_FOUND"}\n');
    expect(io.err).toBe("");
  });

  test.each([
    [["--json", "nodez"], 2],
    [["kv", "--json"], 2],
    [["addservice", "--json"], 2],
    [["help", "--json"], 0],
    [["--version", "--json"], 0],
    [["kv", "set", "--help", "--json"], 0],
    [["up", "--json", "--base-port", "65530"], 2],
  ])("%j gives exactly one document", async (argv, exitCode) => {
    expect(await dister(...argv)).toBe(exitCode);
    const { result, code } = document() as { result: number; code?: string };
    expect([result, code]).toEqual(exitCode === 0 ? [1, undefined] : [0, "DISTER_ERR_INVALID"]);
    expect(io.out.indexOf("\n")).toBe(io.out.length - 1);
    expect(io.err).toBe("");
  });
});

describe("wrong usage ends with 2 and asks nobody", () => {
  test.each([
    [["servces"], "ERROR: unknown command 'servces' (Did you mean services?)"],
    [["kv", "put"], "ERROR: unknown command 'put'"],
    [["kvs", "--jsn"], "ERROR: unknown option '--jsn' (Did you mean --json?)"],
    [["kvs", "more"], "ERROR: too many arguments"],
    [["kvs", "--timeout", "soon"], "ERROR: option '--timeout <ms>' argument 'soon' is invalid."],
    [["kvs", "--api", "ftp://x"], "ERROR: option '--api <url>' argument 'ftp://x' is invalid."],
    [["up", "--nodes", "0"], "ERROR: option '--nodes <count>' argument '0' is invalid."],
    [["up", "--host", "0.0.0.0"], 'ERROR: --host: got "0.0.0.0", allowed is one address'],
    [[], "Usage: dister [options] [command]"],
    [["kv"], "Usage: dister kv [options] [command]"],
  ])("%j", async (argv, text) => {
    expect(await dister(...argv)).toBe(2);
    expect(io.err).toContain(text);
    expect(io.out).toBe("");
    expect(api.requests).toEqual([]);
  });

  test("an unusable address in the environment is named, without repeating it", async () => {
    io.env["DISTER_URL"] = "http://user:secret@x";
    expect(await dister("kvs")).toBe(2);
    expect(io.err).toMatch(/^ERROR: environment variable DISTER_URL: /);
    expect(io.err).not.toContain("secret");
  });
});

describe("a node that is not there", () => {
  test("ends with 3 and the original's words, soon", async () => {
    const gone = api.url;
    await api.close();
    expect(await dister("kvs")).toBe(3);
    expect([io.out, io.err.split("\n").slice(0, 2)]).toEqual([
      "",
      ["ERROR: connect to local dister api failed", `asked ${gone}: ECONNREFUSED`],
    ]);
    expect(await dister("addkv", "a", "1", "--json")).toBe(3);
    expect(document()).toEqual({
      result: 0,
      message: "connect to local dister api failed",
      code: "DISTER_ERR_PEER_UNREACHABLE",
    });
    api = await FakeApi.start();
  });

  test("another address answers in its place", async () => {
    const gone = await FakeApi.start();
    const goneUrl = gone.url;
    await gone.close();
    api.on("GET /kv", {});
    expect(await dister("kvs", "--api", `${goneUrl},${api.url}`)).toBe(0);
    expect(await dister("kvs", "--api", goneUrl, "--api", api.url.replace("http://", ""))).toBe(0);
  });

  test("a node that does not answer in time counts as not reachable", async () => {
    api.answers.set("GET /kv", "silence");
    expect(await dister("kvs", "--timeout", "50")).toBe(3);
    expect(io.err).toBe("ERROR: GET /kv took longer than 50 ms\n");
  });

  test("what a node says of another that it cannot reach is a refusal, not a missing API", async () => {
    const message = "peer 10.0.0.9:4166 is not reachable: ECONNREFUSED";
    api.fail("POST /node", 503, "DISTER_ERR_PEER_UNREACHABLE", message);
    expect(await dister("addnode", "10.0.0.9")).toBe(1);
    expect(io.err).toBe(`ERROR: ${message}\n`);
  });
});

describe("a write of unknown outcome", () => {
  test("ends with 5 and names the id to repeat it with", async () => {
    api.answers.set("POST /kv", "hang up");
    expect(await dister("kv", "set", "a", "1", "--request-id", "mine")).toBe(5);
    expect(io.err).toBe(
      "ERROR: the outcome of request mine is unknown; repeating it with the same id is safe\nto find out, repeat the command with this id as --request-id\n",
    );
    expect(new Set(api.requests.map(({ requestId }) => requestId))).toEqual(new Set(["mine"]));
  });

  test("an error inside the node leaves a write unknown, and a read only failed", async () => {
    for (const call of ["POST /kv", "GET /kv"]) api.fail(call, 500, "DISTER_ERR_INTERNAL", "internal error");
    expect(await dister("addkv", "a", "1")).toBe(5);
    expect(await dister("kvs")).toBe(1);
    expect(io.err).toBe("ERROR: internal error\n".repeat(2));
  });
});
