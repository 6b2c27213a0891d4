import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { api, DaemonCluster, until } from "./daemons.ts";

let cluster: DaemonCluster | null = null;

afterEach(async () => {
  await cluster?.close();
  cluster = null;
});

/** Turns one bit in the value of a key, in the log file of a node that is down. */
function damageValue({ slots }: DaemonCluster, i: number, value: string): void {
  const folder = join(slots[i]!.folder, "dister.db", "log");
  const name = readdirSync(folder).find((each) => each.endsWith(".dlog"))!;
  const path = join(folder, name);
  const at = readFileSync(path).indexOf(value);
  if (at < 0) throw new Error(`${value} is not in ${path}`);
  const file = openSync(path, "r+");
  writeSync(file, Buffer.from([value.charCodeAt(0) ^ 1]), 0, 1, at);
  closeSync(file);
}

async function metric(url: string, name: string): Promise<number> {
  const reply = await fetch(`${url}/metrics`);
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(await reply.text())?.[1]);
}

describe("a log file that is damaged while its node is down", () => {
  it("is made whole by the leader, keeps a copy for people, and costs no acknowledged key", {
    timeout: 60_000,
  }, async () => {
    const three = await DaemonCluster.start(3);
    cluster = three;
    for (let key = 0; key < 20; key++) await api(three.url(0), "POST", "/kv", { [`k${key}`]: `value-${key}!` });
    const leader = await three.leader();
    const down = (leader + 1) % 3;
    await three.kill(down);
    damageValue(three, down, "value-7!");
    // With its database it would miss nothing: that is the next test.
    for (const suffix of ["", "-wal", "-shm"]) {
      rmSync(join(three.slots[down]!.folder, "dister.db", `state.db${suffix}`), { force: true });
    }
    for (let key = 20; key < 30; key++) await api(three.url(leader), "POST", "/kv", { [`k${key}`]: `value-${key}!` });

    three.run(down);
    await three.ready([down]);
    await until(async () => (await metric(three.url(down), "dister_raft_suspect")) === 0);
    expect(three.slots[down]!.daemon!.output).toContain("whole again: this node votes");
    const folder = join(three.slots[down]!.folder, "dister.db", "log");
    expect(readdirSync(folder).some((name) => name.endsWith(".damaged"))).toBe(true);

    // The healed node is one of the two that are left: without its vote and its log nothing could be decided.
    await three.kill((leader + 2) % 3);
    for (const key of [7, 29]) {
      const reply = await api(three.url(down), "GET", `/kv?k=k${key}`);
      expect(reply).toMatchObject({ result: 1, data: `value-${key}!` });
    }
    expect(await api(three.url(down), "POST", "/kv", { after: "x" })).toMatchObject({ result: 1 });
  });

  it("does not stop a node that is alone, when all that is lost is applied", { timeout: 60_000 }, async () => {
    const alone = await DaemonCluster.start(1);
    cluster = alone;
    for (const key of ["a", "b", "c"]) await api(alone.url(0), "POST", "/kv", { [key]: `precious-${key}` });
    await alone.kill(0);
    damageValue(alone, 0, "precious-b");
    alone.run(0);
    await alone.ready();
    for (const key of ["a", "b", "c"]) {
      expect(await api(alone.url(0), "GET", `/kv?k=${key}`)).toMatchObject({ result: 1, data: `precious-${key}` });
    }
    expect(await api(alone.url(0), "POST", "/kv", { d: "x" })).toMatchObject({ result: 1 });
  });
});
