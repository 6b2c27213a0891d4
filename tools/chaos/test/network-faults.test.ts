import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import type { Measured } from "../src/network-faults/measure.ts";

const MAIN = fileURLToPath(new URL("../src/network-faults/main.ts", import.meta.url));
/** One of each kind; `pnpm network-faults` has all of them, for longer. */
const NAMES = ["bridge-middle", "bridge-end", "leader-deaf", "leader-alone", "follower-alone"];
const SECONDS = 3;
/** What the command says where it cannot be run. */
const NO_NAMESPACES = "this machine allows no network namespaces";

let results: Measured[] | undefined;
let stderr = "";

beforeAll(() => {
  const args = ["--runs", "1", "--seconds", String(SECONDS), "--fault", NAMES.join(","), "--json"];
  const run = spawnSync(process.execPath, ["--conditions=@dister/source", MAIN, ...args], { encoding: "utf8" });
  ({ stderr } = run);
  results = run.stdout === "" ? undefined : (JSON.parse(run.stdout) as Measured[]);
}, 300_000);

describe("three daemons whose network is cut", () => {
  it.for(NAMES)(
    "keep every promise while %s: one leader a term, few terms, service where a majority is (E10)",
    (name, test) => {
      test.skip(stderr.includes(NO_NAMESPACES), NO_NAMESPACES);
      const result = results?.find(({ fault }) => fault === name);
      expect(result, stderr).toBeDefined();
      expect(result!.violations).toEqual([]);
      expect(result!.acknowledged).toBeGreaterThan(0);
    },
  );
});
