import { expect, test } from "vitest";
import { redisProbe } from "../src/index.ts";
import { listen } from "./servers.ts";

const host = "127.0.0.1";
const timeoutMs = 30_000;

test("without a password PING alone is sent, as a list of texts", async () => {
  const server = await listen((socket) => socket.once("data", () => socket.write("+PONG\r\n")));
  expect(await redisProbe({ host, port: server.port, timeoutMs })).toMatchObject({ ok: true, output: "PONG" });
  expect(server.received()).toBe("*1\r\n$4\r\nPING\r\n");
});

test("a password is sent as one text of so many bytes, whatever stands in it", async () => {
  const server = await listen((socket) => socket.once("data", () => socket.write("+OK\r\n+PONG\r\n")));
  const pass = "a\r\nFLUSHALL\r\nü";
  expect(await redisProbe({ host, port: server.port, user: "me", pass, timeoutMs })).toMatchObject({ ok: true });
  const sent = Buffer.from(server.received(), "latin1").toString("utf8");
  expect(sent).toBe(`*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$15\r\n${pass}\r\n*1\r\n$4\r\nPING\r\n`);
});

test.each([
  ["-LOADING s3cret\r\n", "error LOADING"],
  ["-S3CRET no\r\n", "an error"],
  ["$4\r\nPONG\r\n", "an answer that is not understood"],
  [":1\r\n", "an answer that is not understood"],
  [`+${"P".repeat(2_000)}`, "an answer that is not understood"],
])("the answer %j is a failure: %s", async (words, output) => {
  const server = await listen((socket) => socket.once("data", () => socket.write(words)));
  expect(await redisProbe({ host, port: server.port, timeoutMs })).toMatchObject({ ok: false, output });
});

test("X9 a link-local address is not connected to", async () => {
  const options = { host: "169.254.169.254", port: 6379, timeoutMs };
  expect(await redisProbe(options)).toMatchObject({ ok: false, output: "address refused" });
});
