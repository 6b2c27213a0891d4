import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../src/index.ts";
import { Capture } from "./capture.ts";
import { freeBase } from "./free-base.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** `disterd` from its sources, so that no build is needed. */
const DAEMON = fileURLToPath(new URL("../../daemon/src/main.ts", import.meta.url));
const UP_ENV = { PATH: process.env["PATH"], NODE_OPTIONS: "--conditions=@dister/source" };

const folder = mkdtempSync(join(tmpdir(), "dister-cluster-"));
const upIo = new Capture(UP_ENV);
let upEnded: Promise<number>;
let urls: string[];
/** Where the instances a, b and c listen. */
let servers: Server[];
let file: string;

beforeAll(async () => {
  const base = await freeBase();
  urls = [2, 12, 22].map((offset) => `http://127.0.0.1:${base + offset}`);
  const argv = ["up", "--data", join(folder, "data"), "--base-port", String(base)];
  upEnded = run(argv, upIo, { daemon: DAEMON });
  servers = await Promise.all(["a", "b", "c"].map(() => listening()));
  file = join(folder, "web.json");
  const node = servers.map((server, i) => ({ ...instanceAt(server, "abc"[i]!), tags: i === 1 ? ["blue"] : [] }));
  writeFileSync(file, JSON.stringify({ name: "web", type: "tcp", node }));
  await Promise.race([upIo.seen(/Ctrl-C stops the cluster/), upEnded.then(() => Promise.reject(new Error(upIo.err)))]);
});
afterAll(async () => {
  upIo.signal();
  await upEnded;
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function listening(): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function instanceAt(server: Server, id: string) {
  const { port } = server.address() as { port: number };
  return { id, host: "127.0.0.1", port, interval: 200, timeout: 1_000 };
}

/** One run against a node, to its end. */
async function dister(argv: readonly string[], node = 0): Promise<{ code: number; out: string; err: string }> {
  const io = new Capture({ DISTER_URL: urls[node] });
  const code = await run(argv, io);
  return { code, out: io.out, err: io.err };
}

/** A run that goes on; it has been seen when this resolves. */
function watching(argv: readonly string[], node = 0): { io: Capture; ended: Promise<number> } {
  const io = new Capture({ DISTER_URL: urls[node] });
  return { io, ended: run([...argv, "--watch"], io) };
}

/** Process and name of a node that does not lead, and its place in `urls`. */
function follower(): { pid: number; name: string; node: number } {
  const rows = [...upIo.out.matchAll(/(node(\d)) +http:\S+ +\S+ +(\d+)( {2}leader)?\n/g)];
  const leader = /(node\d) leads now\n(?!.* leads now)/s.exec(upIo.out)?.[1];
  const row = rows.find(([, name, , , leads]) => (leader === undefined ? leads === undefined : name !== leader))!;
  return { pid: Number(row[3]), name: row[1]!, node: Number(row[2]) - 1 };
}

const counts = async (): Promise<string> => (await dister(["service", "ls"])).out.split("\n")[1]!.replace(/ +/g, " ");

describe("services of a cluster, by the command line", () => {
  test("are registered, and each instance is passing once its checks found it alive", async () => {
    expect(await dister(["service", "add", file], 1)).toMatchObject({ code: 0, out: "ok\n" });
    await vi.waitFor(async () => expect(await counts()).toBe("web tcp 3 3 0 0 0 0 -"), 30_000);
    const { out } = await dister(["service", "checks", "web"], 2);
    expect(out).toMatch(/^a +passing +\S+Z +node\d +passing +\d+\.\d\d ms +\d+ +connected$/m);
  });

  test("drained, an instance is chosen by nobody, every node knows it, and a watch at any node shows it", async () => {
    const watches = [watching(["service", "get", "web"], 1), watching(["service", "ls", "--json"], 2)];
    const explained = watching(["balance", "web", "--policy", "first", "--tags", "blue", "--explain"]);
    await Promise.all([...watches, explained].map(({ io }) => io.seen(/web|chosen/)));

    const drained = await dister(["service", "drain", "web", "b", "--wait", "20000"]);
    expect(drained).toMatchObject({ code: 0, out: "ok, b of web is draining; 3 nodes know it, nobody is missing\n" });
    // Every node knows it: each answers so at once, without another look.
    for (const node of [0, 1, 2]) {
      const { out } = await dister(["service", "get", "web", "--table"], node);
      expect(out).toMatch(/^web \(tcp\): 2 of 3 may be chosen$/m);
      expect(out).toMatch(/^b +127\.0\.0\.1:\d+ +draining +100 +blue +\S+Z$/m);
      const { out: picked } = await dister(["balance", "web", "--explain", "--count", "3"], node);
      expect(picked).toMatch(/^b +127\.0\.0\.1:\d+ +100 +0 +left out, draining$/m);
    }
    expect(await counts()).toBe("web tcp 3 2 0 0 1 0 -");

    await watches[0]!.io.seen(/Z now b +127\.0\.0\.1:\d+ +draining/);
    await watches[1]!.io.seen(/"state":"draining"/);
    await explained.io.seen(/Z now b +127\.0\.0\.1:\d+ +100 +0 +left out, draining\n/);
    for (const { io, ended } of [...watches, explained]) {
      io.signal();
      expect(await ended).toBe(0);
    }
  });

  test("keep a mode when they are registered again as they were shown, until it is taken back", async () => {
    const shown = join(folder, "shown.json");
    writeFileSync(shown, (await dister(["service", "get", "web"])).out);
    expect(await dister(["service", "add", shown])).toMatchObject({ code: 0 });
    expect(await counts()).toBe("web tcp 3 2 0 0 1 0 -");
    expect(await dister(["service", "drain", "web", "b", "--maintenance", "--wait", "0"])).toMatchObject({ code: 0 });
    expect(await counts()).toBe("web tcp 3 2 0 0 0 1 -");
    const back = await dister(["service", "drain", "web", "b", "--off", "--wait", "20000"]);
    expect(back).toMatchObject({ code: 0, out: expect.stringContaining("b of web is in use again") });
    expect(await counts()).toBe("web tcp 3 3 0 0 0 0 -");
  });

  test("name the node that was not told in time, and a watch of that node says that it is silent", async () => {
    const { pid, name, node } = follower();
    const watched = watching(["service", "get", "web", "--timeout", "500"], node);
    await watched.io.seen(/Id +Address/);
    const other = (node + 1) % 3;
    process.kill(pid, "SIGSTOP");
    try {
      const late = await dister(["service", "drain", "web", "c", "--wait", "300", "--timeout", "20000"], other);
      expect(late).toMatchObject({ code: 7, err: "" });
      expect(late.out).toBe(`ok, c of web is draining; 2 nodes know it, not told within 300 ms: ${name}\n`);
      await vi.waitFor(() => expect(watched.io.err).toContain("GET /service took longer than 500 ms\n"), 20_000);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await watched.io.seen(/Z now c +127\.0\.0\.1:\d+ +draining/);
    expect(watched.io.err).toMatch(/Z answers again\n$/);
    watched.io.signal();
    expect(await watched.ended).toBe(0);
  });

  test("have single instances added and removed, and go with the last one", async () => {
    const more = join(folder, "more.json");
    writeFileSync(more, JSON.stringify({ name: "web", type: "tcp", node: [instanceAt(servers[0]!, "d")] }));
    expect(await dister(["service", "add", more, "--instance"])).toMatchObject({ code: 0, out: "ok\n" });
    const { out } = await dister(["service", "get", "web", "--json"]);
    const ids = (JSON.parse(out) as { data: { node: { id: string }[] } }).data.node.map(({ id }) => id);
    expect(ids).toEqual(["a", "b", "c", "d"]);
    const rm = ["service", "rm", "web", "--instance"];
    expect(await dister([...rm, "d", "--instance", "x"])).toMatchObject({ code: 0, out: "ok, 1 of 2 were there\n" });
    expect(await dister([...rm, "a", "--instance", "b", "--instance", "c"])).toMatchObject({ code: 0, out: "ok\n" });
    expect(await dister(["service", "get", "web"])).toMatchObject({ code: 4, err: "ERROR: no service named 'web'\n" });
  });

  test("that do not exist, and fields that are wrong, are refused by name", async () => {
    const wrong = join(folder, "wrong.json");
    writeFileSync(wrong, JSON.stringify({ name: "web", type: "tcp", node: [{ id: "a", host: "h", port: "http" }] }));
    expect(await dister(["service", "add", wrong])).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^ERROR: 0\.node\.0\.port \(service "web", instance "a"\): got "http", allowed is a port/,
      ),
    });
    expect(await dister(["service", "drain", "web", "a"])).toMatchObject({
      code: 4,
      err: "ERROR: service 'web' has no instance 'a'\n",
    });
    expect(await dister(["service", "checks", "web"])).toMatchObject({
      code: 4,
      err: "ERROR: no service named 'web'\n",
    });
    expect(await dister(["balance", "web", "--explain", "--watch"])).toMatchObject({ code: 4 });
  });
});
