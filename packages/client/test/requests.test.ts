import { isDisterError, LIMITS } from "@dister/types";
import { describe, expect, test } from "vitest";
import { createClient } from "../src/index.ts";
import { type Answer, fakeNode } from "./fake-node.ts";

const write = { logid: 120_345, changed: 1 };

async function scene(...answers: Answer[]) {
  const node = await fakeNode(...answers);
  return { node, client: createClient({ urls: node.url, retries: 0 }) };
}

describe("kv", () => {
  test("get asks for the key and returns the value", async () => {
    const { node, client } = await scene({ data: "1" });
    expect(await client.kv.get("a")).toBe("1");
    expect(await client.kv.get("a", { consistency: "local" })).toBe("1");
    expect(node.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /kv?k=a",
      "GET /kv?k=a&consistency=local",
    ]);
    expect(node.seen[0]!.headers["x-request-id"]).toBeUndefined();
  });

  test("an empty value is a value, a key that does not exist is undefined", async () => {
    const missing = { code: "DISTER_ERR_KEY_NOT_FOUND", message: "data not found", status: 404 };
    const { client } = await scene({ data: "" }, missing);
    expect(await client.kv.get("a")).toBe("");
    expect(await client.kv.get("a")).toBeUndefined();
  });

  test.each(["__proto__", "constructor", "a b+c", "a/b?c=d&e#f%41", "ключ 🔑", '\n\t"\\', "1"])(
    "the key %j survives both ways",
    async (key) => {
      const { node, client } = await scene({ data: "v" }, { data: write }, { data: write }, { data: write });
      await client.kv.get(key);
      await client.kv.set(key, "v");
      await client.kv.set(new Map([[key, "v"]]));
      await client.kv.delete(key);
      const [get, set, setMap, remove] = node.seen;
      expect(get!.query["k"]).toBe(key);
      for (const { body } of [set!, setMap!]) expect(Object.entries(JSON.parse(body))).toEqual([[key, "v"]]);
      expect(JSON.parse(remove!.body)).toEqual([key]);

      const object = JSON.parse(`{${JSON.stringify(key)}:"v"}`) as Record<string, string>;
      const { client: reader } = await scene({
        raw: `{"result":1,"message":"ok","data":${JSON.stringify(object)}}`,
        status: 200,
      });
      const all = await reader.kv.all();
      expect([...all]).toEqual([[key, "v"]]);
      expect(Object.getPrototypeOf(all)).toBe(Map.prototype);
      await client.kv.set(object);
      expect(node.seen.at(-1)!.body).toBe(JSON.stringify(object));
    },
  );

  test("all asks without anything and returns a map", async () => {
    const { node, client } = await scene({ data: { b: "2", a: "1" } });
    expect(await client.kv.all()).toEqual(
      new Map([
        ["a", "1"],
        ["b", "2"],
      ]),
    );
    expect(node.seen[0]!.url).toBe("/kv");
  });

  test("getMany asks for a page, with a limit in any case, and returns its items and where to go on", async () => {
    const items = [{ key: "a/1", value: "1", createIndex: 3, modifyIndex: 4, version: 2 }];
    const { node, client } = await scene({ data: { items, next: "a/1" } });
    expect(await client.kv.getMany()).toEqual({ items, next: "a/1" });
    expect(node.seen[0]!.query).toEqual({ limit: String(LIMITS.pageKeysMax) });
    const page = await client.kv.getMany({ prefix: "a/", limit: 1, after: "a/0", meta: true, consistency: "local" });
    expect(page.items[0]!.version).toBe(2);
    expect(node.seen[1]!.query).toEqual({ prefix: "a/", limit: "1", after: "a/0", meta: "1", consistency: "local" });
  });

  test("set sends all pairs as one object of JSON, under a request id, and says what came of it", async () => {
    const { node, client } = await scene({ data: write });
    expect(await client.kv.set({ a: "1", b: "2" })).toEqual(write);
    const { method, url, body, headers } = node.seen[0]!;
    expect([method, url, body]).toEqual(["POST", "/kv", '{"a":"1","b":"2"}']);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    await client.kv.set("a", "1");
    expect(node.seen[1]!.headers["x-request-id"]).not.toBe(headers["x-request-id"]);
  });

  test("delete takes keys one by one or as a list with options", async () => {
    const { node, client } = await scene({ data: write });
    await client.kv.delete("a", "b");
    await client.kv.delete(["c"], { requestId: "mine" });
    expect(node.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["DELETE", "/kv", '["a","b"]'],
      ["DELETE", "/kv", '["c"]'],
    ]);
    expect(node.seen[1]!.headers["x-request-id"]).toBe("mine");
  });

  test("what cannot be a key or a value is refused before anything is sent", async () => {
    const { node, client } = await scene({ data: write });
    const wrong = [
      client.kv.get(""),
      client.kv.get("\ud800"),
      client.kv.getMany({ prefix: "\udc00" }),
      client.kv.set("", "v"),
      client.kv.set("k", JSON.parse("[]")[0] as string),
      client.kv.set(JSON.parse('{"k":1}') as Record<string, string>),
      client.kv.delete("ok", ""),
      client.kv.set("k", "v", { requestId: "two words" }),
      client.kv.set("k", "v", { requestId: "x".repeat(129) }),
      client.kv.get("k", { timeoutMs: 0 }),
      client.services.get(""),
      client.balance(""),
    ];
    const results = await Promise.allSettled(wrong);
    for (const result of results) {
      expect(result.status === "rejected" && isDisterError(result.reason, "DISTER_ERR_INVALID")).toBe(true);
    }
    expect(node.seen).toHaveLength(0);
  });
});

describe("services", () => {
  const service = { name: "db", type: "tcp", node: [{ host: "h", port: "1", status: 1 }] };

  test("list returns the services, also one whose name is a trap", async () => {
    const raw = `{"result":1,"message":"ok","data":{"db":${JSON.stringify(service)},"__proto__":{"name":"__proto__"}}}`;
    const { node, client } = await scene({ raw, status: 200 });
    expect((await client.services.list()).map(({ name }) => name)).toEqual(["db", "__proto__"]);
    expect(node.seen[0]!.url).toBe("/service");
  });

  test("get returns one service, undefined when there is none", async () => {
    const missing = { code: "DISTER_ERR_SERVICE_NOT_FOUND", status: 404 };
    const { node, client } = await scene({ data: service }, missing);
    expect(await client.services.get("db", { consistency: "linearizable" })).toEqual(service);
    expect(await client.services.get("db")).toBeUndefined();
    expect(node.seen[0]!.query).toEqual({ name: "db", consistency: "linearizable" });
  });

  test("register and remove send lists, also for one", async () => {
    const { node, client } = await scene({ data: write });
    const definition = { name: "web", type: "web", node: [{ url: "http://h/", priority: 5 }] } as const;
    await client.services.register(definition);
    await client.services.register([definition, definition]);
    await client.services.remove("web");
    expect(node.seen.map(({ method, url, body }) => [method, url, JSON.parse(body)])).toEqual([
      ["POST", "/service", [definition]],
      ["POST", "/service", [definition, definition]],
      ["DELETE", "/service", ["web"]],
    ]);
    for (const { headers } of node.seen) expect(headers["x-request-id"]).toBeDefined();
  });

  test("balance asks for several nodes, by a key, and for the reasons", async () => {
    const explanation = { policy: "hash", chosen: [], candidates: [], totalWeight: 0, draws: ["Nobody was chosen."] };
    const { node, client } = await scene({ data: [service.node[0]] }, { data: explanation });
    expect(await client.balanceMany("db", 2, { policy: "hash", key: "a b&c" })).toEqual([service.node[0]]);
    expect(await client.explainBalance("db", { policy: "hash", key: "k", count: 3 })).toEqual(explanation);
    expect(node.seen.map(({ url }) => url)).toEqual([
      "/balance?name=db&policy=hash&key=a%20b%26c&count=2",
      "/balance?name=db&policy=hash&key=k&count=3&explain=1",
    ]);
  });

  test("balance asks for one node by the policy", async () => {
    const { node, client } = await scene({ data: service.node[0] });
    expect(await client.balance("db")).toEqual(service.node[0]);
    await client.balance("db", { policy: "round-robin" });
    expect(node.seen.map(({ url }) => url)).toEqual(["/balance?name=db", "/balance?name=db&policy=round-robin"]);
  });
});

describe("nodes and the cluster", () => {
  test("list, add and remove", async () => {
    const { node, client } = await scene({ data: [{ id: "A" }] }, { data: null });
    expect(await client.nodes.list()).toEqual([{ id: "A" }]);
    await client.nodes.add("h:1");
    await client.nodes.remove(["x", "y"]);
    expect(node.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", "/node", ""],
      ["POST", "/node", '["h:1"]'],
      ["DELETE", "/node", '["x","y"]'],
    ]);
  });

  test("status and handing over", async () => {
    const { node, client } = await scene({ data: { keys: 3 } }, { data: { to: "B" } });
    expect(await client.status()).toEqual({ keys: 3 });
    expect(await client.transferLeadership()).toBe("B");
    expect(await client.transferLeadership("C")).toBe("B");
    expect(node.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", "/cluster/status", ""],
      ["POST", "/cluster/transfer", "{}"],
      ["POST", "/cluster/transfer", '{"to":"C"}'],
    ]);
  });

  test("health tells of a node that is not ready as of one that is, without asking twice", async () => {
    const ready = { live: true, ready: true, leader: "A", reason: null };
    const waiting = { live: true, ready: false, leader: null, reason: "no leader" };
    const node = await fakeNode({ data: ready }, { code: "DISTER_ERR_NO_LEADER", data: waiting });
    const client = createClient({ urls: node.url });
    expect(await client.health()).toEqual(ready);
    expect(await client.health()).toEqual(waiting);
    expect(node.seen.map(({ url }) => url)).toEqual(["/health", "/health"]);
  });

  test("an address with a path is kept, its last slash is not doubled", async () => {
    const node = await fakeNode({ data: "v" });
    await createClient({ urls: `${node.url}/dister/` }).kv.get("a");
    expect(node.seen[0]!.url).toBe("/dister/kv?k=a");
  });
});

test.each([
  [{ urls: [] }, "urls:"],
  [{ urls: "127.0.0.1:4168" }, "urls.0"],
  [{ urls: ["http://ok", "ftp://x"] }, "urls.1"],
  [{ urls: "http://me:s3cret@h" }, "urls.0"],
  [{ urls: "http://h/?a=b" }, "urls.0"],
  [{ timeoutMs: Number.NaN }, "timeoutMs"],
  [{ timeoutMs: 2 ** 31 }, "timeoutMs"],
  [{ retries: -1 }, "retries"],
  [{ retries: 0.5 }, "retries"],
])("the options %j are refused by name and without repeating a password", (options, field) => {
  try {
    createClient(options);
    expect.unreachable();
  } catch (error) {
    expect(isDisterError(error, "DISTER_ERR_INVALID")).toBe(true);
    expect((error as Error).message).toContain(field);
    expect((error as Error).message).not.toContain("s3cret");
  }
});
