import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const CUTS = fileURLToPath(new URL("namespace-cuts.ts", import.meta.url));
const { stdout, stderr, status } = spawnSync(process.execPath, ["--conditions=@dister/source", CUTS], {
  encoding: "utf8",
});
const found = stdout === "" ? undefined : (JSON.parse(stdout) as Record<string, Record<string, string>>);

const ALL = ["0 1", "0 2", "1 0", "1 2", "2 0", "2 1"];
/** A connection needs both directions, so whoever dials over a half that is cut hears nothing either. */
const silent = (...pairs: string[]) =>
  Object.fromEntries(ALL.map((pair) => [pair, pairs.includes(pair) ? "silence" : "through"]));

describe.runIf(found !== undefined || status !== 0)("nodes in namespaces", () => {
  it("reach each other before and after all cuts", () => {
    expect(found, stderr).toBeDefined();
    expect(found!["nothing"]).toEqual(silent());
    expect(found!["healed"]).toEqual(silent());
  });

  it("hear nothing over a pair of links that is cut, and all others", () => {
    expect(found?.["pair"], stderr).toEqual(silent("0 1", "1 0"));
  });

  it("make no connection while one direction is cut", () => {
    expect(found?.["oneWay"], stderr).toEqual(silent("2 0", "0 2"));
  });
});
