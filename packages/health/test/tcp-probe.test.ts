import { getEventListeners } from "node:events";
import { DisterError } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { expect, test } from "vitest";
import { type NameLookup, tcpProbe } from "../src/index.ts";
import { deadPort, listen, until } from "./servers.ts";

const host = "127.0.0.1";
const timeoutMs = 30_000;
const neverResolves: NameLookup = () => new Promise(() => {});

test("a target that takes connections is ok, and the connection is closed without a word", async () => {
  const server = await listen(() => {});
  const result = await tcpProbe({ host, port: server.port, timeoutMs });
  expect(result).toMatchObject({ ok: true, output: "connected" });
  expect(result.latencyMs).toBeGreaterThanOrEqual(0);
  await until(() => server.sockets[0]?.closed === true);
  expect(server.received()).toBe("");
});

test("a port where nobody listens is a failure, not an error", async () => {
  expect(await tcpProbe({ host, port: await deadPort(), timeoutMs })).toMatchObject({
    ok: false,
    output: "connect ECONNREFUSED",
  });
});

test("a target that is killed fails and, started again on its port, is ok", async () => {
  const server = await listen(() => {});
  const probe = async () => (await tcpProbe({ host, port: server.port, timeoutMs })).ok;
  expect(await probe()).toBe(true);
  await server.close();
  expect(await probe()).toBe(false);
  await listen(() => {}, server.port);
  expect(await probe()).toBe(true);
});

test("a name that cannot be resolved is a failure that says so", async () => {
  const lookup: NameLookup = () =>
    Promise.reject(Object.assign(new Error("secret.example"), { code: "ENOTFOUND", syscall: "getaddrinfo" }));
  const result = await tcpProbe({ host: "secret.example", port: 1, timeoutMs }, { lookup });
  expect(result).toMatchObject({ ok: false, output: "getaddrinfo ENOTFOUND" });
});

test("the time limit holds while the name is resolved", async () => {
  const clock = new ManualClock();
  const probing = tcpProbe({ host: "a.example", port: 1, timeoutMs: 200 }, { clock, lookup: neverResolves });
  clock.advance(200);
  expect(await probing).toEqual({ ok: false, latencyMs: 200, output: "timed out after 200 ms" });
  expect(clock.pending).toBe(0);
});

test("an abort ends the probe at once", async () => {
  const controller = new AbortController();
  const options = { host: "a.example", port: 1, timeoutMs, signal: controller.signal };
  const clock = new ManualClock();
  const probing = tcpProbe(options, { clock, lookup: neverResolves });
  controller.abort();
  expect(await probing).toMatchObject({ ok: false, output: "aborted" });
  expect(clock.pending).toBe(0);
  expect(await tcpProbe(options, { lookup: neverResolves })).toMatchObject({ ok: false, output: "aborted" });
});

test("a signal that serves many probes is left without listeners", async () => {
  const server = await listen(() => {});
  const { signal } = new AbortController();
  await tcpProbe({ host, port: server.port, timeoutMs, signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("X9 a link-local address is not connected to, written plainly or behind a name", async () => {
  const refused = { ok: false, output: "address refused" };
  const lookup: NameLookup = async () => [
    { address: "169.254.169.254", family: 4 },
    { address: "::ffff:a9fe:a9fe", family: 6 },
  ];
  expect(await tcpProbe({ host: "169.254.169.254", port: 80, timeoutMs })).toMatchObject(refused);
  expect(await tcpProbe({ host: "::ffff:169.254.169.254", port: 80, timeoutMs })).toMatchObject(refused);
  expect(await tcpProbe({ host: "metadata.example", port: 80, timeoutMs }, { lookup })).toMatchObject(refused);
});

test("X9 of the addresses of a name only the allowed ones are tried", async () => {
  const server = await listen(() => {});
  const lookup: NameLookup = async () => [
    { address: "169.254.169.254", family: 4 },
    { address: host, family: 4 },
  ];
  const result = await tcpProbe({ host: "mixed.example", port: server.port, timeoutMs }, { lookup });
  expect(result).toMatchObject({ ok: true });
});

test("allow replaces the built-in filter and is asked about addresses, not names", async () => {
  const server = await listen(() => {});
  const asked: string[] = [];
  const allow = (address: string): boolean => {
    asked.push(address);
    return false;
  };
  const lookup: NameLookup = async () => [{ address: host, family: 4 }];
  const result = await tcpProbe({ host: "a.example", port: server.port, timeoutMs, allow }, { lookup });
  expect(result).toMatchObject({ ok: false, output: "address refused" });
  expect(asked).toEqual([host]);
  expect(server.sockets).toHaveLength(0);
});

test.each([0, -1, 65_536, Number.NaN])("the port %s is a failure, not an error", async (port) => {
  expect((await tcpProbe({ host, port, timeoutMs: 1_000 })).ok).toBe(false);
});

test.each([0, -1, Number.NaN, 2 ** 31])("a time limit of %s ms is refused", async (timeoutMs) => {
  await expect(tcpProbe({ host, port: 1, timeoutMs })).rejects.toThrow(DisterError);
});
