import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LogFields, Logger } from "@dister/types";
import { CONFIG_DEFAULTS } from "@dister/types/schemas";
import { ManualClock } from "@dister/types/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TlsFiles } from "../src/tls-files.ts";

const DISTER = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
const DAY_MS = 86_400_000;
const LOOK_MS = 10_000;

/** A clock that is moved by hand and whose wall begins now, as certificates need it. */
class WallClock extends ManualClock {
  readonly #start = Date.now();
  override wallMs(): number {
    return this.#start + this.nowMs();
  }
}

class Lines implements Logger {
  readonly lines: string[] = [];
  debug(): void {}
  info(message: string, _fields?: LogFields): void {
    this.lines.push(`info ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
  child(): Logger {
    return this;
  }
}

let folder: string;
let clock: WallClock;
let lines: Lines;
let files: TlsFiles | undefined;

const path = (name: string): string => join(folder, name);

function certificate(...argv: string[]): void {
  const args = ["--conditions=@dister/source", DISTER, "cert", "create", "--dir", folder, "--node", "n", ...argv];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
}

function opened(): TlsFiles {
  const Tls = { cert: path("n.pem"), key: path("n-key.pem"), ca: path("ca.pem"), strictHosts: false };
  files = TlsFiles.open({ ...CONFIG_DEFAULTS, Tls }, { clock, logger: lines });
  return files!;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-tls-files-"));
  clock = new WallClock();
  lines = new Lines();
});
afterEach(() => {
  files?.close();
  expect(clock.pending).toBe(0);
  rmSync(folder, { recursive: true });
});

describe("X6: the certificate files of a node", { timeout: 60_000 }, () => {
  it("are taken when they have changed and then not changed for a whole look", () => {
    certificate();
    const watched = opened();
    const first = watched.current;
    certificate("--renew");
    clock.advance(LOOK_MS);
    expect(watched.current).toBe(first);
    clock.advance(LOOK_MS);
    expect(watched.current).not.toBe(first);
    expect(lines.lines).toEqual(["info the certificates were read again"]);
    clock.advance(10 * LOOK_MS);
    expect(lines.lines).toHaveLength(1);
  });

  it("are waited for while they are still changing, and a half of a new pair is never taken", () => {
    certificate();
    const watched = opened();
    const first = watched.current;
    const old = readFileSync(path("n.pem"));
    certificate("--renew");
    renameSync(path("n.pem"), path("next.pem"));
    writeFileSync(path("n.pem"), old);
    clock.advance(LOOK_MS);
    clock.advance(LOOK_MS);
    expect(watched.current).toBe(first);
    expect(lines.lines).toEqual(["error the new certificates cannot be used, the node goes on with the old ones"]);
    renameSync(path("next.pem"), path("n.pem"));
    clock.advance(2 * LOOK_MS);
    expect(watched.current).not.toBe(first);
  });

  it("that are gone or broken are told once and change nothing, and a touched file is read again", () => {
    certificate();
    const watched = opened();
    const first = watched.current;
    renameSync(path("n-key.pem"), path("aside.pem"));
    clock.advance(20 * LOOK_MS);
    expect(watched.current).toBe(first);
    expect(lines.lines).toHaveLength(1);
    renameSync(path("aside.pem"), path("n-key.pem"));
    const { atimeMs, mtimeMs } = statSync(path("n-key.pem"));
    utimesSync(path("n-key.pem"), atimeMs / 1_000, mtimeMs / 1_000 + 5);
    clock.advance(2 * LOOK_MS);
    expect(lines.lines.at(-1)).toBe("info the certificates were read again");
  });

  it("are read at once when that is asked for", () => {
    certificate();
    const watched = opened();
    const first = watched.current;
    certificate("--renew");
    watched.reload();
    expect(watched.current).not.toBe(first);
  });

  it("are warned of once a day from 14 days before their end, and their end is an error", () => {
    certificate("--days", "15");
    opened();
    expect(lines.lines).toEqual([]);
    clock.advance(2 * DAY_MS);
    const soon = "warn the certificate of this node expires soon";
    expect(lines.lines.length).toBeGreaterThan(0);
    expect(new Set(lines.lines)).toEqual(new Set([soon]));
    const before = lines.lines.length;
    clock.advance(DAY_MS);
    expect(lines.lines).toHaveLength(before + 1);
    clock.advance(12 * DAY_MS);
    clock.advance(LOOK_MS);
    expect(lines.lines.at(-1)).toMatch(/^error the certificate of this node has expired/);
  });
});
