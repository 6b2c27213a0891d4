import { LIMITS } from "@dister/types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryCluster, type Reply, request, type TestNode } from "./memory-cluster.ts";

interface Written {
  readonly logid: number;
  readonly changed: number;
}
interface Page {
  readonly items: { readonly key: string; readonly value: string; readonly version?: number }[];
  readonly next: string | null;
}

let cluster: MemoryCluster;
let nodes: TestNode[];
let leader: TestNode;
let follower: TestNode;

beforeAll(async () => {
  cluster = new MemoryCluster();
  nodes = await cluster.found(3);
  leader = cluster.leader!;
  follower = nodes.find((node) => node !== leader)!;
});
afterAll(() => cluster.close());

const set = (node: TestNode, pairs: object, headers = {}): Promise<Reply<Written>> =>
  request<Written>(node, "POST", "/kv", pairs, headers);
const get = <T = unknown>(node: TestNode, query: string): Promise<Reply<T>> => request<T>(node, "GET", `/kv${query}`);

describe("POST /kv and GET /kv?k=", () => {
  it("sets every pair in one log entry and gives the value back on every node", async () => {
    const written = await set(follower, { "a/1": "one", "a/2": "two" });
    expect(written.body).toEqual({
      result: 1,
      message: "ok",
      data: { logid: expect.any(Number), changed: 2 },
    });
    for (const node of nodes) {
      const read = await get(node, "?k=a/1");
      expect([read.status, read.body]).toEqual([200, { result: 1, message: "ok", data: "one" }]);
    }
    const metas = await Promise.all(["a/1", "a/2"].map((k) => get(leader, `?k=${k}&meta=1`)));
    const index = Math.floor(written.body.data.logid / 10_000);
    for (const { body } of metas)
      expect(body.data).toMatchObject({ createIndex: index, modifyIndex: index, version: 1 });
  });

  it("is the same with PUT", async () => {
    expect((await request(follower, "PUT", "/kv", { put: "1" })).status).toBe(200);
    expect((await get(leader, "?k=put")).body.data).toBe("1");
  });

  it("counts versions and keeps the index of the making", async () => {
    await set(leader, { counted: "1" });
    const first = await get<{ createIndex: number }>(leader, "?k=counted&meta=1");
    await set(follower, { counted: "2" });
    const second = await get<{ createIndex: number; modifyIndex: number }>(leader, "?k=counted&meta=1");
    expect(second.body.data).toMatchObject({
      key: "counted",
      value: "2",
      createIndex: first.body.data.createIndex,
      version: 2,
    });
    expect(second.body.data.modifyIndex).toBeGreaterThan(first.body.data.createIndex);
  });

  it("answers 404 'data not found' for a key that is not there", async () => {
    const { status, body } = await get(follower, "?k=nothing");
    expect([status, body]).toEqual([
      404,
      { result: 0, message: "data not found", data: null, code: "DISTER_ERR_KEY_NOT_FOUND" },
    ]);
  });

  it.each([
    ["an empty value", "e", ""],
    ["a key of many alphabets", "ключ/鍵/🔑", 'värde \u2028 \n " \\ 🗝'],
    ["a key of the largest size", "k".repeat(LIMITS.keyBytesMax), "v"],
    ["a value of the largest size", "large", "v".repeat(LIMITS.valueBytesMax)],
  ])("keeps %s as it is", async (_name, key, value) => {
    expect((await set(follower, { [key]: value })).status).toBe(200);
    expect((await get(leader, `?k=${encodeURIComponent(key)}`)).body.data).toBe(value);
  });

  it("writes all or nothing: one bad value leaves the others unwritten and is named", async () => {
    const { status, body } = await set(leader, { good: "1", bad: 2 });
    expect([status, body.code, body.message]).toEqual([
      400,
      "DISTER_ERR_INVALID",
      "value of bad: got 2, allowed is string",
    ]);
    expect((await get(leader, "?k=good")).status).toBe(404);
  });

  it.each([
    ["no pair", {}, /^body: got 0 pairs, allowed is 1 to 10000 pairs$/],
    ["too many pairs", Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`k${i}`, ""])), /10001 pairs/],
    ["an empty key", { "": "v" }, /^key: got ""/],
    ["a key above the limit", { ["é".repeat(LIMITS.keyBytesMax / 2 + 1)]: "v" }, /^key: got .* 1 to 1024 bytes/],
    ["a value above the limit", { k: "v".repeat(LIMITS.valueBytesMax + 1) }, /^value of k: got .* 1048576 bytes/],
  ])("refuses %s", async (_name, pairs, message) => {
    const { status, body } = await set(follower, pairs);
    expect([status, body.result, body.code]).toEqual([400, 0, "DISTER_ERR_INVALID"]);
    expect(body.message).toMatch(message);
    expect(body.message.length).toBeLessThan(400);
  });
});

describe("DELETE /kv", () => {
  it("removes every key that is there and says how many", async () => {
    await set(leader, { d1: "1", d2: "2" });
    const { body } = await request<Written>(follower, "DELETE", "/kv", ["d1", "d2", "never"]);
    expect(body.data.changed).toBe(2);
    for (const key of ["d1", "d2"]) expect((await get(leader, `?k=${key}`)).status).toBe(404);
  });

  it.each([
    ["nothing", undefined],
    ["no list", { d1: "1" }],
    ["an empty list", []],
    ["a number", [1]],
    ["an empty key", [""]],
  ])("refuses %s", async (_name, keys) => {
    const { status, body } = await request(leader, "DELETE", "/kv", keys);
    expect([status, body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
  });
});

describe("GET /kv by pages", () => {
  const keys = Array.from({ length: 25 }, (_, i) => `page/${String(i).padStart(2, "0")}`);
  beforeAll(() => set(leader, Object.fromEntries(keys.map((key) => [key, key.slice(-2)]))));

  it("gives every key of a prefix once, in order, and null behind the last page", async () => {
    const seen: string[] = [];
    let after = "";
    for (let pages = 1; ; pages++) {
      const { body } = await get<Page>(follower, `?prefix=page/&limit=10&after=${encodeURIComponent(after)}`);
      seen.push(...body.data.items.map(({ key }) => key));
      if (body.data.next === null) {
        expect(pages).toBe(3);
        break;
      }
      expect(body.data.next).toBe(body.data.items.at(-1)!.key);
      after = body.data.next;
    }
    expect(seen).toEqual(keys);
  });

  it("has no next page when the last one is exactly full", async () => {
    const { body } = await get<Page>(follower, "?prefix=page/&limit=25");
    expect([body.data.items.length, body.data.next]).toEqual([25, null]);
  });

  it("shows indexes and versions only when asked", async () => {
    const plain = await get<Page>(leader, "?prefix=page/&limit=1");
    expect(plain.body.data.items).toEqual([{ key: "page/00", value: "00" }]);
    const meta = await get<Page>(leader, "?prefix=page/&limit=1&meta=1");
    expect(meta.body.data.items[0]).toMatchObject({ key: "page/00", value: "00", version: 1 });
    expect(Object.keys(meta.body.data.items[0]!).sort()).toEqual([
      "createIndex",
      "key",
      "modifyIndex",
      "value",
      "version",
    ]);
  });

  it("is empty for a prefix that nothing has", async () => {
    expect((await get<Page>(leader, "?prefix=zzz/")).body.data).toEqual({ items: [], next: null });
  });

  it.each([
    "limit=abc",
    "limit=0",
    "limit=-1",
    "limit=1001",
    "limit=1e2",
    "limit=0x10",
    "limit=",
    "limit=%201",
    "limit=1&limit=2",
    "meta=2",
    "consistency=strong",
    "unknown=1",
    "k=a&k=b",
    "__proto__=1",
  ])("refuses the query %s and names the parameter", async (query) => {
    const { status, body } = await get(leader, `?${query}`);
    expect([status, body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
    expect(body.message.startsWith(query.split("=")[0]!)).toBe(true);
  });
});

describe("what a read answers with", () => {
  it("has applied all that was acknowledged anywhere before it (Q1, Q3)", async () => {
    for (let round = 0; round < 20; round++) {
      await set(nodes[round % 3]!, { fresh: String(round) });
      const reads = await Promise.all(nodes.map((node) => get(node, "?k=fresh")));
      expect(reads.map(({ body }) => body.data)).toEqual([String(round), String(round), String(round)]);
    }
  });

  it("shows a client its own write on its own node even with consistency=local", async () => {
    for (let round = 0; round < 20; round++) {
      const node = nodes[round % 3]!;
      const written = await set(node, { own: String(round) });
      const read = await get(node, "?k=own&consistency=local");
      expect(read.body.data).toBe(String(round));
      expect(Number(read.headers.get("x-dister-logid"))).toBeGreaterThanOrEqual(written.body.data.logid);
    }
  });

  it("says up to which log id it is", async () => {
    const written = await set(leader, { marked: "1" });
    const read = await get(follower, "?k=marked");
    expect(Number(read.headers.get("x-dister-logid"))).toBeGreaterThanOrEqual(written.body.data.logid);
  });
});

describe("a request id", () => {
  it("repeated on another node is applied once and answered with the same log id (C3)", async () => {
    const first = await set(leader, { once: "first" }, { "x-request-id": "order-1" });
    await set(leader, { once: "second" });
    const again = await set(follower, { once: "first" }, { "x-request-id": "order-1" });
    expect(again.body).toEqual(first.body);
    expect((await get(follower, "?k=once")).body.data).toBe("second");
  });

  it("sent to all nodes at once is applied once (C3)", async () => {
    const replies = await Promise.all(nodes.map((node) => set(node, { race: "1" }, { "x-request-id": "race-1" })));
    expect(new Set(replies.map(({ body }) => body.data.logid)).size).toBe(1);
    expect((await get(leader, "?k=race&meta=1")).body.data).toMatchObject({ version: 1 });
  });

  it("guards a removal as well", async () => {
    await set(leader, { gone: "1" });
    const headers = { "x-request-id": "remove-1" };
    const first = await request<Written>(follower, "DELETE", "/kv", ["gone"], headers);
    await set(leader, { gone: "2" });
    expect((await request<Written>(leader, "DELETE", "/kv", ["gone"], headers)).body).toEqual(first.body);
    expect((await get(leader, "?k=gone")).body.data).toBe("2");
  });

  it.each(["", "a b", "x".repeat(129), "\u00e9"])("of the form %j is refused", async (id) => {
    const { status, body } = await set(leader, { k: "v" }, { "x-request-id": id });
    expect([status, body.code]).toEqual([400, "DISTER_ERR_INVALID"]);
    expect(body.message).toMatch(/^x-request-id: /);
  });
});

describe("GET /kv without anything", () => {
  it("gives all pairs as one object, and refuses above 1,000 keys", async () => {
    const alone = new MemoryCluster();
    try {
      const node = (await alone.found(1))[0]!;
      const fill = (from: number, to: number): object =>
        Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`n${from + i}`, String(from + i)]));
      await set(node, fill(0, 1_000));
      const all = await get<Record<string, string>>(node, "");
      expect(all.body.data).toEqual(fill(0, 1_000));
      await set(node, fill(1_000, 1_001));
      const { status, body } = await get(node, "");
      expect([status, body]).toEqual([
        400,
        {
          result: 0,
          message: "too large data size, need a key, a prefix or a page to search",
          data: null,
          code: "DISTER_ERR_TOO_MANY_KEYS",
        },
      ]);
      expect((await get(node, "?k=n1000")).body.data).toBe("1000");
      expect((await get<Page>(node, "?limit=2")).body.data.items).toHaveLength(2);
    } finally {
      await alone.close();
    }
  });
});

describe("keys with a meaning in JavaScript (X4)", () => {
  it.each(["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__"])(
    "%s is stored and returned as plain data",
    async (key) => {
      const body = `{${JSON.stringify(key)}:"plain"}`;
      expect((await request(follower, "POST", "/kv", body)).status).toBe(200);
      expect((await get(leader, `?k=${key}`)).body.data).toBe("plain");
      const page = await get<Page>(leader, `?prefix=${key}`);
      expect(page.body.data.items).toEqual([{ key, value: "plain" }]);
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    },
  );

  it("comes back in the object of all pairs as well", async () => {
    const alone = new MemoryCluster();
    try {
      const node = (await alone.found(1))[0]!;
      await request(node, "POST", "/kv", '{"__proto__":"p","constructor":"c"}');
      const text = await (await fetch(`${node.url}/kv`)).text();
      expect(text).toContain('"__proto__":"p"');
      expect(text).toContain('"constructor":"c"');
      expect((await request(node, "DELETE", "/kv", ["__proto__"])).body.data).toMatchObject({ changed: 1 });
    } finally {
      await alone.close();
    }
  });
});
