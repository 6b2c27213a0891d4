import { LIMITS } from "@dister/types";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MemoryCluster, request, type TestNode } from "./memory-cluster.ts";
import { exchange, exchangeAll, jsonOf, type RawReply } from "./raw-http.ts";

let cluster: MemoryCluster;
let node: TestNode;
beforeAll(async () => {
  cluster = new MemoryCluster();
  [node] = (await cluster.found(1)) as [TestNode];
});
afterAll(() => cluster.close());

afterEach(async () => {
  // Whatever came before: the node still writes and reads, and has not stopped itself.
  expect((await request(node, "POST", "/kv", { still: "here" })).status).toBe(200);
  expect((await request(node, "GET", "/kv?k=still")).body.data).toBe("here");
  expect(node.fatal).toEqual([]);
});

const HEAD = ["Host: localhost", "Content-Type: application/json"];

/** Sends a body as it is, with its length, and closes. */
function send(method: string, path: string, body: string | Buffer): Promise<RawReply> {
  const bytes = Buffer.from(body);
  const head = [`${method} ${path} HTTP/1.1`, ...HEAD, `Content-Length: ${bytes.length}`, "Connection: close", "", ""];
  return exchange(node.url, Buffer.concat([Buffer.from(head.join("\r\n")), bytes]));
}

/** A refusal of the API: its form, a fitting status, and nothing of the inside. */
function expectRefusal(reply: RawReply, status: number, code: string, message: RegExp = /./): void {
  const body = jsonOf(reply);
  expect([reply.status, body.code]).toEqual([status, code]);
  expect(body).toEqual({ result: 0, message: expect.stringMatching(message), data: null, code });
  expect(body.message).not.toMatch(/\bat .*[:/]\d+|node_modules|\.ts\b|Error:|undefined|\[object/);
  expect(body.message.length).toBeLessThan(600);
}

describe("the size of a request (X3)", () => {
  const allowed = LIMITS.httpBodyBytesMax;

  it("a body whose length is over the limit is refused before it is read, and the connection closes", async () => {
    const head = ["POST /kv HTTP/1.1", ...HEAD, `Content-Length: ${allowed + 1}`, "", '{"k":'];
    const reply = await exchange(node.url, head);
    expectRefusal(reply, 413, "DISTER_ERR_TOO_LARGE", /^body: 4194305 bytes, allowed are 4194304$/);
    expect(reply.headers["connection"]).toBe("close");
  });

  it("a body in chunks is refused as soon as it is over the limit", async () => {
    const chunk = Buffer.from(`10000\r\n${"x".repeat(0x10000)}\r\n`);
    const head = ["POST /kv HTTP/1.1", ...HEAD, "Transfer-Encoding: chunked", "", ""].join("\r\n");
    const reply = await exchange(
      node.url,
      Buffer.concat([Buffer.from(head), ...Array.from({ length: 70 }, () => chunk)]),
    );
    expectRefusal(reply, 413, "DISTER_ERR_TOO_LARGE", /^body: /);
  });

  it("a body of the largest size is judged by what is in it", async () => {
    const body = `{"k":"${"v".repeat(allowed - 8)}"}`;
    expect(body.length).toBe(allowed);
    expectRefusal(await send("POST", "/kv", body), 400, "DISTER_ERR_INVALID", /^value of k: /);
  });

  it("the largest write that is allowed goes through", async () => {
    const value = "v".repeat(LIMITS.valueBytesMax);
    expect((await request(node, "POST", "/kv", { a: value, b: value, c: value })).status).toBe(200);
    expect((await request(node, "DELETE", "/kv", ["a", "b", "c"])).status).toBe(200);
  });

  it.each([
    ["a header", ["GET /kv?k=a HTTP/1.1", "Host: localhost", `X-Large: ${"x".repeat(20_000)}`, "", ""]],
    ["an address", [`GET /kv?k=${"x".repeat(20_000)} HTTP/1.1`, "Host: localhost", "", ""]],
  ])("%s of 20,000 characters is refused", async (_name, lines) => {
    expectRefusal(await exchange(node.url, lines), 431, "DISTER_ERR_INVALID");
  });

  it("a key to read of 8,000 characters is only a key that is not there", async () => {
    expect((await request(node, "GET", `/kv?k=${"x".repeat(8_000)}`)).status).toBe(404);
  });
});

describe("the shape of a body (X3)", () => {
  const brackets = "[".repeat(100_000) + "]".repeat(100_000);
  const braces = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
  const calls: [string, string][] = [
    ["POST", "/kv"],
    ["PUT", "/kv"],
    ["DELETE", "/kv"],
    ["POST", "/service"],
    ["DELETE", "/service"],
    ["POST", "/node"],
    ["DELETE", "/node"],
    ["POST", "/cluster/transfer"],
  ];

  it.each(calls)("%s %s refuses every body that is not what it takes", async (method, path) => {
    const nested = [
      brackets,
      `[${braces}]`,
      `[${brackets}]`,
      `[{"name":${brackets}}]`,
      `{"k":${braces}}`,
      `{"to":${brackets}}`,
    ];
    const plain = [
      "5",
      '"text"',
      "true",
      "[[]]",
      "[null]",
      "[{}]",
      "[5]",
      '{"__proto__":{"to":"x"}}',
      '[{"__proto__":null}]',
    ];
    const broken = ["{", "nul", "{'k':'v'}", '{"k":"v"}x', "\ufeff{}", "", " ", "NaN", '{"k":1e999}'];
    for (const body of [...nested, ...plain, ...broken]) {
      const reply = await send(method, path, body);
      const { result, code, message } = jsonOf(reply);
      expect([body.slice(0, 30), reply.status, result]).toEqual([body.slice(0, 30), 400, 0]);
      expectRefusal(reply, 400, code!);
      expect(["DISTER_ERR_INVALID", "DISTER_ERR_BODY"], message).toContain(code);
    }
  });

  it.each(calls)("%s %s refuses a list of a million numbers", async (method, path) => {
    const reply = await send(method, path, `[${"1,".repeat(1_000_000)}1]`);
    expectRefusal(reply, 400, jsonOf(reply).code!);
  });

  it("a service of many bad nodes is refused without judging more of them than are allowed", async () => {
    const many = Array.from({ length: 200 }, (_, i) => ({
      name: `s${i}`,
      type: "tcp",
      node: Array.from({ length: 9_999 }, () => 1),
    }));
    expectRefusal(
      await send("POST", "/service", JSON.stringify(many)),
      400,
      "DISTER_ERR_INVALID",
      /10000 nodes in all/,
    );
  });

  it("a number, list or object as a value is refused by name", async () => {
    for (const value of ["1", "true", "null", "[]", "{}", "1e400"]) {
      expectRefusal(await send("POST", "/kv", `{"k":${value}}`), 400, "DISTER_ERR_INVALID", /^value of k: got /);
    }
  });

  it("a key that comes twice keeps its last value", async () => {
    expect((await send("POST", "/kv", '{"twice":"1","twice":"2"}')).status).toBe(200);
    expect((await request(node, "GET", "/kv?k=twice")).body.data).toBe("2");
  });
});

describe("text that not everything can carry (X3)", () => {
  it.each<[string, string | Buffer, string]>([
    ["NUL in a key", '{"a\\u0000b":"v"}', "DISTER_ERR_INVALID"],
    ["half a surrogate pair in a key", '{"a\\ud800":"v"}', "DISTER_ERR_INVALID"],
    ["half a surrogate pair in a value", '{"k":"\\udc00"}', "DISTER_ERR_INVALID"],
    [
      "bytes that are not UTF-8 in a value",
      Buffer.from([...Buffer.from('{"k":"'), 0xff, ...Buffer.from('"}')]),
      "DISTER_ERR_BODY",
    ],
    [
      "a character cut short",
      Buffer.from([...Buffer.from('{"k":"'), 0xf0, 0x9f, 0x98, ...Buffer.from('"}')]),
      "DISTER_ERR_BODY",
    ],
    [
      "a surrogate written in UTF-8",
      Buffer.from([...Buffer.from('{"k":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
      "DISTER_ERR_BODY",
    ],
    [
      "an overlong slash in a key",
      Buffer.from([...Buffer.from('{"'), 0xc0, 0xaf, ...Buffer.from('":"v"}')]),
      "DISTER_ERR_BODY",
    ],
    ["UTF-16", Buffer.from('{"k":"v"}', "utf16le"), "DISTER_ERR_INVALID|DISTER_ERR_BODY"],
    ["a control character in JSON", '{"k":"\u0001"}', "DISTER_ERR_BODY"],
  ])("%s is refused", async (_name, body, codes) => {
    const reply = await send("POST", "/kv", body);
    expect(codes.split("|")).toContain(jsonOf(reply).code);
    expectRefusal(reply, 400, jsonOf(reply).code!);
    expect((await request(node, "GET", "/kv?k=k")).status).toBe(404);
  });

  it("bytes that are not UTF-8 are refused in chunks as well, where no length gives them away", async () => {
    const body = Buffer.from([...Buffer.from('{"k":"'), 0xff, ...Buffer.from('"}')]);
    const head = ["POST /kv HTTP/1.1", ...HEAD, "Transfer-Encoding: chunked", "Connection: close", "", ""].join("\r\n");
    const chunked = Buffer.concat([
      Buffer.from(`${head}${body.length.toString(16)}\r\n`),
      body,
      Buffer.from("\r\n0\r\n\r\n"),
    ]);
    expectRefusal(await exchange(node.url, chunked), 400, "DISTER_ERR_BODY", /not UTF-8$/);
  });

  it("NUL in a value is text like any other", async () => {
    expect((await request(node, "POST", "/kv", { nul: "a\u0000b" })).status).toBe(200);
    expect((await request(node, "GET", "/kv?k=nul")).body.data).toBe("a\u0000b");
  });

  it.each(["k=%00", "k=%ff", "k=%ed%a0%80", "k=%", "k=%zz", "prefix=%00", "prefix=%ff&after=%ff"])(
    "a read with %s finds nothing and breaks nothing",
    async (query) => {
      const reply = await exchange(node.url, [
        `GET /kv?${query} HTTP/1.1`,
        "Host: localhost",
        "Connection: close",
        "",
        "",
      ]);
      expect([200, 400, 404]).toContain(reply.status);
      expect([0, 1]).toContain(jsonOf(reply).result);
    },
  );
});

describe("calls that do not exist (X3, X14)", () => {
  const raw = (line: string, ...headers: string[]): Promise<RawReply> =>
    exchange(node.url, [line, "Host: localhost", ...headers, "Connection: close", "", ""]);

  it.each([
    "GET /",
    "GET /nothing",
    "GET /kv/a",
    "POST /health",
    "DELETE /metrics",
    "PATCH /kv",
    "TRACE /kv",
    "OPTIONS /kv",
    "OPTIONS *",
    "GET //kv",
    "GET /KV",
    "GET /__proto__",
    "GET /constructor",
  ])("%s is 404 and says so", async (call) => {
    expectRefusal(await raw(`${call} HTTP/1.1`), 404, "DISTER_ERR_ROUTE", /^no such call: [A-Z]+ /);
  });

  it("a path that cannot be decoded is a refusal like any other", async () => {
    for (const path of ["/%", "/%zz", "/kv/%ff"]) {
      const reply = await raw(`GET ${path} HTTP/1.1`);
      expect([400, 404]).toContain(reply.status);
      expectRefusal(reply, reply.status, jsonOf(reply).code!);
    }
  });

  it("HEAD is GET without the body", async () => {
    await request(node, "POST", "/kv", { headed: "v" });
    const found = await raw("HEAD /kv?k=headed HTTP/1.1");
    expect([found.status, Number(found.headers["content-length"])]).toEqual([
      200,
      '{"result":1,"message":"ok","data":"v"}'.length,
    ]);
    const missing = await fetch(`${node.url}/kv?k=missing`, { method: "HEAD" });
    expect(missing.status).toBe(404);
  });

  it("a path with a slash at its end is the same call", async () => {
    expect((await raw("GET /health/ HTTP/1.1")).status).toBe(200);
  });

  it("a repeated parameter or an unknown one is refused where parameters are read", async () => {
    for (const path of ["/kv?k=a&k=b", "/kv?key=a", "/service?nme=a", "/balance?name=a&name=b"]) {
      expectRefusal(await raw(`GET ${path} HTTP/1.1`), 400, "DISTER_ERR_INVALID");
    }
  });
});

describe("requests that two readers could read in two ways (X14)", () => {
  it.each<[string, string]>([
    [
      "both lengths",
      "POST /kv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "two different lengths",
      "POST /kv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    ],
    ["a negative length", "POST /kv HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"],
    ["a length that is none", "POST /kv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x5\r\n\r\nhello"],
    [
      "a chunk length that is none",
      "POST /kv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ["a header without a colon", "GET /kv HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n"],
    ["a space before the colon", "GET /kv HTTP/1.1\r\nHost : localhost\r\n\r\n"],
    ["a header that goes on in the next line", "GET /kv HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n\r\n"],
    ["a bare line feed", "GET /kv HTTP/1.1\nHost: localhost\n\n"],
    ["a method that is none", "STEAL /kv HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a version that is none", "GET /kv HTTP/9.9\r\nHost: localhost\r\n\r\n"],
    ["a TLS hello", "\u0016\u0003\u0001\u0002\u0000\u0001"],
  ])("%s is refused and the connection closes", async (_name, text) => {
    const reply = await exchange(node.url, Buffer.from(text, "latin1"));
    expectRefusal(
      reply,
      400,
      "DISTER_ERR_INVALID",
      /^request: got bytes that are none, allowed is an HTTP\/1\.1 request$/,
    );
    expect(reply.headers["connection"]).toBe("close");
  });

  it("two requests on one connection are answered in their order, also when the first is refused", async () => {
    const body = '{"first":5}';
    const replies = await exchangeAll(node.url, [
      "POST /kv HTTP/1.1",
      ...HEAD,
      `Content-Length: ${body.length}`,
      "",
      `${body}GET /health/live HTTP/1.1`,
      "Host: localhost",
      "Connection: close",
      "",
      "",
    ]);
    expect(replies.map(({ status }) => status)).toEqual([400, 200]);
  });

  it("an expectation is met before the body is sent", async () => {
    const body = '{"expected":"1"}';
    const replies = await exchangeAll(node.url, [
      "POST /kv HTTP/1.1",
      ...HEAD,
      "Expect: 100-continue",
      `Content-Length: ${body.length}`,
      "Connection: close",
      "",
      body,
    ]);
    expect(replies.map(({ status }) => status)).toEqual([100, 200]);
  });

  it("HTTP/1.0 is answered", async () => {
    expect((await exchange(node.url, ["GET /health/live HTTP/1.0", "Host: localhost", "", ""])).status).toBe(200);
  });
});

describe("a client that leaves", () => {
  it("in the middle of a body leaves nothing behind", async () => {
    const { connect } = await import("node:net");
    const { port } = new URL(node.url);
    for (let client = 0; client < 20; client++) {
      const socket = connect(Number(port), "127.0.0.1");
      await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
      socket.write(["POST /kv HTTP/1.1", ...HEAD, "Content-Length: 100", "", '{"left":"'].join("\r\n"));
      socket.destroy();
    }
    expect((await request(node, "GET", "/kv?k=left")).status).toBe(404);
  });
});
