import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDisterError } from "@dister/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { takeLock } from "./process-lock.ts";

let folder = "";
let path = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-lock-"));
  path = join(folder, "lock");
});

afterEach(() => rmSync(folder, { recursive: true }));

function holderOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return isDisterError(error, "DISTER_ERR_LOCKED") ? error.details["pid"] : error;
  }
  return undefined;
}

describe("lock file of a process", () => {
  test("it holds against this process, names it, and leaves nothing when it is given back", () => {
    const release = takeLock(path);
    expect(holderOf(() => takeLock(path))).toBe(process.pid);
    expect(readdirSync(folder)).toEqual(["lock"]);
    release();
    expect(readdirSync(folder)).toEqual([]);
    takeLock(path)();
  });

  test("it holds while another process lives, and is taken over when that is gone", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const ended = once(child, "exit");
    await once(child, "spawn");
    const mine = takeLock(path);
    // As the child would have written it: its id, and when it began.
    const [, , boot] = readFileSync(path, "utf8").trim().split(" ");
    mine();
    const stat = readFileSync(`/proc/${child.pid}/stat`, "latin1");
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    writeFileSync(path, `${child.pid} ${start} ${boot}\n`);
    expect(holderOf(() => takeLock(path))).toBe(child.pid);
    child.kill("SIGKILL");
    await ended;
    takeLock(path)();
  });

  test("a process id that was given out again, another boot and an empty file do not hold it", () => {
    const release = takeLock(path);
    const [pid, start, boot] = readFileSync(path, "utf8").trim().split(" ");
    release();
    for (const stale of [`${pid} 1 ${boot}\n`, `${pid} ${start} another-boot\n`, "", "nonsense\n"]) {
      writeFileSync(path, stale);
      takeLock(path)();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test("a takeover that was cut short does not stand in the way of the next", () => {
    writeFileSync(path, "999999999 1 another-boot\n");
    writeFileSync(`${path}.takeover`, "999999998 1 another-boot\n");
    takeLock(path)();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a takeover under way is left to finish", () => {
    const guard = takeLock(`${path}.takeover`);
    writeFileSync(path, "999999999 1 another-boot\n");
    expect(holderOf(() => takeLock(path))).toBe(process.pid);
    expect(readFileSync(path, "utf8")).toContain("999999999");
    guard();
  });

  test("a lock that somebody else has taken meanwhile is not removed", () => {
    const release = takeLock(path);
    writeFileSync(path, "1 1 1\n");
    release();
    expect(readFileSync(path, "utf8")).toBe("1 1 1\n");
  });
});
