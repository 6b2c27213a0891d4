import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { DaemonCluster } from "./daemons.ts";

const folder = mkdtempSync(join(tmpdir(), "dister-checks-"));
afterAll(() => rmSync(folder, { recursive: true }));

const script = join(folder, "check");
writeFileSync(script, '#!/bin/sh\n[ "$1" = ask ] && echo 1\n');
chmodSync(script, 0o755);

async function daemon(...args: string[]) {
  const cluster = await DaemonCluster.start(1, args);
  onTestFinished(() => cluster.close());
  const url = `http://127.0.0.1:${cluster.slots[0]!.ports.api}`;
  const register = async (type: string, node: object): Promise<void> => {
    const body = JSON.stringify([{ name: type, type, node: [{ interval: 100, fall: 1, ...node }] }]);
    const headers = { "content-type": "application/json" };
    expect(await (await fetch(`${url}/service`, { method: "POST", headers, body })).json()).toMatchObject({
      result: 1,
    });
  };
  const status = async (type: string): Promise<number> => {
    const reply = (await (await fetch(`${url}/service?name=${type}`)).json()) as {
      data: { node: { status: number }[] };
    };
    return reply.data.node[0]!.status;
  };
  const becomes = async (type: string, wanted: number): Promise<void> => {
    while ((await status(type)) !== wanted) await sleep(20);
  };
  return { register, status, becomes };
}

test("X10 a script runs where the node's own configuration allows it, with its words", async () => {
  const { register, becomes } = await daemon(`--ChecksCustom=${script}`);
  await register("custom", { script: `${script} ask` });
  await becomes("custom", 1);
  await register("custom", { script: `${script} else` });
  await becomes("custom", 0);
});

test("X10 by default no script runs, and other checks do", async () => {
  const server = createServer((socket) => socket.once("data", () => socket.end("+PONG\r\n"))).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
  });
  const { register, status, becomes } = await daemon();
  const evidence = join(folder, "evidence");
  await register("custom", { script: `/usr/bin/touch ${evidence}` });
  await register("redis", { host: "127.0.0.1", port: (server.address() as { port: number }).port });
  await becomes("redis", 1);
  await sleep(300); // Three intervals, in which a script that ran would be seen.
  expect(await status("custom")).toBe(0);
  expect(() => rmSync(evidence)).toThrow("ENOENT");
});
