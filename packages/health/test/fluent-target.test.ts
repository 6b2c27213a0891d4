import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  ANSWER_BYTES_MAX,
  BODY_BYTES_MAX,
  grpcProbe,
  mysqlProbe,
  type ProbeResult,
  pgsqlProbe,
  TARGET_BYTES_MAX,
  webProbe,
} from "../src/index.ts";
import { listen, until } from "./servers.ts";

// Targets that know the words of their protocol, and use them for harm.

const host = "127.0.0.1";
const timeoutMs = 20_000;

/** Sends `first` once something has come, and then the same again and again. */
function flooding(first: string | Buffer, again: string | Buffer): (socket: Socket) => void {
  const words = Buffer.concat(Array.from({ length: Math.ceil(16_384 / again.length) }, () => Buffer.from(again)));
  return (socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(words));
    };
    socket.on("drain", more);
    socket.once("data", () => {
      socket.write(first);
      more();
    });
  };
}

async function outcome(serve: (socket: Socket) => void, probe: (port: number) => Promise<ProbeResult>) {
  const server = await listen(serve);
  const { ok, output } = await probe(server.port);
  await until(() => server.sockets.every((socket) => socket.closed));
  return [ok, output];
}

describe("a web target", () => {
  const probe = (port: number) => webProbe({ url: `http://${host}:${port}/`, timeoutMs });
  const tooMuch = [false, `more than ${ANSWER_BYTES_MAX} bytes`];

  test.each([
    ["announces its answer without an end", "", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["hints at its answer without an end", "", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"],
    ["sends empty lines without an end", "", "\r\n"],
    [
      "sends much around little of its body",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
      `1;${"a".repeat(1_000)}\r\nx\r\n`,
    ],
  ])("that %s is cut off at the limit of bytes, not at the end of its time", async (_what, first, again) => {
    expect(await outcome(flooding(first, again), probe)).toEqual(tooMuch);
  });

  test("that sends a long body byte by byte is as good as one that sends it at once", async () => {
    const whole = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(BODY_BYTES_MAX)}`;
    const slowly = (socket: Socket) => socket.once("data", () => socket.write(whole));
    expect(await outcome(slowly, probe)).toEqual([true, "status 200"]);
  });
});

describe("a grpc target", () => {
  const probe = (port: number) => grpcProbe({ host, port, timeoutMs });
  const frame = (type: number, flags: number, stream: number, body: number[]): Buffer =>
    Buffer.from([0, 0, body.length, type, flags, 0, 0, 0, stream, ...body]);
  const [HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, GOAWAY] = [1, 3, 4, 5, 7];
  const END_HEADERS = 4;
  const settings = frame(SETTINGS, 0, 0, []);
  // Stream 2 for `GET http:/a`; then its end with an error.
  const push = frame(PUSH_PROMISE, END_HEADERS, 1, [0, 0, 0, 2, 0x82, 0x84, 0x86, 0x41, 1, 0x61]);
  const reset = frame(RST_STREAM, 0, 2, [0, 0, 0, 2]);
  const goAway = frame(GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 2]);

  test("that announces its answer without an end is cut off at the limit of bytes", async () => {
    const status100 = frame(HEADERS, END_HEADERS, 1, [0x08, 0x03, 0x31, 0x30, 0x30]);
    expect(await outcome(flooding(settings, status100), probe)).toEqual([false, `more than ${TARGET_BYTES_MAX} bytes`]);
  });

  test("that sends frames of no known type without an end is cut off at the limit of bytes", async () => {
    const unknown = frame(
      0xee,
      0,
      0,
      Array.from({ length: 255 }, () => 0),
    );
    expect((await outcome(flooding(settings, unknown), probe))[0]).toBe(false);
  });

  test.each([
    ["at once", [Buffer.concat([settings, push, reset, goAway])]],
    ["one after the other", [settings, push, reset, goAway]],
  ])("that pushes a stream and resets it, %s, is down, and the process lives on", async (_how, steps) => {
    const serve = (socket: Socket): void => {
      let next = 0;
      const step = (): void => {
        const bytes = steps[next++];
        if (bytes !== undefined && !socket.destroyed) socket.write(bytes, () => setImmediate(step));
      };
      socket.once("data", step);
    };
    expect((await outcome(serve, probe))[0]).toBe(false);
  });
});

describe("a mysql target", () => {
  const packet = (sequence: number, body: Buffer): Buffer =>
    Buffer.concat([Buffer.from([body.length, 0, 0, sequence]), body]);
  const hello = packet(
    0,
    Buffer.concat([
      Buffer.from("\x0a8.0.0\0\x01\0\0\x0012345678\0", "latin1"),
      Buffer.from([0xff, 0xf7, 0x21, 2, 0, 0xff, 0xff, 21]),
      Buffer.alloc(10),
      Buffer.from("123456789012\0mysql_native_password\0"),
    ]),
  );

  test("that sends packets out of order without an end does not fill the log of the process", async () => {
    const lines = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => lines.mockRestore());
    const other = packet(99, Buffer.from("\xfemysql_native_password\x0012345678123456789012\0", "latin1"));
    const serve = (socket: Socket): void => {
      socket.write(hello);
      flooding("", other)(socket);
    };
    const probe = (port: number) => mysqlProbe({ host, port, user: "u", pass: "p", timeoutMs });
    expect(await outcome(serve, probe)).toEqual([false, "an answer that is not understood"]);
    expect(lines.mock.calls).toHaveLength(16);
  });
});

describe("a pgsql target", () => {
  function message(kind: number, text: string): Buffer {
    const bytes = Buffer.alloc(9 + text.length);
    bytes.write("R");
    bytes.writeInt32BE(8 + text.length, 1);
    bytes.writeInt32BE(kind, 5);
    bytes.write(text, 9);
    return bytes;
  }

  test.each([
    ["a word like those of connections", "EVIL s3rver said p4ssw0rd", "refused or not understood"],
    ["a word like ours", "the driver p4ssw0rd", "refused or not understood"],
    ["no code at all", "", "refused or not understood"],
    ["a code", "53300", "SQLSTATE 53300"],
  ])("X11 that sends %s in the place of a code is down, and is not repeated", async (_what, code, output) => {
    const fields = `SFATAL\0C${code}\0Mp4ssw0rd\0\0`;
    const error = Buffer.concat([Buffer.from([0x45, 0, 0, 0, fields.length + 4]), Buffer.from(fields)]);
    const serve = (socket: Socket) => socket.once("data", () => socket.end(error));
    const probe = (port: number) => pgsqlProbe({ host, port, user: "u", pass: "p4ssw0rd", timeoutMs });
    expect(await outcome(serve, probe)).toEqual([false, output]);
  });

  test("that asks for two proofs of one password is down: each costs the process more than it costs the target", async () => {
    const serve = (socket: Socket): void => {
      socket.once("data", () => {
        socket.write(message(10, "SCRAM-SHA-256\0\0"));
        socket.once("data", (reply: Buffer) => {
          const nonce = /r=([^,]+)$/.exec(reply.toString("latin1"))?.[1];
          const ask = message(11, `r=${nonce}more,s=AAAA,i=4096`);
          socket.write(Buffer.concat([ask, ask]));
        });
      });
    };
    const probe = (port: number) => pgsqlProbe({ host, port, user: "u", pass: "p", timeoutMs: 2_000 });
    expect(await outcome(serve, probe)).toEqual([false, "an answer that is not understood"]);
  });
});
