import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logViolations, readNodeLogs } from "./node-logs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-logs-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function logs(...texts: string[]): { name: string; logPath: string }[] {
  return texts.map((text, i) => {
    const logPath = join(folder, `${i}.log`);
    writeFileSync(logPath, text);
    return { name: `node${i + 1}`, logPath };
  });
}
const elected = (self: boolean, term: number): string =>
  `${JSON.stringify({ level: "info", self, term, msg: "leader elected" })}\n`;

describe("the logs of the nodes", () => {
  it("are sound when every term has one leader, also one that says so twice", () => {
    const findings = readNodeLogs(logs(elected(true, 1) + elected(true, 1), elected(true, 2) + elected(false, 1)));
    expect(findings.leaders.size).toBe(2);
    expect(logViolations(findings)).toEqual([]);
  });

  it("tell of two leaders in one term", () => {
    const findings = readNodeLogs(logs(elected(true, 3), elected(true, 3)));
    expect(logViolations(findings)).toEqual(["term 3 has the leaders node1 and node2"]);
  });

  it("tell of a broken invariant, also in a line that was cut off", () => {
    expect(logViolations(readNodeLogs(logs('{"level":"error","msg":"invariant broken: x"')))).toHaveLength(1);
  });

  it("count errors and pass over lines that are none", () => {
    const error = `${JSON.stringify({ level: "error", msg: "the store stopped" })}\n`;
    const { errors } = readNodeLogs(logs(`${error}${error}{"level":"er`, ""));
    expect([...errors]).toEqual([["the store stopped", 2]]);
  });
});
