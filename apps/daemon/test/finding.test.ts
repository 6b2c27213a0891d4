import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { api, type Daemon, freePorts, startDaemon, until } from "./daemons.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

let folder: string;
let running: Daemon[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-finding-"));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((daemon) => daemon.signal("SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

/** Two daemons, each told of the other under a host, without an address of their own. */
async function pair(host: string, listen: string): Promise<string[]> {
  const ports = await freePorts(6);
  const urls: string[] = [];
  for (const one of [0, 1]) {
    const [raft, repl, apiPort] = ports.slice(3 * one, 3 * one + 3) as [number, number, number];
    const other = ports[3 - 3 * one]!;
    const args = ["--MinNode=2", `--Name=node${one}`, `--SavePath=${join(folder, String(one))}`, `--Listen=${listen}`];
    const where = [`--Peers=${host}:${other}`, `--RaftPort=${raft}`, `--ReplPort=${repl}`, `--ApiPort=${apiPort}`];
    running.push(startDaemon([...args, ...where], folder));
    urls.push(`http://127.0.0.1:${apiPort}`);
  }
  return urls;
}

async function formed(urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    const output = (): string => running.map((daemon) => daemon.output).join("\n");
    await until(async () => (await api(url, "GET", "/health")).status === 200, output);
  }
  expect(await api(urls[0]!, "POST", "/kv", { found: "yes" })).toMatchObject({ status: 200 });
  expect(await api(urls[1]!, "GET", "/kv?k=found")).toMatchObject({ data: "yes" });
}

async function addresses(url: string): Promise<string[]> {
  return ((await api(url, "GET", "/node")).data as { ip: string }[]).map(({ ip }) => ip);
}

describe("daemons that are told of each other", { timeout: 60_000 }, () => {
  it("by a name found a cluster, with the addresses at which they were reached", async () => {
    const urls = await pair("localhost", "127.0.0.1");
    await formed(urls);
    expect(await addresses(urls[0]!)).toEqual(["127.0.0.1", "127.0.0.1"]);
  });

  it.runIf(hasIpv6)("by IPv6 addresses found a cluster and forward their writes", async () => {
    const urls = await pair("[::1]", "::1");
    await formed(urls);
    expect(await addresses(urls[1]!)).toEqual(["::1", "::1"]);
  });
});
