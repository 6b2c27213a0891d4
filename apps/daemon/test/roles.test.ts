import { afterEach, describe, expect, it } from "vitest";
import { api, DaemonCluster, until } from "./daemons.ts";

let cluster: DaemonCluster;
afterEach(() => cluster.close(), 30_000);

/** Who votes, by the word of whichever node answers. */
async function voters(at: number): Promise<string[]> {
  const { data } = await api(cluster.url(at), "GET", "/node");
  const members = (data ?? []) as { name: string; voter: boolean }[];
  return members.filter(({ voter }) => voter).map(({ name }) => name);
}

async function restart(i: number, role: string): Promise<void> {
  await cluster.kill(i, "SIGTERM");
  cluster.slots[i]!.role = role;
  cluster.run(i);
  await cluster.ready([i]);
}

describe("a role that is changed by a restart, with real processes", { timeout: 120_000 }, () => {
  it("takes a monitor's vote away and gives it back to a server, also when the node led before", async () => {
    cluster = await DaemonCluster.start(3);
    const node = await cluster.leader();
    const other = (node + 1) % 3;
    await restart(node, "monitor");
    await until(async () => !(await voters(other)).includes(`node${node + 1}`));
    expect(await voters(other)).toHaveLength(2);
    expect(await api(cluster.url(node), "POST", "/kv", { k: "as monitor" })).toMatchObject({ status: 200 });
    await restart(node, "server");
    await until(async () => (await voters(other)).length === 3);
    expect((await api(cluster.url(node), "GET", "/kv?k=k")).data).toBe("as monitor");
  });
});
