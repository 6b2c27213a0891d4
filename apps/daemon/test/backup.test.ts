import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { api, DaemonCluster, until } from "./daemons.ts";

let cluster: DaemonCluster;
afterEach(() => cluster.close(), 30_000);

/** A service with one node that is alive as long as the returned server listens. */
async function living(): Promise<{ service: object; server: Server }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, service: { name: "web", type: "tcp", node: [{ host: "127.0.0.1", port, interval: 100 }] } };
}

async function serviceStatus(i: number): Promise<unknown> {
  return ((await api(cluster.url(i), "GET", "/service?name=web")).data as { node: { status: number }[] }).node[0]
    ?.status;
}

interface Status {
  readonly cluster: string;
  readonly keys: number;
  readonly raft: { readonly membership: { readonly members: { name: string; voter: boolean }[] } };
}

async function statusOf(i: number): Promise<Status> {
  return (await api(cluster.url(i), "GET", "/cluster/status")).data as Status;
}

/** All keys and their histories, of a local read. */
async function keysOf(i: number): Promise<unknown> {
  return (await api(cluster.url(i), "GET", "/kv?prefix=&meta=1&consistency=local")).data;
}

async function save(i: number, name: string): Promise<string> {
  const response = await fetch(`${cluster.url(i)}/cluster/snapshot`);
  expect(response.status).toBe(200);
  const path = join(cluster.folder, name);
  writeFileSync(path, Buffer.from(await response.arrayBuffer()));
  return path;
}

async function allVote(i: number, count: number): Promise<void> {
  await until(
    async () => {
      const { members } = (await statusOf(i)).raft.membership;
      return members.length === count && members.every(({ voter }) => voter);
    },
    () => cluster.slots.map(({ name, daemon }) => `${name}\n${daemon?.output}`).join("\n"),
  );
}

describe("a backup of three", { timeout: 120_000 }, () => {
  it("forms a new cluster of three: the first from the file, the others empty", async () => {
    cluster = await DaemonCluster.start(3);
    for (let i = 0; i < 30; i++) await api(cluster.url(i % 3), "POST", "/kv", { [`key${i}`]: `value${i}` });
    await api(cluster.url(0), "POST", "/kv", { key0: "again" });
    await api(cluster.url(0), "DELETE", "/kv", ["key1"]);
    const { service, server } = await living();
    expect(await api(cluster.url(1), "POST", "/service", [service])).toMatchObject({ status: 200 });
    await until(async () => (await serviceStatus(1)) === 1);
    await api(cluster.url(1), "POST", "/kv", { once: "1" }, { "x-request-id": "only-once" });
    const file = await save(1, "cluster.backup");
    const keys = await keysOf(1);
    const old = (await statusOf(0)).cluster;
    expect(await api(cluster.url(0), "POST", "/kv", { late: "not in the file" })).toMatchObject({ status: 200 });
    const inspected = await cluster.offline(0, "inspect", "--from", file).catch(() => undefined);
    expect(inspected).toMatchObject({ code: 78 }); // It takes no configuration.

    // On the machine of a node that runs, and over one that has data.
    expect((await cluster.offline(0, "restore", "--from", file)).stderr).toContain("has data");
    await Promise.all([0, 1, 2].map((i) => cluster.kill(i, "SIGTERM")));
    expect(await cluster.offline(0, "restore", "--from", file)).toMatchObject({ code: 1 });
    for (const i of [0, 1, 2]) rmSync(cluster.dataFolder(i), { recursive: true });

    await new Promise((resolve) => server.close(resolve));
    const restored = await cluster.offline(0, "restore", "--from", file, "--json");
    expect(restored).toMatchObject({ code: 0, stderr: "" });
    const { data } = JSON.parse(restored.stdout) as { data: { cluster: string; keys: number; services: number } };
    expect(data).toMatchObject({ keys: 30, services: 1 });
    for (const i of [0, 1, 2]) cluster.run(i);
    await cluster.ready();
    await allVote(0, 3);
    for (const i of [0, 1, 2]) {
      expect((await statusOf(i)).cluster).toBe(data.cluster);
      await until(async () => JSON.stringify(await keysOf(i)) === JSON.stringify(keys));
    }
    expect(data.cluster).not.toBe(old);
    expect(await serviceStatus(2)).toBe(0);
    expect(await api(cluster.url(2), "GET", "/kv?k=late")).toMatchObject({ status: 404 });
    // A request that the old cluster had done is known, and not done again.
    const again = await api(cluster.url(2), "POST", "/kv", { once: "2" }, { "x-request-id": "only-once" });
    expect(again.status).toBe(200);
    expect((await api(cluster.url(2), "GET", "/kv?k=once")).data).toBe("1");
    // Like every cluster it goes on without any one of them.
    await cluster.kill(0);
    expect(await api(cluster.url(1), "POST", "/kv", { after: "all" })).toMatchObject({ status: 200 });
  });

  it("is not restored into a group of another name unless that is meant", async () => {
    cluster = await DaemonCluster.start(1, ["--Group=one"]);
    await api(cluster.url(0), "POST", "/kv", { a: "1" });
    const file = await save(0, "one.backup");
    await cluster.kill(0, "SIGTERM");
    rmSync(cluster.dataFolder(0), { recursive: true });
    cluster.extraArgs = ["--Group=two"];
    const refused = await cluster.offline(0, "restore", "--from", file);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain("the backup is of the group one, the configured group is two");
    expect(existsSync(cluster.slots[0]!.folder) && readdirSync(cluster.slots[0]!.folder)).toEqual([]);
    expect(await cluster.offline(0, "restore", "--from", file, "--other-group")).toMatchObject({ code: 0 });
    cluster.run(0);
    await cluster.ready();
    expect((await api(cluster.url(0), "GET", "/kv?k=a")).data).toBe("1");
  });
});

describe("one of three of which two are gone for good", { timeout: 120_000 }, () => {
  it("is recovered with all that it had; an old member is refused, reset, and joins beside a new one", async () => {
    cluster = await DaemonCluster.start(3);
    for (let i = 0; i < 30; i++) await api(cluster.url(i % 3), "POST", "/kv", { [`key${i}`]: `value${i}` });
    await until(async () => (await statusOf(2)).keys === 30);
    const old = (await statusOf(2)).cluster;
    const keys = await keysOf(2);
    expect((await cluster.offline(2, "recover", "--yes")).stderr).toContain("is in use by process");
    await Promise.all([0, 1, 2].map((i) => cluster.kill(i)));
    rmSync(cluster.dataFolder(1), { recursive: true });

    const asked = await cluster.offline(2, "recover");
    expect(asked).toMatchObject({ code: 78 });
    expect(asked.stderr).toContain("node1");
    expect(asked.stderr).toContain("nothing was changed");
    const done = await cluster.offline(2, "recover", "--yes", "--json");
    expect(done).toMatchObject({ code: 0 });
    const { data } = JSON.parse(done.stdout) as { data: { cluster: string; before: string } };
    expect(existsSync(join(data.before, "identity.json"))).toBe(true);
    cluster.run(2);
    await cluster.ready([2]);
    expect((await statusOf(2)).cluster).toBe(data.cluster);
    expect(data.cluster).not.toBe(old);
    expect(await keysOf(2)).toEqual(keys);
    expect(await api(cluster.url(2), "POST", "/kv", { alone: "1" })).toMatchObject({ status: 200 });

    // A member that was given up comes back with its data: it is no part of this cluster, and both say so.
    const back = cluster.run(0);
    await until(
      async () => back.output.includes("another cluster of this group was met"),
      () => back.output,
    );
    expect((await api(cluster.url(0), "GET", "/health")).status).toBe(503);
    expect((await statusOf(2)).raft.membership.members.map(({ name }) => name)).toEqual(["node3"]);

    await cluster.kill(0, "SIGTERM");
    expect(await cluster.offline(0, "reset", "--yes")).toMatchObject({ code: 0 });
    expect(existsSync(cluster.dataFolder(0))).toBe(false);
    cluster.run(0);
    cluster.run(1);
    await cluster.ready();
    await allVote(2, 3);
    for (const i of [0, 1]) {
      expect((await api(cluster.url(i), "GET", "/kv?k=alone")).data).toBe("1");
      expect((await api(cluster.url(i), "GET", "/kv?k=key29")).data).toBe("value29");
    }
  });
});
