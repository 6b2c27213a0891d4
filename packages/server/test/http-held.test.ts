import { NO_LOGGER } from "@dister/types";
import { afterAll, expect, it } from "vitest";
import { Api } from "../src/http/api.ts";
import { MemoryCluster, request } from "./memory-cluster.ts";

const cluster = new MemoryCluster();
afterAll(() => cluster.close());

it("a change of mode is answered when its wait is over, however much longer that is than a connection may be idle", async () => {
  const nodes = await cluster.found(3);
  const leader = cluster.leader!;
  const instance = { id: "a", host: "127.0.0.1", port: 1, interval: 60_000 };
  await request(leader, "POST", "/service", [{ name: "web", type: "tcp", node: [instance] }]);
  const api = new Api(leader.node, { host: "127.0.0.1", port: 0, hosts: [], origins: [], idleMs: 100 }, NO_LOGGER);
  const url = await api.listen();
  // One that cannot be asked is waited for.
  await nodes.find((node) => node !== leader)!.kill();
  const change = { name: "web", id: "a", mode: "draining" };
  const { status, body } = await request({ url }, "POST", "/service/mode?wait=1500", [change]);
  await api.close();
  expect([status, body.data]).toMatchObject([
    200,
    { changed: 1, watchers: { told: 2, waiting: [expect.any(String)] } },
  ]);
});
