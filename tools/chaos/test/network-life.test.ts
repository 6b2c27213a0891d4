import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const LIFE = fileURLToPath(new URL("network-life.ts", import.meta.url));

interface Found {
  readonly scanned: {
    formed: boolean;
    addresses: string[];
    expected: string[];
    scans: boolean[];
    strangers: number;
    strangerBytes: number;
  };
  readonly moved: { follows: boolean; alive: boolean; reads: boolean; changes: number; unexpected: unknown[] };
}

let found: Found | undefined;
let stderr = "";
let status: number | null = null;

beforeAll(() => {
  const run = spawnSync(process.execPath, ["--conditions=@dister/source", LIFE], { encoding: "utf8" });
  ({ stderr, status } = run);
  found = run.stdout === "" ? undefined : (JSON.parse(run.stdout) as Found);
}, 180_000);

describe("three daemons with addresses of their own", () => {
  it("find each other by a scan alone and found a cluster, with the addresses at which they see each other", (test) => {
    test.skip(found === undefined && status === 0, "this machine allows no network namespaces");
    expect(found, stderr).toBeDefined();
    const { formed, addresses, expected, scans } = found!.scanned;
    expect(formed).toBe(true);
    expect(addresses).toEqual(expected);
    expect(scans).toEqual([true, true, true]);
  });

  it("tell a program that is no node nothing but the preface of 56 bytes, once per scan at most", (test) => {
    test.skip(found === undefined && status === 0, "this machine allows no network namespaces");
    expect(found?.scanned, stderr).toMatchObject({ strangerBytes: 56 });
    // Who founds the cluster has asked every address; the others stop when they belong to it.
    expect(found!.scanned.strangers).toBeGreaterThanOrEqual(1);
    expect(found!.scanned.strangers).toBeLessThanOrEqual(3);
  });

  it("find one of them again that comes back with another address, and the log follows, once", (test) => {
    test.skip(found === undefined && status === 0, "this machine allows no network namespaces");
    expect(found?.moved, stderr).toEqual({ follows: true, alive: true, reads: true, changes: 1, unexpected: [] });
  });
});
