import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { api, type Daemon, freePorts, startDaemon, until } from "./daemons.ts";

let folder: string;
let daemon: Daemon | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-log-output-"));
});
afterEach(async () => {
  await daemon?.signal("SIGKILL");
  daemon = null;
  rmSync(folder, { recursive: true, force: true });
});

async function startAlone(...more: string[]): Promise<string> {
  const [raft, repl, http] = (await freePorts(3)) as [number, number, number];
  const ports = [`--RaftPort=${raft}`, `--ReplPort=${repl}`, `--ApiPort=${http}`];
  const address = ["--MinNode=1", "--Ip=127.0.0.1", "--Listen=127.0.0.1"];
  daemon = startDaemon([...address, ...ports, `--SavePath=${folder}`, ...more], folder);
  const url = `http://127.0.0.1:${http}`;
  await until(
    async () => (await api(url, "GET", "/health")).status === 200,
    () => daemon!.output,
  );
  return url;
}

const linesOf = (text: string): { level: string; msg: string }[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { level: string; msg: string });

it("a node tells its life from starting to stopped, on standard output", async () => {
  await startAlone();
  const { stdout, code } = await daemon!.signal("SIGTERM");
  daemon = null;
  const messages = linesOf(stdout).map(({ msg }) => msg);
  expect([messages[0], messages.at(-1), code]).toEqual(["starting", "stopped", 0]);
  const expected = ["node started", "cluster founded", "members known", "standing for election", "leader elected"];
  expect(messages).toEqual(expect.arrayContaining([...expected, "stopping"]));
});

it("LogLevel chooses which lines are written", async () => {
  await startAlone("--LogLevel=warn");
  const { stdout } = await daemon!.signal("SIGTERM");
  daemon = null;
  const levels = stdout === "" ? [] : linesOf(stdout).map(({ level }) => level);
  expect(levels.filter((level) => level !== "warn" && level !== "error")).toEqual([]);
});

it("a node whose standard output nobody reads any more goes on, and says so once", async () => {
  const url = await startAlone("--LogLevel=debug");
  daemon!.process.stdout!.destroy();
  for (let i = 0; i < 20; i++) {
    expect((await api(url, "POST", "/kv", { k: String(i) })).status).toBe(200);
    const node = [{ host: "127.0.0.1", port: 1 }];
    expect((await api(url, "POST", "/service", [{ name: `s${i}`, type: "tcp", node }])).status).toBe(200);
  }
  const { stderr, code } = await daemon!.signal("SIGTERM");
  daemon = null;
  expect([code, stderr.split("standard output").length - 1]).toEqual([0, 1]);
});

it("a node whose log folder is taken away goes on, and writes again when it is back", async () => {
  const logs = join(folder, "log");
  const url = await startAlone(`--LogPath=${logs}`);
  rmSync(logs, { recursive: true });
  writeFileSync(logs, "in the way");
  const write = async (): Promise<void> => {
    await api(url, "POST", "/cluster/transfer");
    expect((await api(url, "POST", "/kv", { k: "v" })).status).toBe(200);
  };
  await write();
  rmSync(logs);
  const { stderr, code } = await daemon!.signal("SIGTERM");
  daemon = null;
  expect(code).toBe(0);
  expect(stderr.split("cannot be written").length - 1).toBeLessThanOrEqual(1);
});

it("a log folder that cannot be used ends the start with one line that names the key", async () => {
  const logs = join(folder, "log");
  writeFileSync(logs, "in the way");
  daemon = startDaemon([`--LogPath=${logs}`, "--MinNode=1"], folder);
  const { stderr, code } = await daemon.ended;
  daemon = null;
  expect(stderr).toMatch(/^disterd: LogPath: got .*log, allowed is a folder that can be written: .*\n$/);
  expect(code).toBe(78);
  expect(readdirSync(folder)).toEqual(["log"]);
  expect(readFileSync(logs, "utf8")).toBe("in the way");
});
