import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NEMESES } from "../src/nemesis/nemeses.ts";
import type { ClusterReport, Report } from "../src/report.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const MINUTES = 0.4;

let folder: string;
let code: number | null;
let output = "";
let report: Report;
let cluster: ClusterReport;

/** A short run as users make it; what needs a superuser is in it where the machine has one, or namespaces for everybody. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "dister-short-chaos-"));
  const args = ["--minutes", String(MINUTES), "--nodes", "3", "--folder", folder];
  const run = spawn(process.execPath, ["--conditions=@dister/source", MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [run.stdout, run.stderr]) {
    stream.on("data", (chunk) => {
      output += String(chunk);
    });
  }
  code = await new Promise((resolve) => run.once("close", resolve));
  const [runFolder] = readdirSync(folder);
  report = JSON.parse(readFileSync(join(folder, runFolder ?? "", "report.json"), "utf8")) as Report;
  cluster = report.clusters[0]!;
}, 300_000);

afterAll(() => {
  // What a run has found is worth keeping.
  if (code === 0) rmSync(folder, { recursive: true });
});

describe("three real daemons in half a minute of everything", () => {
  it("break no promise and end only when they are made to", () => {
    expect(cluster.violations, output).toEqual([]);
    expect(report.passed).toBe(true);
    expect(code).toBe(0);
  });

  it.each([...NEMESES.keys()])("have met the nemesis %s, where this machine can have it", (name) => {
    if (cluster.unavailable[name] !== undefined) {
      expect(name).toBe("full-disk");
      return;
    }
    const acts = Object.values(cluster.acts[name] ?? {});
    expect(acts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });

  it.each(["register", "set", "append", "multi-key", "local-read"])("have served the workload %s meanwhile", (name) => {
    expect(cluster.operations[name]?.ok ?? 0).toBeGreaterThan(0);
  });
});
