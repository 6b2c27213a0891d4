import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceChecks, ShownService } from "@dister/types";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { api, DaemonCluster, until } from "./daemons.ts";

const folder = mkdtempSync(join(tmpdir(), "dister-checks-"));
afterAll(() => rmSync(folder, { recursive: true }));

const script = join(folder, "check");
writeFileSync(script, '#!/bin/sh\n[ "$1" = ask ] && echo 1\n');
chmodSync(script, 0o755);

/** A daemon with services of one instance each, called after their type. */
async function daemon(...args: string[]) {
  const cluster = await DaemonCluster.start(1, args);
  onTestFinished(() => cluster.close());
  const url = cluster.url(0);
  const register = async (type: string, instance: object): Promise<void> => {
    const service = { name: type, type, node: [{ interval: 100, fall: 1, ...instance }] };
    expect(await api(url, "POST", "/service", [service])).toMatchObject({ status: 200 });
  };
  const becomes = (type: string, wanted: number): Promise<void> =>
    until(async () => {
      const { data } = await api(url, "GET", `/service?name=${type}`);
      return (data as ShownService).node[0]!.status === wanted;
    });
  const checked = async (type: string) => {
    const { data } = await api(url, "GET", `/service/checks?name=${type}`);
    return (data as ServiceChecks).instances[0]!.observers[0];
  };
  return { register, becomes, checked };
}

test("X10 a script runs where the node's own configuration allows it, with its words", async () => {
  const { register, becomes } = await daemon(`--ChecksCustom=${script}`);
  await register("custom", { script: `${script} ask` });
  await becomes("custom", 1);
  await register("custom", { script: `${script} else` });
  await becomes("custom", 0);
});

test("X10 by default no script runs, and other checks do", async () => {
  // The daemon may be stopped in the middle of a check: the reset that it leaves behind is nothing to fail on.
  const server = createServer((socket) =>
    socket.on("error", () => {}).once("data", () => socket.end("+PONG\r\n")),
  ).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
  });
  const { register, becomes, checked } = await daemon();
  const evidence = join(folder, "evidence");
  await register("custom", { script: `/usr/bin/touch ${evidence}` });
  await register("redis", { host: "127.0.0.1", port: (server.address() as { port: number }).port });
  await becomes("redis", 1);
  await until(async () => ((await checked("custom"))?.checks ?? 0) >= 3);
  expect(await checked("custom")).toMatchObject({
    state: "critical",
    output: "custom checks are off on the node that checks",
  });
  expect(existsSync(evidence)).toBe(false);
});
