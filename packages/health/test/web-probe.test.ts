import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { ManualClock } from "@dister/types/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { BODY_BYTES_MAX, OUTPUT_CHARS_MAX, webProbe } from "../src/index.ts";
import { CERTIFICATE, CERTIFICATE_KEY } from "./certificate.ts";
import { answering, deadPort, listen, until } from "./servers.ts";

const timeoutMs = 30_000;
const answer = (status: string, body = "", ...headers: string[]): string =>
  [`HTTP/1.1 ${status}`, `content-length: ${body.length}`, ...headers, "", body].join("\r\n");

test("status 200 is ok; the request is a plain GET that asks to close", async () => {
  const server = await answering(answer("200 OK", "fine"));
  expect(await webProbe({ url: `${server.url}health?full=1`, timeoutMs })).toMatchObject({
    ok: true,
    output: "status 200",
  });
  const [line, ...headers] = server.received().toLowerCase().split("\r\n");
  expect(line).toBe("get /health?full=1 http/1.1");
  expect(headers).toContain(`host: 127.0.0.1:${server.port}`);
  expect(headers).toContain("connection: close");
});

test("a body without a length, as long as the connection, is read to its end", async () => {
  const server = await answering("HTTP/1.0 200 OK\r\n\r\nall of it");
  expect(await webProbe({ url: server.url, timeoutMs })).toMatchObject({ ok: true, output: "status 200" });
});

test.each(["201 Created", "204 No Content", "404 Not Found", "500 Internal Server Error", "503 Service Unavailable"])(
  "%s is a failure",
  async (status) => {
    const server = await answering(answer(status));
    const output = `status ${status.slice(0, 3)}`;
    expect(await webProbe({ url: server.url, timeoutMs })).toMatchObject({ ok: false, output });
  },
);

test.each([301, 302, 307, 308])("X9 a redirect with %i is a failure and is not followed", async (status) => {
  const other = await answering(answer("200 OK"));
  const server = await answering(answer(`${status} Moved`, "", `location: ${other.url}`));
  expect(await webProbe({ url: server.url, timeoutMs })).toMatchObject({ ok: false, output: `status ${status}` });
  expect(other.sockets).toHaveLength(0);
});

test("a target that is killed fails and, started again on its port, is ok", async () => {
  const server = await answering(answer("200 OK"));
  const probe = () => webProbe({ url: server.url, timeoutMs });
  expect((await probe()).ok).toBe(true);
  await server.close();
  expect(await probe()).toMatchObject({ ok: false, output: "connect ECONNREFUSED" });
  await answering(answer("200 OK"), server.port);
  expect((await probe()).ok).toBe(true);
});

describe("what an answer has to be", () => {
  test.each([
    ["202 Accepted", { expect: "200-299" }, true],
    ["401 Unauthorized", { expect: "200, 401" }, true],
    ["302 Found", { expect: "300-399" }, true],
    ["200 OK", { expect: "201-299" }, false],
    ["200 OK", { contains: "well" }, true],
    ["200 OK", { contains: "WELL" }, false],
    ["200 OK", { contains: "(.*)*" }, false],
    ["200 OK", { equals: " all is well\n" }, true],
    ["200 OK", { equals: "all is" }, false],
    ["200 OK", { equals: "" }, false],
    ["500 Internal Server Error", { contains: "well" }, false],
  ])("%s with %j is ok: %s", async (status, options, ok) => {
    const server = await answering(answer(status, "all is well\r\n"));
    const result = await webProbe({ url: server.url, timeoutMs, ...options });
    expect(result.ok).toBe(ok);
    expect(result.output).not.toContain("all is");
  });

  test("a text is looked for in what is read of a long body, and a long body equals nothing", async () => {
    const body = (at: number) => `${"x".repeat(at)}here${"y".repeat(2 * BODY_BYTES_MAX)}`;
    const read = await answering(answer("200 OK", body(BODY_BYTES_MAX - 4)));
    expect(await webProbe({ url: read.url, timeoutMs, contains: "here" })).toMatchObject({ ok: true });
    expect(await webProbe({ url: read.url, timeoutMs, equals: body(BODY_BYTES_MAX - 4) })).toMatchObject({ ok: false });
    const beyond = await answering(answer("200 OK", body(BODY_BYTES_MAX - 3)));
    expect(await webProbe({ url: beyond.url, timeoutMs, contains: "here" })).toMatchObject({ ok: false });
  });

  test("a body does not equal a text because its begin does", async () => {
    const server = await answering(answer("200 OK", `fine${" ".repeat(BODY_BYTES_MAX)}and more`));
    expect(await webProbe({ url: server.url, timeoutMs, equals: "fine" })).toMatchObject({ ok: false });
  });

  test("method and headers are sent as they are given", async () => {
    const server = await answering(answer("200 OK"));
    const options = { method: "HEAD", headers: "Host: shop.example\nx-key: k3y: 1\r\nUser-Agent: me" } as const;
    expect(await webProbe({ url: server.url, timeoutMs, ...options })).toMatchObject({ ok: true });
    const [line, ...headers] = server.received().split("\r\n");
    expect(line).toBe("HEAD / HTTP/1.1");
    expect(headers).toEqual(expect.arrayContaining(["Host: shop.example", "x-key: k3y: 1", "User-Agent: me"]));
    expect(headers.filter((header) => /^(host|user-agent):/i.test(header))).toHaveLength(2);
  });

  test.each([
    ["headers", { headers: "no colon" }],
    ["headers", { headers: "content-length: 5" }],
    ["headers", { headers: "a: b\u0001" }],
    ["expect", { expect: "2xx" }],
    ["expect", { expect: "299-200" }],
  ])("settings that cannot be meant are refused by the name of the field: %s", async (field, options) => {
    await expect(webProbe({ url: "http://127.0.0.1:1/", timeoutMs, ...options })).rejects.toThrow(`${field}: got`);
  });
});

describe("a target that takes its time ends in a time-out, however it stalls", () => {
  const drip =
    (start: string, drop: string) =>
    (socket: Socket): void => {
      socket.once("data", () => {
        socket.write(start);
        const more = (): void => {
          if (socket.destroyed) return;
          socket.write(drop);
          setImmediate(more);
        };
        more();
      });
    };

  test.each([
    ["it never answers", () => {}],
    ["it drips header bytes", drip("HTTP/1.1 200 OK\r\nx-slow: ", "y")],
    ["it drips headers", drip("HTTP/1.1 200 OK\r\n", "x: y\r\n")],
    ["it drips the body", drip("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", "z")],
    ["it sends half of the body", drip("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab", "")],
  ])("%s", async (_what, serve) => {
    const server = await listen(serve);
    const clock = new ManualClock();
    const probing = webProbe({ url: server.url, timeoutMs: 200 }, { clock });
    await until(() => server.received().endsWith("\r\n\r\n"));
    // A few turns more, so that what drips has dripped.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(199);
    clock.advance(1);
    expect(await probing).toEqual({ ok: false, latencyMs: 200, output: "timed out after 200 ms" });
    await until(() => server.sockets[0]?.destroyed === true);
    expect(clock.pending).toBe(0);
  });

  test("bytes that keep coming do not extend the limit", async () => {
    const server = await listen((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        const timer = setInterval(() => socket.write("."), 10);
        socket.on("close", () => clearInterval(timer));
      });
    });
    const result = await webProbe({ url: server.url, timeoutMs: 150 });
    expect(result).toMatchObject({ ok: false, output: "timed out after 150 ms" });
  });

  test("an abort ends it at once", async () => {
    const server = await listen(() => {});
    const controller = new AbortController();
    const probing = webProbe({ url: server.url, timeoutMs, signal: controller.signal });
    await until(() => server.received() !== "");
    controller.abort();
    expect(await probing).toMatchObject({ ok: false, output: "aborted" });
  });
});

describe("a target that answers badly is a failure", () => {
  test.each([
    ["it hangs up", "", "ECONNRESET"],
    ["it speaks something else", "SSH-2.0-OpenSSH\r\n", "HPE_"],
    ["it hangs up inside the body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", "closed inside the body"],
    ["its headers are endless", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}`, "HPE_HEADER_OVERFLOW"],
    [
      "it wants to switch protocols",
      "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
      "closed without an answer",
    ],
  ])("%s", async (_what, words, output) => {
    const server = await answering(words);
    const result = await webProbe({ url: server.url, timeoutMs });
    expect(result.ok).toBe(false);
    expect(result.output).toContain(output);
  });

  test("nothing that it sends, nor its address, stands in the output, which is one short line", async () => {
    const server = await answering(answer("500 s3cret\u0007", "s3cret", "x-reason: s3cret"));
    const { output } = await webProbe({ url: `${server.url}s3cret?token=s3cret`, timeoutMs });
    expect(output).toBe("status 500");
    const dead = await webProbe({ url: `http://127.0.0.1:${await deadPort()}/?token=s3cret`, timeoutMs });
    expect(dead.output).not.toMatch(/s3cret|127\.0\.0\.1|[\r\n]/);
    expect(dead.output.length).toBeLessThanOrEqual(OUTPUT_CHARS_MAX);
  });
});

test("of an endless body only a part is read, and that is enough", async () => {
  const server = await listen((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const more = (): void => {
        while (!socket.destroyed && socket.write("x".repeat(16_384)));
      };
      socket.on("drain", more);
      more();
    });
  });
  expect(await webProbe({ url: server.url, timeoutMs })).toMatchObject({ ok: true, output: "status 200" });
  await until(() => server.sockets[0]?.destroyed === true);
  expect(server.sockets[0]!.bytesWritten).toBeGreaterThanOrEqual(BODY_BYTES_MAX);
});

test.each(["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "", "no address", "//127.0.0.1"])(
  "X9 '%s' is not asked at all",
  async (url) => {
    expect(await webProbe({ url, timeoutMs })).toMatchObject({ ok: false, output: "not an http or https address" });
  },
);

test("an address with a password is not asked, and the password is not repeated", async () => {
  const result = await webProbe({ url: "http://me:s3cret@127.0.0.1/", timeoutMs });
  expect(result).toMatchObject({ ok: false, output: "an address with user or password" });
});

test.each([
  "http://169.254.169.254/latest/meta-data/",
  "http://2852039166/",
  "http://0xa9fea9fe/",
  "http://0251.0376.0251.0376/",
  "http://169.254.43518/",
  "http://[::ffff:169.254.169.254]/",
  "http://[fe80::1]/",
  "https://[fd00:ec2::254]/",
])("X9 %s is not connected to", async (url) => {
  expect(await webProbe({ url, timeoutMs })).toMatchObject({ ok: false, output: "address refused" });
});

test("X9 a name is judged by the address that the connection gets, every time anew", async () => {
  const server = await answering(answer("200 OK"));
  const answers = ["127.0.0.1", "169.254.169.254"];
  const lookup = async () => [{ address: answers.shift()!, family: 4 }];
  const probe = () => webProbe({ url: `http://rebinding.example:${server.port}/`, timeoutMs }, { lookup });
  expect(await probe()).toMatchObject({ ok: true });
  expect(await probe()).toMatchObject({ ok: false, output: "address refused" });
  expect(server.sockets).toHaveLength(1);
});

test("the brackets of an IPv6 address are not part of it", async () => {
  const asked: string[] = [];
  const allow = (address: string): boolean => asked.push(address) === 0;
  await webProbe({ url: "http://[::1]:1/", timeoutMs, allow });
  expect(asked).toEqual(["::1"]);
});

describe("https", () => {
  async function secureServer(): Promise<string> {
    const server = createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (_request, response) => response.end());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  test("X6 a certificate that nobody vouches for is a failure, whatever the environment says", async () => {
    const url = await secureServer();
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    onTestFinished(() => {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    });
    expect(await webProbe({ url, timeoutMs })).toMatchObject({ ok: false, output: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  });

  test("a certificate that is trusted is ok for its names only", async () => {
    const url = await secureServer();
    expect(await webProbe({ url, timeoutMs, ca: CERTIFICATE })).toMatchObject({ ok: true });
    const elsewhere = { url: url.replace("127.0.0.1", "other.example"), timeoutMs, ca: CERTIFICATE };
    const lookup = async () => [{ address: "127.0.0.1", family: 4 }];
    expect(await webProbe(elsewhere, { lookup })).toMatchObject({ ok: false, output: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });
});
