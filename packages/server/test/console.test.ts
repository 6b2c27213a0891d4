import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeCommand } from "@dister/store";
import type { Logger } from "@dister/types";
import { systemClock, systemRng } from "@dister/types/system";
import { MemoryFileSystem, MemoryLogStore, MemoryNetwork, MemoryStateMachine, SeededRng } from "@dister/types/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterNode, IdentityFile, Self } from "../src/index.ts";
import { NO_NETWORK } from "./memory-cluster.ts";

const PAGE = "<!doctype html><title>page</title>";
const SECRET = "root:x:0:0";
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

/** A node of its own, with its real HTTP API; only the console differs between them. */
async function startNode(consoleFolder?: string): Promise<{ url: URL; warnings: string[]; stop(): Promise<void> }> {
  const warnings: string[] = [];
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message, fields) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    error: (message) => void warnings.push(message),
    child: () => logger,
  };
  const identity = IdentityFile.open({
    fileSystem: new MemoryFileSystem(),
    rng: systemRng,
    folder: "/dister.db",
    group: "test",
  });
  const ports = { raft: 10_001, repl: 20_001, api: 0 };
  const self = new Self({
    identity,
    name: "node1",
    ip: "127.0.0.1",
    role: 0,
    version: "0.0.0",
    ports,
    stateVersion: 1,
    rng: systemRng,
  });
  const network = new MemoryNetwork({ clock: systemClock, rng: new SeededRng(7) }, { reconnectMs: 10 });
  const peer = network.join(() => self.info());
  const parts = { log: new MemoryLogStore(), state: new MemoryStateMachine(decodeCommand) };
  const node = new ClusterNode(
    {
      identity,
      self,
      ...parts,
      transport: peer,
      rpc: peer,
      network: NO_NETWORK,
      clock: systemClock,
      rng: systemRng,
      logger,
    },
    {
      minNode: 2,
      peers: [],
      api: {
        host: "127.0.0.1",
        port: 0,
        hosts: ["api.test"],
        origins: ["http://console.test"],
        ...(consoleFolder === undefined ? {} : { consoleFolder }),
      },
      onFatal: (error) => warnings.push(String(error)),
    },
  );
  const url = new URL(await node.start());
  return { url, warnings, stop: () => node.stop(0).then(() => peer.close()) };
}

interface RawReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends bytes exactly as they are written, which no client library does with paths like these. */
function exchange(url: URL, text: string): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => socket.write(text, "latin1"));
    let got = "";
    socket.setEncoding("latin1");
    socket.on("data", (piece) => {
      got += piece;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const end = got.indexOf("\r\n\r\n");
      const [first = "", ...fields] = got.slice(0, end).split("\r\n");
      const headers = fields.map((field) => {
        const colon = field.indexOf(":");
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
      });
      resolve({ status: Number(first.split(" ")[1]), headers: new Map(headers), body: got.slice(end + 4) });
    });
  });
}

function raw(url: URL, target: string, head: readonly string[] = [], method = "GET"): Promise<RawReply> {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${url.host}`, "Connection: close", ...head, "", ""];
  return exchange(url, lines.join("\r\n"));
}

/** A write as a browser sends it; returns the reply. */
async function write(url: URL, { host = url.host, origin }: { host?: string; origin: string }): Promise<unknown> {
  const body = '{"a":"b"}';
  const lines = [
    "POST /kv HTTP/1.1",
    `Host: ${host}`,
    `Origin: ${origin}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  ];
  const reply = await exchange(url, `${lines.join("\r\n")}\r\n\r\n${body}`);
  return JSON.parse(reply.body) as unknown;
}

const outside = mkdtempSync(join(tmpdir(), "dister-console-"));
const root = join(outside, "page");
let node: Awaited<ReturnType<typeof startNode>>;

beforeAll(async () => {
  mkdirSync(join(root, "inner"), { recursive: true });
  writeFileSync(join(outside, "secret.html"), SECRET);
  writeFileSync(join(root, "index.html"), PAGE);
  writeFileSync(join(root, "main.js"), "export {};");
  writeFileSync(join(root, "page.css"), "body{}");
  writeFileSync(join(root, "icon.svg"), "<svg/>");
  writeFileSync(join(root, "main.js.map"), SECRET);
  writeFileSync(join(root, "notes.txt"), SECRET);
  writeFileSync(join(root, "plain"), SECRET);
  writeFileSync(join(root, ".hidden.html"), SECRET);
  writeFileSync(join(root, "inner", "deep.html"), SECRET);
  writeFileSync(join(root, "large.js"), Buffer.alloc(1024 * 1024 + 1, SECRET));
  mkdirSync(join(root, "folder.html"));
  symlinkSync(join(outside, "secret.html"), join(root, "link.html"));
  symlinkSync("index.html", join(root, "inside.html"));
  symlinkSync(outside, join(root, "up"));
  node = await startNode(root);
});
afterAll(async () => {
  await node.stop();
  rmSync(outside, { recursive: true });
});

describe("the console", () => {
  test.each([
    ["/ui/", "text/html; charset=utf-8", PAGE],
    ["/ui/?x=1", "text/html; charset=utf-8", PAGE],
    ["/ui/index.html", "text/html; charset=utf-8", PAGE],
    ["/ui/main.js", "text/javascript; charset=utf-8", "export {};"],
    ["/ui/page.css", "text/css; charset=utf-8", "body{}"],
    ["/ui/icon.svg", "image/svg+xml", "<svg/>"],
  ])("is served: %s", async (target, contentType, body) => {
    const reply = await raw(node.url, target);
    expect([reply.status, reply.headers.get("content-type"), reply.body]).toEqual([200, contentType, body]);
  });

  test("carries headers that keep everything foreign out of the page", async () => {
    for (const target of ["/ui", "/ui/", "/ui/main.js", "/ui/none.js"]) {
      const { headers } = await raw(node.url, target);
      expect(headers.get("content-security-policy"), target).toBe(CSP);
      expect(headers.get("x-content-type-options"), target).toBe("nosniff");
      expect(headers.get("referrer-policy"), target).toBe("no-referrer");
      expect(headers.get("cache-control"), target).toBe("no-cache");
    }
  });

  test("is found without the slash at the end, because its own addresses are relative", async () => {
    const reply = await raw(node.url, "/ui?x=1");
    expect([reply.status, reply.headers.get("location")]).toEqual([302, "/ui/"]);
  });

  test("is not sent again while it has not changed", async () => {
    const etag = (await raw(node.url, "/ui/main.js")).headers.get("etag")!;
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const reply = await raw(node.url, "/ui/main.js", [`If-None-Match: ${known}`]);
      expect([reply.status, reply.headers.get("etag"), reply.body], known).toEqual([304, etag, ""]);
    }
    expect((await raw(node.url, "/ui/main.js", ['If-None-Match: "other"'])).status).toBe(200);
    expect((await raw(node.url, "/ui/page.css")).headers.get("etag")).not.toBe(etag);
  });

  test("answers HEAD with the same headers and no body", async () => {
    const reply = await raw(node.url, "/ui/", [], "HEAD");
    expect([reply.status, reply.headers.get("content-length"), reply.body]).toEqual([200, String(PAGE.length), ""]);
  });

  test("cannot be written to", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const head = ["Content-Type: application/json", "Content-Length: 0"];
      expect((await raw(node.url, "/ui/index.html", head, method)).status, method).toBeGreaterThanOrEqual(400);
    }
    expect((await raw(node.url, "/ui/index.html")).body).toBe(PAGE);
  });

  test("stays as it was read at the start", async () => {
    writeFileSync(join(root, "late.html"), SECRET);
    expect((await raw(node.url, "/ui/late.html")).status).toBe(404);
  });
});

describe("X8: nothing but the page's own files is served", () => {
  test.each([
    ["a parent folder", "/ui/../secret.html"],
    ["a parent folder from a folder within", "/ui/inner/../../secret.html"],
    ["the page itself by a detour", "/ui/inner/../index.html"],
    ["a dot for the same folder", "/ui/./index.html"],
    ["many parents", `/ui/${"../".repeat(20)}etc/passwd`],
    ["encoded dots", "/ui/%2e%2e/secret.html"],
    ["encoded dots and slash", "/ui/%2e%2e%2fsecret.html"],
    ["encoded slash", "/ui/..%2fsecret.html"],
    ["capitals", "/ui/%2E%2E%2Fsecret.html"],
    ["double-encoded dots", "/ui/%252e%252e/secret.html"],
    ["double-encoded dots and slash", "/ui/%252e%252e%252fsecret.html"],
    ["an own name in escapes", "/ui/%69ndex.html"],
    ["backslashes", "/ui/..\\secret.html"],
    ["encoded backslashes", "/ui/..%5csecret.html"],
    ["an encoded NUL", "/ui/index.html%00"],
    ["an encoded NUL before an end that is allowed", "/ui/../secret.html%00.html"],
    ["an absolute path", "/ui//etc/passwd"],
    ["an encoded absolute path", "/ui/%2fetc%2fpasswd"],
    ["a Windows path", "/ui/C:\\windows\\win.ini"],
    ["a file address", "/ui/file:///etc/passwd"],
    ["a link out of the folder", "/ui/link.html"],
    ["a link within the folder", "/ui/inside.html"],
    ["a folder that is a link", "/ui/up/secret.html"],
    ["a folder", "/ui/inner"],
    ["a folder with a slash", "/ui/inner/"],
    ["a folder with the name of a page", "/ui/folder.html"],
    ["a file in a folder", "/ui/inner/deep.html"],
    ["another kind of file", "/ui/notes.txt"],
    ["a source map", "/ui/main.js.map"],
    ["a file without an end", "/ui/plain"],
    ["a hidden file", "/ui/.hidden.html"],
    ["a file that is too large", "/ui/large.js"],
    ["a file with a slash behind", "/ui/index.html/"],
    ["a second slash", "/ui//"],
    ["parameters in the path", "/ui/index.html;x=1"],
    ["another case", "/ui/INDEX.html"],
    ["a name of JavaScript", "/ui/__proto__"],
    ["a file that is not there", "/ui/none.html"],
    ["a path that only begins like it", "/uindex.html"],
    ["a parent of the prefix", "/ui/../ui/index.html"],
  ])("%s: 404", async (_what, target) => {
    const reply = await raw(node.url, target);
    expect(reply.body).not.toContain(SECRET);
    expect(JSON.parse(reply.body)).toMatchObject({ result: 0, code: "DISTER_ERR_ROUTE" });
    expect([reply.status, reply.headers.get("content-type")]).toEqual([404, "application/json; charset=utf-8"]);
  });

  test.each([
    ["dots in overlong UTF-8", "/ui/%c0%ae%c0%ae/secret.html"],
    ["a broken escape", "/ui/%zz"],
    ["a bare NUL", "/ui/index.html\0"],
    ["a bare NUL before an end that is allowed", "/ui/../secret.html\0.html"],
    ["an absolute address", "http://127.0.0.1/ui/../secret.html"],
    ["an address of another server", "http://elsewhere.test/ui/"],
  ])("%s: refused", async (_what, target) => {
    const reply = await raw(node.url, target);
    expect(reply.body).not.toContain(SECRET);
    expect(reply.body).not.toContain(PAGE);
    expect([400, 403, 404]).toContain(reply.status);
  });
});

describe("a console that is not there", () => {
  test("does not stop the node: one line is logged, and /ui says so", async () => {
    for (const folder of [join(outside, "missing"), join(root, "inner"), join(root, "index.html")]) {
      const other = await startNode(folder);
      try {
        expect(other.warnings).toHaveLength(1);
        expect(other.warnings[0]).toContain("the console is not served");
        for (const target of ["/ui", "/ui/", "/ui/main.js"]) {
          const reply = await raw(other.url, target);
          expect(reply.status).toBe(404);
          expect(JSON.parse(reply.body)).toMatchObject({ message: expect.stringContaining("not built") as string });
        }
        expect((await raw(other.url, "/health/live")).status).toBe(200);
      } finally {
        await other.stop();
      }
    }
  });

  test("is no call at all where none was asked for", async () => {
    const other = await startNode();
    try {
      expect((await raw(other.url, "/ui/")).status).toBe(404);
      expect(other.warnings).toEqual([]);
    } finally {
      await other.stop();
    }
  });
});

describe("X7: origins", () => {
  test("the page may write to the node that served it", async () => {
    const own = await write(node.url, { origin: `http://${node.url.host}` });
    // The node belongs to no cluster: that it says so means that the origin was let in.
    expect(own).toMatchObject({ code: "DISTER_ERR_NOT_FORMED" });
    const named = await write(node.url, {
      host: `LOCALHOST:${node.url.port}`,
      origin: `http://localhost:${node.url.port}`,
    });
    expect(named).toMatchObject({ code: "DISTER_ERR_NOT_FORMED" });
  });

  test("a page of another origin may not, however close it is", async () => {
    const { host, port } = node.url;
    for (const origin of [
      "null",
      "",
      `https://${host}`,
      `http://${host}/`,
      `http://${host}.evil.test`,
      `http://evil.test:${port}`,
      `http://localhost:${port}`,
      `http://127.0.0.1:${Number(port) + 1}`,
      "http://127.0.0.1",
      `ftp://${host}`,
    ]) {
      expect(await write(node.url, { origin }), origin).toMatchObject({ code: "DISTER_ERR_FORBIDDEN" });
    }
  });

  test("a page that points its own name at this machine may not, although its origin and host agree", async () => {
    const host = `evil.test:${node.url.port}`;
    expect(await write(node.url, { host, origin: `http://${host}` })).toMatchObject({ code: "DISTER_ERR_FORBIDDEN" });
  });
});
