import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type ApiAnswer, api, DaemonCluster, until } from "./daemons.ts";

let cluster: DaemonCluster;
afterEach(() => cluster.close(), 30_000);

interface Marked extends ApiAnswer {
  readonly stale?: true;
  readonly cached?: true;
}

const get = (i: number, path: string): Promise<Marked> => api(cluster.url(i), "GET", path);
const put = (i: number, body: unknown): Promise<ApiAnswer> => api(cluster.url(i), "POST", "/kv", body);

/** Waits until the client node's own answer holds a key's value. */
async function localRead(i: number, key: string, value: string): Promise<void> {
  await until(async () => (await get(i, `/kv?k=${key}&consistency=local`)).data === value);
}

describe("a client beside three servers, all real processes", { timeout: 120_000 }, () => {
  it("serves while servers are killed one after the other, and tells what it last knew when none is left", async () => {
    cluster = await DaemonCluster.start(3);
    const client = await cluster.grow("client");
    expect(readdirSync(join(cluster.slots[client]!.folder, "dister.db")).sort()).toEqual(["identity.json", "lock"]);
    expect(await put(client, { a: "1" })).toMatchObject({ status: 200 });
    // The one service is the client itself: its API is there whatever becomes of the servers.
    const web = { name: "web", type: "tcp", node: [{ host: "127.0.0.1", port: cluster.slots[client]!.ports.api }] };
    expect(await api(cluster.url(client), "POST", "/service", [web])).toMatchObject({ status: 200 });
    await until(async () => (await get(client, "/balance?name=web")).status === 200);

    const first = await cluster.leader();
    await cluster.kill(first);
    expect(await put(client, { a: "2" })).toMatchObject({ status: 200 });
    expect((await get(client, "/kv?k=a")).data).toBe("2");
    await localRead(client, "a", "2");

    for (const i of [0, 1, 2].filter((one) => one !== first)) await cluster.kill(i);
    await until(async () => (await get(client, "/health")).status === 503);
    expect(await get(client, "/balance?name=web")).toMatchObject({ status: 200, stale: true });
    expect(await get(client, "/service?name=web")).toMatchObject({ status: 200, stale: true });
    expect(await put(client, { a: "3" })).toMatchObject({ status: 503, code: "DISTER_ERR_NO_SERVER" });
    expect(await get(client, "/kv?k=a")).toMatchObject({ status: 503, code: "DISTER_ERR_NO_SERVER" });

    for (const i of [0, 1, 2]) cluster.run(i);
    await cluster.ready();
    expect((await get(client, "/service?name=web")).stale).toBeUndefined();
    expect((await get(client, "/kv?k=a")).data).toBe("2");
    expect(await put(client, { a: "4" })).toMatchObject({ status: 200 });
    await localRead(0, "a", "4");
  });

  it("is refused the data folder of a member, and can become a server that joins with nothing", async () => {
    cluster = await DaemonCluster.start(3);
    cluster.slots[2]!.role = "client";
    await cluster.kill(2, "SIGTERM");
    const ended = await cluster.run(2).ended;
    cluster.slots[2]!.daemon = null;
    expect(ended.code).toBe(78);
    expect(ended.stderr).toMatch(/^disterd: the data folder cannot be used: it holds a member's data, [^\n]+\n$/);

    const client = await cluster.grow("client");
    expect(await put(client, { a: "1" })).toMatchObject({ status: 200 });
    await cluster.kill(client, "SIGTERM");
    cluster.slots[client]!.role = "server";
    cluster.run(client);
    await cluster.ready([client]);
    await until(async () => {
      const { data } = await get(client, "/node");
      return (data as { voter: boolean }[]).filter(({ voter }) => voter).length === 4;
    });
    await localRead(client, "a", "1");
  });
});
