import { spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "@dister/types/system";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EXIT } from "../src/index.ts";
import { run } from "../src/run.ts";
import { whyNotFree } from "../src/up/free-port.ts";
import type { UpTuning } from "../src/up/tuning.ts";
import { type UpComponents, up } from "../src/up/up.ts";
import { Capture } from "./capture.ts";
import { freeBase } from "./free-base.ts";

const DAEMON = fileURLToPath(new URL("fake-daemon.mjs", import.meta.url));
const HOST = "127.0.0.1";
// Each starts processes; a busy machine takes its time over that.
vi.setConfig({ testTimeout: 30_000 });
const TUNING: Partial<UpTuning> = { lookMs: 20, calmMs: 20, restartMs: 20, sameSignalMs: 0 };

let folder: string;
let basePort: number;
let io: Capture;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const pidsIn = (text: string): number[] =>
  [...text.matchAll(/node\d +http:\S+ +\S+ +(\d+)/g)].map(([, pid]) => Number(pid));

function start(nodes: number, tuning: Partial<UpTuning> = {}, more: Partial<UpComponents> = {}): Promise<number> {
  const options = { nodes, data: folder, basePort, host: HOST };
  return up(options, { io, daemon: DAEMON, tuning: { ...TUNING, ...tuning }, ...more });
}

/** The row of the leader in what was shown. */
function leaderIn(text: string): { name: string; pid: number } {
  const [, name, pid] = /(node\d) +http:\S+ +\S+ +(\d+) {2}leader\n/.exec(text)!;
  return { name: name!, pid: Number(pid) };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dister-up-"));
  basePort = await freeBase();
  io = new Capture({ PATH: process.env["PATH"] });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("start and stop", () => {
  test("starts nodes that know each other, shows where they are, and stops them on a signal", async () => {
    const ended = start(3);
    await io.seen(/Ctrl-C stops the cluster; the data stays in/);
    const pids = pidsIn(io.out);
    expect(pids).toHaveLength(3);
    const rows = [1, 2, 3].map((n) => `node${n} +http://${HOST}:${basePort + 10 * n - 8} +\\S+/node${n} +\\d+`);
    for (const row of rows) expect(io.out).toMatch(new RegExp(`^  ${row}(  leader)?$`, "m"));
    expect(pids).toContain(leaderIn(io.out).pid);
    expect(io.out).toContain(`'{"greeting":"hello"}' http://${HOST}:${basePort + 12}/kv\n`);
    expect(io.out).toContain(`curl 'http://${HOST}:${basePort + 22}/kv?k=greeting'\n`);
    expect(io.out).toContain(`dister --api http://${HOST}:${basePort + 2} status\n`);
    expect(io.out).toContain(`kill -9 ${leaderIn(io.out).pid}\n`);

    const response = await fetch(`http://${HOST}:${basePort + 12}/cluster/status`);
    const { data } = (await response.json()) as { data: { flags: object; cwd: string } };
    expect(data.cwd).toBe(join(folder, "node2"));
    expect(data.flags).toEqual({
      Name: "node2",
      Group: "default.group.dister",
      SavePath: join(folder, "node2"),
      LogPath: join(folder, "node2", "log"),
      MinNode: "3",
      Peers: `${HOST}:${basePort},${HOST}:${basePort + 10},${HOST}:${basePort + 20}`,
      Ip: HOST,
      Listen: HOST,
      ApiHost: HOST,
      RaftPort: String(basePort + 10),
      ReplPort: String(basePort + 11),
      ApiPort: String(basePort + 12),
    });
    expect((await stat(join(folder, "node2", "log"))).mode & 0o777).toBe(0o700);

    expect(io.listeners).toBe(1);
    io.signal();
    expect(await ended).toBe(EXIT.done);
    expect(io.out).toMatch(/\nstopping\nstopped\n$/);
    expect(pids.map(isRunning)).toEqual([false, false, false]);
    expect(io.listeners).toBe(0);
  });

  test("one node is a cluster too", async () => {
    const ended = start(1);
    await io.seen(/1 node is ready/);
    io.signal();
    expect(await ended).toBe(EXIT.done);
  });

  test("with --json there is one document, and news go to standard error", async () => {
    const argv = ["up", "--json", "--nodes", "2", "--data", folder, "--base-port", String(basePort)];
    const ended = run(argv, io, { daemon: DAEMON });
    await io.seen(/\n/);
    io.signal();
    expect(await ended).toBe(EXIT.done);
    const { result, data } = JSON.parse(io.out) as { result: number; data: { nodes: object[] } };
    expect(result).toBe(1);
    expect(data.nodes[0]).toEqual({
      name: "node1",
      api: `http://${HOST}:${basePort + 2}`,
      ports: { raft: basePort, repl: basePort + 1, api: basePort + 2 },
      data: join(folder, "node1"),
      pid: expect.any(Number),
      leader: expect.any(Boolean),
    });
    expect(io.err).toBe("starting 2 nodes\nstopping\nstopped\n");
  });

  test("a signal while the nodes are still starting stops them", async () => {
    io.env["FAKE"] = "node2:never-ready";
    const ended = start(2);
    await io.seen(/starting 2 nodes/);
    io.signal();
    expect(await ended).toBe(EXIT.done);
    expect(io.out).toBe("starting 2 nodes\nstopping\nstopped\n");
  });

  test("a node that does not stop in time is killed, and that is said", async () => {
    io.env["FAKE"] = "node1:stubborn,node2:stubborn";
    const ended = start(2, { stopMs: 200 });
    await io.seen(/Ctrl-C/);
    const pids = pidsIn(io.out);
    io.signal();
    expect(await ended).toBe(EXIT.done);
    expect(io.out).toMatch(/\nstopping\nnode1, node2 did not stop within 0.2 s: killed\nstopped\n$/);
    expect(pids.map(isRunning)).toEqual([false, false]);
  });

  test("a second signal kills at once", async () => {
    io.env["FAKE"] = "node2:stubborn";
    const ended = start(2, { stopMs: 600_000 });
    await io.seen(/Ctrl-C/);
    const pids = pidsIn(io.out);
    io.signal();
    io.signal();
    expect(await ended).toBe(EXIT.failed);
    expect(io.out).toMatch(/\nstopping\nkilled\n$/);
    expect(pids.map(isRunning)).toEqual([false, false]);
  });

  test("two signals that come together are one", async () => {
    const ended = start(1, { sameSignalMs: 600_000 });
    await io.seen(/Ctrl-C/);
    io.signal();
    io.signal();
    expect(await ended).toBe(EXIT.done);
    expect(io.out).toMatch(/\nstopped\n$/);
  });
});

describe("a node that ends by itself", () => {
  test("is reported in one line and started again, and so is who leads then", async () => {
    const ended = start(3, { restartMs: 300 });
    await io.seen(/Ctrl-C/);
    const leader = leaderIn(io.out);
    process.kill(leader.pid, "SIGKILL");
    await io.seen(new RegExp(`\n${leader.name} \\(pid ${leader.pid}\\) ended, killed by SIGKILL: starting it again\n`));
    await io.seen(/\nnode\d leads now\n/);
    const [, again] = await io.seen(new RegExp(`\n${leader.name} is back \\(pid (\\d+)\\)\n`));
    expect(Number(again)).not.toBe(leader.pid);
    expect(isRunning(Number(again))).toBe(true);
    io.signal();
    expect(await ended).toBe(EXIT.done);
    expect(isRunning(Number(again))).toBe(false);
  });

  test("is left alone after five quick restarts; when that is all of them, up ends with 1", async () => {
    io.env["FAKE"] = "node1:crashes";
    expect(await start(1, { lookMs: 5, restartMs: 1, restartMsMax: 2 })).toBe(EXIT.failed);
    expect(io.out.match(/ ended, exit code 7: starting it again\n/g)).toHaveLength(5);
    expect(io.out).toMatch(/ ended, exit code 7: it ends too often and is left alone; see \S+log\nno node is left\n$/);
  });
});

describe("when up itself is gone", () => {
  test("killed without a chance to stop anything, no node is left running", async () => {
    const script = fileURLToPath(new URL("up-child.ts", import.meta.url));
    const args = ["--conditions=@dister/source", script, DAEMON, folder, String(basePort)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.setEncoding("utf8").on("data", (text: string) => io.stdout.write(text));
    await io.seen(/Ctrl-C/);
    const pids = pidsIn(io.out);
    expect(pids.map(isRunning)).toEqual([true, true]);
    child.kill("SIGKILL");
    while (pids.some(isRunning)) await setTimeout(10);
  });
});

describe("a start that fails leaves nothing running", () => {
  test("a port that is taken is named, before anything is started", async () => {
    const server = createServer().listen(basePort + 11, HOST);
    try {
      await expect(start(2)).rejects.toThrow(`port ${basePort + 11} of ${HOST} is taken (node2, repl)`);
      expect(io.out).toBe("");
      const argv = ["up", "--data", folder, "--base-port", String(basePort)];
      expect(await run(argv, io, { daemon: DAEMON })).toBe(EXIT.failed);
      expect(io.err).toMatch(
        /^ERROR: port \d+ of 127\.0\.0\.1 is taken \(node2, repl\); --base-port chooses others\n$/,
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test("a node that ends at once shows the last that it printed", async () => {
    io.env["FAKE"] = "node2:wrong-config";
    const message = /^node2 ended while it was starting: exit code 78; its log is in \S+\n {2}disterd: MinNode: got 0/;
    await expect(start(3)).rejects.toThrow(message);
    expect(await whyNotFree(HOST, basePort + 2)).toBeUndefined();
    expect(io.listeners).toBe(0);
  });

  test("nodes that are not ready in time are given up, with what they wait for", async () => {
    io.env["FAKE"] = "node1:never-ready";
    let passedMs = 0;
    const clock = { ...systemClock, nowMs: () => passedMs };
    const ended = start(2, {}, { clock });
    const failed = expect(ended).rejects.toThrow(
      /^node1 is not ready after 30 s: waiting for 2 more servers; its log is in /,
    );
    const statusOf = (port: number): Promise<number> =>
      fetch(`http://${HOST}:${port}/health`).then(
        ({ status }) => status,
        () => 0,
      );
    while ((await statusOf(basePort + 2)) !== 503 || (await statusOf(basePort + 12)) !== 200) await setTimeout(10);
    passedMs = 30_000;
    await failed;
    expect(await whyNotFree(HOST, basePort + 2)).toBeUndefined();
  });

  test("a daemon that is not there is said to be missing", async () => {
    const options = { nodes: 1, data: folder, basePort, host: HOST };
    await expect(up(options, { io, daemon: join(folder, "none.js"), tuning: TUNING })).rejects.toThrow(
      /node1 ended while it was starting: exit code 1; .*[\s\S]*Cannot find module/,
    );
  });
});
