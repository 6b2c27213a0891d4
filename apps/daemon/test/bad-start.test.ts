import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { api, type Daemon, type Ended, freePorts, startDaemon, until } from "./daemons.ts";

let folder: string;
let ports: [number, number, number];
const running = new Set<Daemon>();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dister-start-"));
  ports = (await freePorts(3)) as [number, number, number];
});
afterEach(async () => {
  await Promise.all([...running].map((daemon) => daemon.signal("SIGKILL")));
  running.clear();
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: string[]): Daemon {
  const [raft, repl, apiPort] = ports;
  const own = [`--RaftPort=${raft}`, `--ReplPort=${repl}`, `--ApiPort=${apiPort}`, `--SavePath=${folder}/data`];
  const daemon = startDaemon(["--MinNode=1", "--Listen=127.0.0.1", "--Ip=127.0.0.1", ...own, ...args], folder);
  running.add(daemon);
  void daemon.ended.then(() => running.delete(daemon));
  return daemon;
}

async function started(...args: string[]): Promise<Daemon> {
  const daemon = start(...args);
  const url = `http://127.0.0.1:${ports[2]}`;
  await until(
    async () => (await api(url, "GET", "/health")).status === 200,
    () => daemon.output,
  );
  return daemon;
}

/** A start that ends by itself, with one line that says why. */
async function refused(daemon: Daemon): Promise<Ended> {
  const ended = await daemon.ended;
  expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  return ended;
}

describe("a start that cannot be meant ends with code 78 and one line", { timeout: 60_000 }, () => {
  it("for a key that does not exist, naming the one that was meant", async () => {
    writeFileSync(join(folder, "dister.json"), '{ "Gruop": "x" }');
    const ended = await refused(start());
    expect(ended).toMatchObject({
      code: 78,
      stderr: "disterd: Gruop: got a key that does not exist, allowed is Group\n",
    });
  });

  it("for a port that is in use, each of the three", async () => {
    for (const [position, name] of ["raft", "repl", "api"].entries()) {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(ports[position], "127.0.0.1", resolve));
      const ended = await refused(start());
      await new Promise((resolve) => taken.close(resolve));
      expect(ended.code).toBe(78);
      expect(ended.stderr).toContain(`Ports.${name}`);
      expect(ended.stderr).toContain(String(ports[position]));
    }
  });

  it("for a save path that is a file", async () => {
    writeFileSync(join(folder, "data"), "");
    const ended = await refused(start());
    expect(ended).toMatchObject({ code: 78 });
    expect(ended.stderr).toContain(join(folder, "data"));
  });

  it("for a data folder that another process uses, which is not disturbed", async () => {
    const first = await started();
    ports = [...((await freePorts(2)) as [number, number]), ports[2]].reverse() as [number, number, number];
    const second = await refused(start());
    expect(second.code).toBe(78);
    expect(second.stderr).toContain(String(first.pid));
    expect(first.process.exitCode).toBeNull();
  });

  it("for a data folder of another group", async () => {
    await (await started()).signal("SIGTERM");
    const ended = await refused(start("--Group=other"));
    expect(ended.code).toBe(78);
    expect(ended.stderr).toContain("default.group.dister");
    expect(ended.stderr).toContain("other");
  });

  it("for a log that was deleted while the rest was kept: its votes are forgotten", async () => {
    await (await started()).signal("SIGKILL");
    rmSync(join(folder, "data/dister.db/log"), { recursive: true });
    const ended = await refused(start());
    expect(ended.code).toBe(78);
    expect(ended.stderr).toContain("dister.db/log");
  });

  it("for a log folder that was emptied: the database does not belong to the log that is begun anew", async () => {
    const daemon = await started();
    await api(`http://127.0.0.1:${ports[2]}`, "POST", "/kv", { some: "thing" });
    await daemon.signal("SIGTERM");
    const log = join(folder, "data/dister.db/log");
    for (const name of readdirSync(log)) rmSync(join(log, name));
    const ended = await refused(start());
    expect(ended.code).toBe(78);
    expect(ended.stderr).toContain("database cannot be used");
    expect(ended.stdout).not.toContain("node started");
  });

  it("for a log that lost what nobody else has, neither its database nor another voter, and deletes nothing", async () => {
    const daemon = await started();
    const url = `http://127.0.0.1:${ports[2]}`;
    for (let i = 0; i < 5; i++) await api(url, "POST", "/kv", { [`key${i}`]: "x".repeat(2_000) });
    await daemon.signal("SIGKILL");
    const log = join(folder, "data/dister.db/log");
    const file = join(log, readdirSync(log).find((name) => name.endsWith(".dlog"))!);
    const { openSync, readFileSync, writeSync, closeSync } = await import("node:fs");
    const at = readFileSync(file).indexOf("xxxxxxxxxxxxxxxx");
    const descriptor = openSync(file, "r+");
    writeSync(descriptor, "?", at + 700);
    closeSync(descriptor);
    for (const suffix of ["", "-wal", "-shm"])
      rmSync(join(folder, `data/dister.db/state.db${suffix}`), { force: true });
    const before = readFileSync(file);
    const ended = await refused(start());
    expect(ended.code).toBe(78);
    expect(ended.stderr).toContain(file);
    // The log is cut before the damage; every byte that was there is kept beside it.
    expect(readFileSync(`${file}.damaged`).equals(before)).toBe(true);
    expect((await refused(start())).code).toBe(78);
    expect(readFileSync(`${file}.damaged`).equals(before)).toBe(true);
  });
});

describe("a running node", { timeout: 60_000 }, () => {
  it("closes a peer connection that sends anything else, and goes on", async () => {
    const daemon = await started();
    const { connect } = await import("node:net");
    const closed = (port: number, bytes: Buffer | string): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.resume();
      });
    const noise = Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 167 + 13) % 256));
    const hugeLength = Buffer.alloc(64, 0xff);
    for (const port of ports.slice(0, 2)) {
      await closed(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await closed(port, noise);
      await closed(port, hugeLength);
    }
    const url = `http://127.0.0.1:${ports[2]}`;
    expect(await api(url, "POST", "/kv", { still: "here" })).toMatchObject({ status: 200 });
    expect(daemon.process.exitCode).toBeNull();
  });

  it("stops at once and cleanly although connections to its API are open that have sent nothing, or half a request", async () => {
    const daemon = await started();
    const { connect } = await import("node:net");
    const open = (bytes: string): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(ports[2], "127.0.0.1", () => socket.write(bytes, () => resolve()));
        socket.on("error", () => {});
      });
    await open("");
    await open("POST /kv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    await open("POST /kv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
    expect(await daemon.signal("SIGTERM")).toMatchObject({ code: 0, signal: null });
  });

  it("prints its version and its help", async () => {
    const [version, help] = [startDaemon(["--version"], folder), startDaemon(["--help"], folder)];
    expect((await version.ended).stdout).toMatch(/^disterd \d+\.\d+\.\d+/);
    expect((await help.ended).stdout).toContain("MinNode");
  });
});
