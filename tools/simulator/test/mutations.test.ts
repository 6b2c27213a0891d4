import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buildMutant } from "../src/mutations/build.ts";
import { hunt } from "../src/mutations/hunt.ts";
import { MUTATIONS } from "../src/mutations/list.ts";

/** Bugs that so few runs find are hunted in every test run; the others by `pnpm sim --mutations`. */
const CHEAP = 20;
const TABLE = new URL("../../../docs/internals/simulator.md", import.meta.url);

describe("planted bugs", () => {
  test("there are at least 25, in the core, the shell, the log and the store, each with a name of its own", () => {
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(25);
    for (const part of ["packages/raft/src/core/", "packages/raft/src/", "packages/log/src/", "packages/store/src/"]) {
      expect(MUTATIONS.some(({ file }) => file.startsWith(part))).toBe(true);
    }
  });

  test("the table in the docs has each, with its bug, its seeds and its rules", () => {
    const rows = readFileSync(TABLE, "utf8")
      .split("\n")
      .filter((line) => line.includes("| `"));
    const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
    const told = cells.map(([, name, bug, , , within, by]) => [name, bug, within, by]);
    expect(told).toEqual(
      MUTATIONS.map(({ name, bug, seedsMax, caughtBy }) => [name, bug, String(seedsMax), caughtBy.join(", ")]),
    );
    for (const [, , , , foundAt, within] of cells) expect(Number(foundAt)).toBeLessThanOrEqual(Number(within));
  });

  test("each can still be planted: its text stands in its file once", { timeout: 120_000 }, async () => {
    for (const mutation of MUTATIONS) await buildMutant(mutation);
  });

  test("one whose text is not there is refused, and so is one that stands there twice", async () => {
    const [first] = MUTATIONS;
    const gone = { ...first!, name: "gone", find: "this text is nowhere" };
    await expect(buildMutant(gone)).rejects.toThrow(/stands 0 times/);
    const often = { ...first!, name: "often", find: "const" };
    await expect(buildMutant(often)).rejects.toThrow(/stands \d+ times/);
  });

  test.each(MUTATIONS.filter(({ seedsMax }) => seedsMax <= CHEAP).map(({ name, bug }) => [name, bug]))(
    "%s is found: %s",
    { timeout: 120_000 },
    async (name) => {
      const mutation = MUTATIONS.find((each) => each.name === name)!;
      const { isCaught, rule } = await hunt(mutation);
      expect(isCaught).toBe(true);
      expect(mutation.caughtBy).toContain(rule);
    },
  );
});
