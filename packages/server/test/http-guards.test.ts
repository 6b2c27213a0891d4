import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryCluster, type TestNode } from "./memory-cluster.ts";
import { exchange, jsonOf, type RawReply } from "./raw-http.ts";

let cluster: MemoryCluster;
let node: TestNode;
beforeAll(async () => {
  cluster = new MemoryCluster();
  [node] = (await cluster.found(1)) as [TestNode];
});
afterAll(() => cluster.close());

const ask = (
  method: string,
  path: string,
  headers: string[],
  body = "",
  type = "application/json",
): Promise<RawReply> =>
  exchange(node.url, [
    `${method} ${path} HTTP/1.1`,
    ...headers,
    ...(body === "" ? [] : [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`]),
    "Connection: close",
    "",
    body,
  ]);

function expectForbidden(reply: RawReply, message: RegExp): void {
  expect(reply.status).toBe(403);
  expect(jsonOf(reply)).toEqual({
    result: 0,
    message: expect.stringMatching(message),
    data: null,
    code: "DISTER_ERR_FORBIDDEN",
  });
}

describe("the name by which the API is asked (X7)", () => {
  it.each([
    "localhost",
    "LOCALHOST:4168",
    "127.0.0.1",
    "127.0.0.1:80",
    "[::1]",
    "[::1]:4168",
    "10.1.2.3",
    "api.test",
    "API.test:1",
  ])("%s is answered", async (host) => {
    expect((await ask("GET", "/health", [`Host: ${host}`])).status).toBe(200);
  });

  it.each([
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "api.test.evil.example",
    "[::1]evil.example",
    "[evil]",
    "::1",
    "127.1.evil",
    "localhost.",
  ])("%s is refused, for reads as well: DNS can point any name here", async (host) => {
    for (const path of ["/health", "/kv?k=a", "/metrics", "/no/such/call"]) {
      expectForbidden(await ask("GET", path, [`Host: ${host}`]), /^refused: host .* is not in Api\.hosts$/);
    }
  });

  it("is needed", async () => {
    expectForbidden(await ask("GET", "/health", []), /^refused: host "" /);
  });

  it("is not taken from the form of the request line that names a host", async () => {
    const reply = await ask("GET", "http://localhost/health", ["Host: evil.example"]);
    expectForbidden(reply, /evil\.example/);
  });
});

describe("the web page that asks (X7)", () => {
  const host = "Host: localhost";

  it.each(["http://evil.example", "null", "http://console.test.evil.example", "https://console.test", "file://", ""])(
    "of origin %j may neither write nor read, and is told nothing that would let it",
    async (origin) => {
      const headers = [host, `Origin: ${origin}`];
      for (const reply of [
        await ask("POST", "/kv", headers, '{"page":"1"}'),
        await ask("DELETE", "/kv", headers, '["page"]'),
        await ask("GET", "/kv", headers),
        await ask("OPTIONS", "/kv", [...headers, "Access-Control-Request-Method: POST"]),
      ]) {
        expectForbidden(reply, /^refused: origin .* is not in Api\.origins$/);
        expect(Object.keys(reply.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
      expect(node.state.kv("page")).toBeUndefined();
    },
  );

  it("of an origin that was named may, and hears that it may", async () => {
    const headers = [host, "Origin: http://console.test"];
    const preflight = await ask("OPTIONS", "/kv", [
      ...headers,
      "Access-Control-Request-Method: POST",
      "Access-Control-Request-Headers: content-type",
    ]);
    expect([preflight.status, preflight.body]).toEqual([204, ""]);
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": "http://console.test",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
      "access-control-allow-headers": "content-type, x-request-id",
      vary: "origin",
    });
    const written = await ask("POST", "/kv", headers, '{"console":"1"}');
    expect([written.status, written.headers["access-control-allow-origin"]]).toEqual([200, "http://console.test"]);
    const read = await ask("GET", "/kv?k=nothing", headers);
    expect([read.status, read.headers["access-control-allow-origin"]]).toEqual([404, "http://console.test"]);
  });

  it("without an origin gets no permission of any kind: there is no wildcard", async () => {
    const reply = await ask("GET", "/health", [host]);
    expect(Object.keys(reply.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

describe("the kind of a body (X7)", () => {
  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "application/jsonp",
    "nonsense",
  ])("%s is refused: what a form can send without asking must not write", async (type) => {
    const body = '{"typed":"1"}';
    for (const [method, path] of [
      ["POST", "/kv"],
      ["PUT", "/kv"],
      ["POST", "/service"],
      ["POST", "/node"],
      ["POST", "/cluster/transfer"],
    ]) {
      const reply = await ask(`${method}`, `${path}`, ["Host: localhost"], body, type);
      expect(reply.status).toBe(400);
      expect(jsonOf(reply)).toMatchObject({ result: 0, code: "DISTER_ERR_INVALID" });
      expect(jsonOf(reply).message).toMatch(/^content-type: got .*, allowed is application\/json$/);
    }
    expect(node.state.kv("typed")).toBeUndefined();
  });

  it.each(["application/json", "application/json; charset=utf-8", "Application/JSON"])("%s is JSON", async (type) => {
    const body = '{"typed":"1"}';
    expect((await ask("POST", "/kv", ["Host: localhost"], body, type)).status).toBe(200);
  });
});

describe("a GET", () => {
  it("changes nothing, whatever body it carries (X7)", async () => {
    const { lastIndex } = node.node.status!;
    for (const path of ["/kv", "/service", "/node", "/cluster/status", "/balance?name=x"]) {
      await ask("GET", path, ["Host: localhost"], '{"k":"v"}');
    }
    expect(node.node.status!.lastIndex).toBe(lastIndex);
  });
});
