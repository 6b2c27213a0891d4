import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_LOGGER } from "@dister/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NodeFileSystem, openLog } from "../src/index.ts";
import { IDENTITY } from "./log-lab.ts";
import { entriesOf, entryOf } from "./log-model.ts";

let folder = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dister-dump-"));
  const log = await openLog({
    components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER },
    options: { directory: folder, identity: IDENTITY, entriesPerFile: 10, preallocateBytes: 4096 },
  });
  await log.append({ entries: entriesOf(1, 12, 1), hardState: { term: 1, vote: "00000000000000AB", commit: 3 } });
  await log.append({ entries: [entryOf(12, 2)] });
  await log.close();
});

afterEach(() => rmSync(folder, { recursive: true }));

function dump(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const script = join(import.meta.dirname, "..", "src", "logdump.ts");
  const run = spawnSync(process.execPath, ["--conditions=@dister/source", script, ...args], { encoding: "utf8" });
  return { status: run.status, stdout: run.stdout, stderr: run.stderr };
}

function damage(name: string, offset: number): void {
  const bytes = readFileSync(join(folder, name));
  bytes[offset]! ^= 1;
  writeFileSync(join(folder, name), bytes);
}

describe("dister-logdump", { timeout: 30_000 }, () => {
  test("a sound folder is printed record by record, and nothing is changed", () => {
    const before = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    const { status, stdout } = dump(folder);
    expect(status).toBe(0);
    expect(stdout).toContain("group test, node 00000000000000AB, cluster 00000000000000C1");
    expect(stdout.split("\n").filter((line) => line.includes(" command "))).toHaveLength(13);
    expect(stdout).toContain("vote 00000000000000AB, commit 3");
    expect(stdout).toMatch(/command +12 +1 .*replaced/);
    expect(stdout).toMatch(/command +12 +2 .*yes/);
    expect(readdirSync(folder).map((name) => readFileSync(join(folder, name)))).toEqual(before);
  });

  test("as JSON the same, for programs", () => {
    const { status, stdout } = dump("--json", join(folder, "0000000000000011.dlog"));
    expect(status).toBe(0);
    const { files, problems } = JSON.parse(stdout);
    expect(problems).toEqual([]);
    expect(files[0].header).toMatchObject({ baseIndex: 11, baseTerm: 1, previousBaseIndex: 1, entriesPerFile: 10 });
    expect(files[0].records.map((record: { kind: string }) => record.kind)).toEqual([
      "fileHeader",
      "hardState",
      "command",
      "command",
      "hardState",
      "command",
    ]);
  });

  test("damage to a record, an item or a link is shown and gives exit code 1", () => {
    for (const [name, offset, problem] of [
      ["0000000000000001.dlog", 4520, "damaged command"],
      ["0000000000000001.dlog", 3, "the item of entry 1 at 0 is wrong"],
      ["0000000000000011.dlog", 4096, "first record of the file is missing or damaged"],
    ] as const) {
      damage(name, offset);
      const { status, stdout } = dump(folder);
      expect([status, stdout.includes(problem)], stdout).toEqual([1, true]);
      damage(name, offset);
    }
    rmSync(join(folder, "0000000000000001.dlog"));
    expect(dump(folder).status).toBe(0);
  });

  test("the copy of the hard state is shown slot by slot, and as JSON; one that is damaged gives exit code 1", () => {
    const { status, stdout } = dump(folder);
    expect([status, stdout.includes("SUSPECT")]).toEqual([0, false]);
    expect(stdout).toContain("sequence 3, node 00000000000000AB: term 1, vote 00000000000000AB, commit 3");
    const { state } = JSON.parse(dump("--json", folder).stdout);
    expect(state.slots.map((slot: { sequence: number }) => slot.sequence)).toEqual([3, 2]);
    damage("state", 4096 + 70);
    const after = dump(folder);
    expect([after.status, after.stdout.includes("at 4096: a damaged copy of the hard state")]).toEqual([1, true]);
    expect(dump(join(folder, "state")).stdout).toContain("cannot be read");
  });

  test("a log that is suspect is shown as that, and what was kept of it when it is named", async () => {
    damage("0000000000000001.dlog", 4244 + 96 + 104 + 70);
    const log = await openLog({
      components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER },
      options: { directory: folder, identity: IDENTITY, entriesPerFile: 10, preallocateBytes: 4096 },
    });
    expect([log.recovery.damage, log.lastIndex()]).toEqual([undefined, 12]);
    expect(() => log.read(2, 2, 0)).toThrow("damaged");
    await log.close();
    expect(dump(join(folder, "state")).stdout).toContain("the file of base index 1 was found damaged");
    const again = await openLog({
      components: { fileSystem: new NodeFileSystem(), logger: NO_LOGGER },
      options: { directory: folder, identity: IDENTITY, entriesPerFile: 10, preallocateBytes: 4096 },
    });
    expect([again.recovery.damage === undefined, again.lastIndex()]).toEqual([false, 1]);
    await again.close();
    const { status, stdout } = dump(folder);
    expect(status, stdout).toBe(0);
    expect(stdout).toContain("SUSPECT up to index 12, since term 1");
    expect(stdout).not.toContain(".damaged");
    const kept = dump(join(folder, "0000000000000001.dlog.damaged"));
    expect([kept.status, kept.stdout.includes("damaged command")]).toEqual([1, true]);
  });

  test("a wrong command or path gives exit code 2", () => {
    expect(dump().status).toBe(2);
    expect(dump("--unknown", folder).stderr).toContain("usage:");
    expect(dump(join(folder, "missing")).status).toBe(2);
    expect(dump("--help").stdout).toContain("usage:");
  });
});
