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
  folder = await mkdtemp(join(tmpdir(), "dister-cli-"));
});
afterEach(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

const dister = (...argv: string[]): Promise<number> => run(argv, io);

const NODE = {
  name: "alpha",
  group: "default.group.dister",
  id: "00000000000000AA",
  ip: "10.0.0.1",
  status: 1,
  role: 0,
  raft: 2,
  logid: 20_007,
  serviceid: 0,
  version: "0.0.0",
  ports: { raft: 4166, repl: 4167, api: 4168 },
  cluster: "0000000000000C00",
  stateVersion: 1,
  boot: "00000000000000B0",
  voter: true,
};

describe("nodes", () => {
  test("shows the original's table, right-aligned", async () => {
    const beta = { ...NODE, name: "beta", id: "00000000000000BB", ip: "10.0.0.2", status: 0, role: 2, raft: 0 };
    api.on("GET /node", [NODE, beta]);
    expect(await dister("nodes")).toBe(0);
    expect(io.out).toBe(
      [
        "              Id                      Name                     Group              Ip         Type         Role     Status",
        "00000000000000AA                     alpha      default.group.dister        10.0.0.1       server       leader      alive",
        "00000000000000BB                      beta      default.group.dister        10.0.0.2      monitor     follower       dead",
        "",
      ].join("\n"),
    );
  });

  test("a name with control characters cannot steer the terminal", async () => {
    api.on("GET /node", [{ ...NODE, name: "a\u001b[2Jb\u0085" }]);
    await dister("nodes");
    expect(io.out).toContain(" a\\u001b[2Jb\\u0085 ");
  });
});

describe("addnode and delnode", () => {
  test("send the parts of a list and print ok", async () => {
    api.on("POST /node", null).on("DELETE /node", null);
    expect(await dister("addnode", "10.0.0.1,,db.local:4266")).toBe(0);
    expect(await dister("delnode", " alpha , beta")).toBe(0);
    expect(io.out).toBe("ok\nok\n");
    expect(api.requests.map(({ method, body }) => [method, body])).toEqual([
      ["POST", ["10.0.0.1", "db.local:4266"]],
      ["DELETE", ["alpha", "beta"]],
    ]);
  });

  test("a refusal is shown on standard error and ends with 1", async () => {
    api.fail("DELETE /node", 409, "DISTER_ERR_MEMBERSHIP", "the membership change is refused: no member 'x'");
    expect(await dister("delnode", "x")).toBe(1);
    expect([io.out, io.err]).toEqual(["", "ERROR: the membership change is refused: no member 'x'\n"]);
  });

  test("a list without any part is wrong usage", async () => {
    expect(await dister("delnode", ",")).toBe(2);
    expect(api.requests).toEqual([]);
  });
});

describe("kvs", () => {
  test("shows keys as wide as the longest and values cut at 100 characters", async () => {
    api.on("GET /kv", { a: "1", longest: "x".repeat(150), line: "one\ntwo", "😀": "😀".repeat(101) });
    expect(await dister("kvs")).toBe(0);
    expect(io.out).toBe(
      [
        "K       : V",
        "a       : 1",
        `longest : ${"x".repeat(100)}`,
        "line    : one\\ntwo",
        `😀       : ${"😀".repeat(100)}`,
        "",
      ].join("\n"),
    );
  });

  test("says so when there is nothing", async () => {
    api.on("GET /kv", {});
    expect(await dister("kvs")).toBe(0);
    expect(io.out).toBe("it's empty\n");
  });

  test("repeats the node's words above a thousand keys", async () => {
    const message = "too large data size, need a key, a prefix or a page to search";
    api.fail("GET /kv", 400, "DISTER_ERR_TOO_MANY_KEYS", message);
    expect(await dister("kvs")).toBe(1);
    expect(io.err).toBe(`ERROR: ${message}\n`);
  });

  test("X4: a key that is called __proto__ is only a key", async () => {
    api.answers.set("GET /kv", { body: JSON.parse('{"result":1,"message":"ok","data":{"__proto__":"x"}}') });
    expect(await dister("kvs", "--json")).toBe(0);
    expect(io.out).toBe('{"result":1,"message":"ok","data":{"__proto__":"x"}}\n');
  });
});

describe("getkv, addkv and delkv", () => {
  test("getkv prints the value as it is", async () => {
    api.on("GET /kv?k=a%26b", "one\ntwo");
    expect(await dister("getkv", "a&b")).toBe(0);
    expect(io.out).toBe("one\ntwo\n");
  });

  test("getkv of a key that does not exist ends with 4", async () => {
    api.fail("GET /kv", 404, "DISTER_ERR_KEY_NOT_FOUND", "data not found");
    expect(await dister("getkv", "a")).toBe(4);
    expect(io.err).toBe("ERROR: data not found\n");
  });

  test("addkv sets one pair, delkv removes a list", async () => {
    api.on("POST /kv", { logid: 10_001, changed: 1 }).on("DELETE /kv", { logid: 20_001, changed: 2 });
    expect(await dister("addkv", "name", "john, smith")).toBe(0);
    expect(await dister("delkv", "name1,name2")).toBe(0);
    expect(io.out).toBe("ok\nok\n");
    expect(api.requests.map(({ body }) => body)).toEqual([{ name: "john, smith" }, ["name1", "name2"]]);
  });

  test("a missing argument is wrong usage and asks nobody", async () => {
    expect(await dister("addkv", "name")).toBe(2);
    expect(io.err).toMatch(/^ERROR: missing required argument 'value'\n/);
    expect(await dister("getkv", "")).toBe(2);
    expect(api.requests).toEqual([]);
  });
});

describe("services, getservice and balance", () => {
  const db = { name: "db", type: "tcp", node: [{ host: "127.0.0.1", port: "3306", priority: "100", status: 1 }] };

  test("services prints an object by name, indented by four spaces", async () => {
    api.on("GET /service", { db });
    expect(await dister("services")).toBe(0);
    expect(io.out).toBe(`${JSON.stringify({ db }, null, 4)}\n`);
    expect(io.out).toContain('\n    "db": {\n        "name": "db",');
  });

  test("getservice prints one service; one that does not exist ends with 4", async () => {
    api.on("GET /service?name=db", db);
    api.fail("GET /service?name=x", 404, "DISTER_ERR_SERVICE_NOT_FOUND", "no service named 'x'");
    expect(await dister("getservice", "db")).toBe(0);
    expect(io.out).toBe(`${JSON.stringify(db, null, 4)}\n`);
    expect(await dister("getservice", "x")).toBe(4);
    expect(io.err).toBe("ERROR: no service named 'x'\n");
  });

  test("balance prints the chosen node and passes the policy on", async () => {
    api.on("GET /balance?name=db", db.node[0]).on("GET /balance?name=db&policy=round-robin", db.node[0]);
    expect(await dister("balance", "db")).toBe(0);
    expect(io.out).toBe(`${JSON.stringify(db.node[0], null, 4)}\n`);
    expect(await dister("balance", "db", "--policy", "round-robin")).toBe(0);
    expect(await dister("balance", "db", "--policy", "magic")).toBe(2);
  });

  test("balance with a key, a count, tags", async () => {
    api.on("GET /balance?name=db&policy=first&tags=blue%2Cgreen", db.node[0]);
    expect(await dister("balance", "db", "--policy", "first", "--tags", "blue,green")).toBe(0);
    io.out = "";
    api.on("GET /balance?name=db&policy=hash&key=a%20b", db.node[0]);
    expect(await dister("balance", "db", "--policy", "hash", "--key", "a b")).toBe(0);
    expect(io.out).toBe(`${JSON.stringify(db.node[0], null, 4)}\n`);
    api.on("GET /balance?name=db&count=2", db.node);
    expect(await dister("balance", "db", "--count", "2", "--json")).toBe(0);
    expect(JSON.parse(io.out.trimEnd().split("\n").at(-1)!)).toMatchObject({ data: db.node });
  });

  test.each([
    [["--policy", "hash"], "policy hash chooses by a key: give one with --key"],
    [["--policy", "hash", "--key", ""], "policy hash chooses by a key: give one with --key"],
    [["--key", "k"], "--key goes with --policy hash only, not with priority"],
    [["--policy", "first", "--key", "k"], "--key goes with --policy hash only, not with first"],
    [["--tags", "a"], "--tags goes with --policy first only, not with priority"],
    [["--policy", "first", "--tags", ","], "At least one is needed."],
    [["--watch"], "--watch goes with --explain: there is nothing else to watch"],
    [["--count", "0"], "A whole number from 1 to 100 is needed."],
    [["--count", "many"], "A whole number from 1 to 100 is needed."],
  ])("balance with %j is wrong usage, and nobody is asked", async (flags, message) => {
    expect(await dister("balance", "db", ...flags)).toBe(2);
    expect(io.err).toContain(message);
    expect(api.requests).toEqual([]);
  });

  test("balance --explain shows every node with its reason and how the draw went", async () => {
    const chosen = { ...db.node[0], host: "::1" };
    const explanation = {
      policy: "priority",
      chosen: [chosen],
      candidates: [
        {
          id: "six",
          host: "::1",
          port: "3306",
          weight: 100,
          effectiveWeight: 100,
          leftOut: null,
          chosen: 1,
          says: "took part",
        },
        {
          id: "b:3306",
          host: "b",
          port: "3306",
          weight: 9,
          effectiveWeight: 0,
          leftOut: "critical",
          chosen: null,
          says: "left out, critical",
        },
        {
          id: "instance-2",
          host: null,
          port: null,
          weight: 1,
          effectiveWeight: 0.123,
          leftOut: null,
          chosen: null,
          says: "took part",
        },
      ],
      totalWeight: 100.123,
      draws: ["Candidate \u001b[2Jx was chosen."],
    };
    api.on("GET /balance?name=db&explain=1", explanation);
    expect(await dister("balance", "db", "--explain")).toBe(0);
    expect(io.out.split("\n")).toEqual([
      "ID          NODE        WEIGHT  EFFECTIVE  BY priority",
      "six         [::1]:3306     100        100  took part",
      "b:3306      b:3306           9          0  left out, critical",
      "instance-2  -                1       0.12  took part",
      "",
      "Candidate \\u001b[2Jx was chosen.",
      "",
    ]);
    expect(await dister("--json", "balance", "db", "--explain")).toBe(0);
    expect(JSON.parse(io.out.trimEnd().split("\n").at(-1)!)).toEqual({ result: 1, message: "ok", data: explanation });
  });

  test("balance --explain that finds nobody ends with 1", async () => {
    const nobody = { policy: "first", chosen: [], candidates: [], totalWeight: 0, draws: ["Nobody was chosen."] };
    api.on("GET /balance?name=db&policy=first&count=2&explain=1", nobody);
    expect(await dister("balance", "db", "--policy", "first", "--count", "2", "--explain")).toBe(1);
    expect(io.out).toContain("Nobody was chosen.");
  });
});

describe("addservice and delservice", () => {
  test("addservice sends the file's service", async () => {
    const file = join(folder, "service.json");
    const service = { name: "db", type: "tcp", node: [{ host: "127.0.0.1", port: 3306 }] };
    await writeFile(file, `\uFEFF${JSON.stringify(service)}`);
    api.on("POST /service", { logid: 10_001, changed: 1 });
    expect(await dister("addservice", file)).toBe(0);
    expect(io.out).toBe("ok\n");
    expect(api.requests[0]!.body).toEqual([service]);
  });

  test("without a path it asks for one, as wrong usage", async () => {
    expect(await dister("addservice")).toBe(2);
    expect([io.out, io.err]).toEqual(["", "please specify the service config file path\n"]);
  });

  test("a file that does not exist is said to be missing", async () => {
    expect(await dister("addservice", join(folder, "none.json"))).toBe(1);
    expect(io.err).toBe("service config file does not exist\n");
  });

  test("a file that is not JSON, or holds no service, is named", async () => {
    const file = join(folder, "bad.json");
    for (const text of ["{ // comment\n}", "17"]) {
      await writeFile(file, text);
      expect(await dister("addservice", file)).toBe(1);
      expect(io.err).toContain(`ERROR: the service config file ${file} cannot be used: `);
    }
    expect(await dister("addservice", folder)).toBe(1);
    expect(api.requests).toEqual([]);
  });

  test("a password in a file that is not JSON is not shown (X11)", async () => {
    const file = join(folder, "bad.json");
    await writeFile(file, '{"name":"db",\n"node":[{"pass": hunter2}]}');
    expect(await dister("addservice", file)).toBe(1);
    expect(io.err).toBe(`ERROR: the service config file ${file} cannot be used: it is not JSON: line 2, column 18\n`);
  });

  test("delservice sends a list", async () => {
    api.on("DELETE /service", { logid: 10_001, changed: 2 });
    expect(await dister("delservice", "db,web")).toBe(0);
    expect(api.requests[0]!.body).toEqual(["db", "web"]);
  });
});

describe("help", () => {
  test.each(["help", "?", "--help"])("%s lists every command of the original", async (word) => {
    expect(await dister(word)).toBe(0);
    const names =
      "nodes addnode delnode kvs getkv addkv delkv services getservice addservice delservice balance help|?";
    for (const name of names.split(" ")) {
      expect(io.out).toMatch(new RegExp(`^  ${name.replace(/[|?]/g, "\\$&")}( |$)`, "m"));
    }
  });

  test("help of a command shows its arguments; of an unknown one it is wrong usage", async () => {
    expect(await dister("?", "kv", "set")).toBe(0);
    expect(io.out).toContain("Usage: dister kv set [options] <key> <value>");
    expect(await dister("help", "kv", "put")).toBe(2);
    expect(io.err).toContain("ERROR: unknown command 'kv put'");
  });
});
