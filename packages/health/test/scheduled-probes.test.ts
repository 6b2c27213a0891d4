import { NO_LOGGER, type ServiceNode, type ServiceType, STATUS } from "@dister/types";
import { ServiceConfigSchema } from "@dister/types/schemas";
import { systemClock, systemRng } from "@dister/types/system";
import { describe, expect, onTestFinished, test } from "vitest";
import { CheckScheduler, type CheckTarget, type ProbedType, probeFor, type StatusDecision } from "../src/index.ts";
import { answering, deadPort, listen, until } from "./servers.ts";

interface ServiceTarget extends CheckTarget {
  readonly type: ProbedType;
  readonly node: ServiceNode;
}

function nodeOf(type: ServiceType, fields: Record<string, unknown>): ServiceNode {
  return ServiceConfigSchema.parse({ name: "s", type, node: [fields] }).node[0]!;
}

describe("probeFor", () => {
  test("a tcp node is probed at its host and port", async () => {
    const server = await listen(() => {});
    const ok = probeFor("tcp", nodeOf("tcp", { host: "127.0.0.1", port: server.port, timeout: 30_000 }));
    const failing = probeFor("tcp", nodeOf("tcp", { host: "127.0.0.1", port: await deadPort(), timeout: 30_000 }));
    expect(await ok()).toMatchObject({ ok: true });
    expect(await failing()).toMatchObject({ ok: false });
  });

  test("a web node is probed at its url, within its own timeout", async () => {
    const server = await answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    const hanging = await listen(() => {});
    expect(await probeFor("web", nodeOf("web", { url: server.url, timeout: 30_000 }))()).toMatchObject({ ok: true });
    expect(await probeFor("web", nodeOf("web", { url: hanging.url, timeout: 50 }))()).toMatchObject({
      output: "timed out after 50 ms",
    });
  });

  test("settings reach the probe", async () => {
    const node = nodeOf("tcp", { host: "127.0.0.1", port: 1 });
    expect(await probeFor("tcp", node, { allow: () => false })()).toMatchObject({ output: "address refused" });
  });

  test("a node without what its type needs is refused by the name of the field", () => {
    const node = nodeOf("web", { url: "http://127.0.0.1/" });
    expect(() => probeFor("tcp", node)).toThrow("host: got nothing");
    expect(() => probeFor("tcp", { ...node, host: "a" })).toThrow("port: got nothing");
    expect(() => probeFor("mysql", { ...node, host: "a", port: "1" })).toThrow("user: got nothing");
    expect(() => probeFor("custom", node)).toThrow("script: got nothing");
    expect(() => probeFor("web", nodeOf("tcp", { host: "a", port: 1 }))).toThrow("url: got nothing");
    expect(() => probeFor("ftp" as ProbedType, node)).toThrow("type: got ftp");
  });
});

test("registry: a backend that is killed and started again is told dead and then alive, by real probes", async () => {
  const server = await listen(() => {});
  const decisions: StatusDecision[] = [];
  const scheduler = new CheckScheduler<ServiceTarget>({
    clock: systemClock,
    rng: systemRng,
    logger: NO_LOGGER,
    prober: (target, signal) => probeFor(target.type, target.node)(signal),
    onChange: (decision) => decisions.push(decision),
  });
  onTestFinished(() => scheduler.stop());
  const node = nodeOf("tcp", { host: "127.0.0.1", port: server.port, timeout: 5_000 });
  const target = {
    key: "a",
    definedIndex: 1,
    intervalMs: 100,
    timeoutMs: 5_000,
    rise: 2,
    fall: 2,
    type: "tcp",
    node,
  } as const;

  scheduler.update([{ ...target, status: STATUS.dead }]);
  await until(() => decisions.at(-1)?.status === STATUS.alive);
  scheduler.update([{ ...target, status: STATUS.alive }]);
  await server.close();
  await until(() => decisions.at(-1)?.status === STATUS.dead);
  expect(decisions.at(-1)?.output).toBe("connect ECONNREFUSED");
  scheduler.update([{ ...target, status: STATUS.dead }]);
  await listen(() => {}, server.port);
  await until(() => decisions.at(-1)?.status === STATUS.alive);
});
