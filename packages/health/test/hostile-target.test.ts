import type { Socket } from "node:net";
import { ServiceConfigSchema } from "@dister/types/schemas";
import { SeededRng } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { OUTPUT_CHARS_MAX, type ProbedType, type ProbeResult, probeFor, TARGET_BYTES_MAX } from "../src/index.ts";
import { listen, type TestServer, until } from "./servers.ts";

const PASS = "p4ssw0rd";
const SECRETS = /p4ssw0rd|us3r|s3rver|127\.0\.0\.1/;

function probe(type: ProbedType, { port, url }: TestServer, timeout: number): Promise<ProbeResult> {
  const fields = { host: "127.0.0.1", port, url, user: "us3r", pass: PASS, timeout };
  return probeFor(type, ServiceConfigSchema.parse({ name: "s", type, node: [fields] }).node[0]!)();
}

function endless(words: Buffer | string): (socket: Socket) => void {
  return (socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(words));
    };
    socket.on("drain", more);
    more();
  };
}

const types: ProbedType[] = ["web", "redis", "grpc", "mysql", "pgsql"];

/** The first packet of a MySQL server, which asks for the password in plain words. */
const CLEAR_PASSWORD = Buffer.concat([
  Buffer.from([0x48, 0, 0, 0, 0x0a]),
  Buffer.from("8.0.0\0"),
  Buffer.from([1, 0, 0, 0]),
  Buffer.from("12345678\0"),
  Buffer.from([0xff, 0xff, 0x21, 2, 0, 0xff, 0xff, 21]),
  Buffer.alloc(10),
  Buffer.from("123456789012\0"),
  Buffer.from("mysql_clear_password\0"),
]);

describe.each(types)("a %s check of a target that means harm", (type) => {
  test.each([
    ["says nothing", () => {}],
    ["ends at once", (socket: Socket) => socket.end()],
    ["resets", (socket: Socket) => socket.resetAndDestroy()],
    ["speaks of itself", (socket: Socket) => socket.end("s3rver s3cret\r\n\r\n")],
    ["speaks without an end", endless("x".repeat(16_384))],
    ["sends lines without an end", endless("-s3rver\r\n+OK\r\n")],
    ["sends zeros without an end", endless(Buffer.alloc(16_384))],
    ["sends errors of PostgreSQL without an end", endless(Buffer.from("N\0\0\0\x0cMs3rver\0\0"))],
  ])("which %s ends in its time and repeats nothing of it", async (_what, serve) => {
    const server = await listen(serve);
    const { ok, output } = await probe(type, server, 200);
    expect(ok).toBe(false);
    expect(output).not.toMatch(SECRETS);
    expect(output.length).toBeLessThanOrEqual(OUTPUT_CHARS_MAX);
    await until(() => server.sockets.every((socket) => socket.closed));
  });

  test("which sends random bytes is down, and the process lives on", async () => {
    const rng = new SeededRng(7);
    for (let n = 0; n < 24; n++) {
      const bytes = Buffer.from(rng.bytes(1 + Math.floor(rng.next() * 400)));
      // Beginnings that lead further into the drivers: a packet of MySQL, a login request of PostgreSQL, an answer of HTTP.
      const begin = [
        Buffer.alloc(0),
        CLEAR_PASSWORD,
        Buffer.from("R\0\0\0\x08\0\0\0\0"),
        Buffer.from("HTTP/1.1 200 OK\r\n"),
      ][n % 4]!;
      const server = await listen((socket) => socket.end(Buffer.concat([begin, bytes])));
      const { ok, output } = await probe(type, server, 5_000);
      expect([ok, SECRETS.test(output)]).toEqual([type === "web" && ok, false]);
      await until(() => server.sockets.every((socket) => socket.closed));
    }
  });
});

describe("X11 a password", () => {
  test("is not told to a MySQL server that asks for it in plain words", async () => {
    const clear = Buffer.concat([Buffer.from([22, 0, 0, 2, 0xfe]), Buffer.from("mysql_clear_password\0")]);
    const server = await listen((socket) => {
      socket.write(CLEAR_PASSWORD);
      socket.once("data", () => socket.write(clear));
    });
    const { ok, output } = await probe("mysql", server, 1_000);
    expect(ok).toBe(false);
    expect(output).not.toMatch(SECRETS);
    expect(server.received()).toContain("us3r");
    expect(server.received()).not.toContain(PASS);
  });

  test("of the machine that checks is never sent for one that was left out", async () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      PGPASSWORD: "m4chine",
      PGUSER: "m4chine",
      PGOPTIONS: "-c m4chine=1",
      PGREPLICATION: "m4chine",
      PGCLIENT_ENCODING: "m4chine",
      // With this one alone the driver would refuse to begin.
      PGSSLNEGOTIATION: "direct",
    });
    try {
      // A login that asks for the password in plain words.
      const server = await listen((socket) =>
        socket.once("data", () => socket.write(Buffer.from("R\0\0\0\x08\0\0\0\x03"))),
      );
      const node = { host: "127.0.0.1", port: server.port, user: "us3r", timeout: 500 };
      const config = ServiceConfigSchema.parse({ name: "s", type: "pgsql", node: [node] });
      await probeFor("pgsql", config.node[0]!)();
      expect(server.received()).toContain("us3r");
      expect(server.received()).not.toContain("m4chine");
    } finally {
      process.env = before;
    }
  });
});

test("a target is cut off at its limit of bytes", async () => {
  const server = await listen(endless(Buffer.from("N\0\0\0\x0cMs3rver\0\0".repeat(500))));
  const { output } = await probe("pgsql", server, 20_000);
  expect(output).toBe(`more than ${TARGET_BYTES_MAX} bytes`);
});
