import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { api, type Daemon, freePorts, startDaemon, until } from "./daemons.ts";

const folder = mkdtempSync(join(tmpdir(), "dister-full-"));

/** A small disk of its own; only a superuser may make one. */
function mountSmallDisk(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
const mounted = process.platform === "linux" && mountSmallDisk();

let ports: number[];
beforeAll(async () => {
  ports = await freePorts(3);
});
afterAll(() => {
  if (mounted) execFileSync("umount", ["-l", folder]);
  rmSync(folder, { recursive: true, force: true });
});

async function started(): Promise<Daemon> {
  const [raft, repl, apiPort] = ports;
  const own = [`--RaftPort=${raft}`, `--ReplPort=${repl}`, `--ApiPort=${apiPort}`, `--SavePath=${folder}`];
  const daemon = startDaemon(["--MinNode=1", "--Listen=127.0.0.1", "--Ip=127.0.0.1", ...own], tmpdir());
  await until(
    async () => (await api(`http://127.0.0.1:${apiPort}`, "GET", "/health")).status === 200,
    () => daemon.output,
  );
  return daemon;
}

describe("a disk that fills up", { timeout: 90_000 }, () => {
  it.skipIf(!mounted)(
    "stops the node with a reason, and every acknowledged write is there when there is room again",
    async () => {
      const daemon = await started();
      const url = `http://127.0.0.1:${ports[2]}`;
      const acknowledged: string[] = [];
      const value = "v".repeat(200_000);
      for (let i = 0; i < 400; i++) {
        const answer = await api(url, "POST", "/kv", { [`key${i}`]: value });
        if (answer.result !== 1) break;
        acknowledged.push(`key${i}`);
      }
      const ended = await daemon.ended;
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/no space left|disk is full/i);
      expect(acknowledged.length).toBeGreaterThan(10);
      execFileSync("mount", ["-o", "remount,size=200m", folder]);
      const again = await started();
      for (const key of acknowledged) {
        expect(await api(url, "GET", `/kv?k=${key}`)).toMatchObject({ status: 200, data: value });
      }
      expect(await again.signal("SIGTERM")).toMatchObject({ code: 0 });
    },
  );
});
