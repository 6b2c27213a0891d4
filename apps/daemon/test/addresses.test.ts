import { afterEach, describe, expect, it } from "vitest";
import { api, DaemonCluster } from "./daemons.ts";

let cluster: DaemonCluster;
afterEach(() => cluster.close(), 30_000);

describe("nodes whose own address is another than the one they are reached at", { timeout: 60_000 }, () => {
  it("keep the connections that work, and their leader", async () => {
    // Every node says that it is called localhost; the peers are configured as 127.0.0.1.
    cluster = await DaemonCluster.start(3, ["--Ip=localhost"]);
    const leader = await cluster.leader();
    const term = async (): Promise<unknown> => {
      const status = (await api(cluster.url(leader), "GET", "/cluster/status")).data as { raft: { term: number } };
      return status.raft.term;
    };
    const before = await term();
    // Longer than the time between two hellos to a configured address.
    const end = performance.now() + 5_000;
    for (let i = 0; performance.now() < end; i++) {
      expect(await api(cluster.url(i % 3), "POST", "/kv", { [`k${i}`]: "v" })).toMatchObject({ status: 200 });
    }
    expect(await term()).toBe(before);
    const moved = cluster.slots.filter(({ daemon }) => daemon!.output.includes("connection to the leader closed"));
    expect(moved).toEqual([]);
  });
});
