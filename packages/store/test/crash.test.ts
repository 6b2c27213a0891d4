import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SeededRng } from "@dister/types/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Store, stateHash } from "../src/index.ts";
import { crashEntry, lastWrittenAt } from "./crash-entries.ts";
import { open } from "./harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

/** A store that never crashes, asked for its state at indexes that do not go back. */
async function reference() {
  const store = await open();
  const hashAt = async (index: number): Promise<string> => {
    const from = store.applied().index + 1;
    await store.apply(Array.from({ length: index - from + 1 }, (_, at) => crashEntry(from + at)));
    return stateHash(store);
  };
  return { hashAt, close: () => store.close() };
}

function expectOneState(store: Store): void {
  const { index } = store.applied();
  expect(store.kv("last")?.value ?? "0").toBe(String(lastWrittenAt(index)));
  expect(store.durable()).toEqual({ index, term: index === 0 ? 0 : 1 });
  expect(store.appliedLogId()).toBe(index * 10_000);
}

describe("P1: after kill -9", () => {
  function start(path: string): ChildProcess {
    const child = fileURLToPath(new URL("crash-child.ts", import.meta.url));
    const args = ["--conditions=@dister/source", "--no-warnings", child, path];
    return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  }

  /** Resolves when the process has applied that many batches; it is in the middle of a later one by then. */
  function batchesOf(child: ChildProcess, count: number): Promise<void> {
    let seen = 0;
    return new Promise((resolve, reject) => {
      child.once("exit", () => reject(new Error("the process ended by itself")));
      child.stdout!.on("data", (dots: Buffer) => {
        seen += dots.length;
        if (seen >= count) resolve();
      });
    });
  }

  test("in the middle of applying, of checkpoints and of restores, position and data agree", async () => {
    const path = folder.file("state.db");
    const rng = new SeededRng(11);
    const sound = await reference();
    let previous = 0;
    for (let round = 0; round < 6; round++) {
      const child = start(path);
      await batchesOf(child, 1 + Math.floor(rng.next() * 60));
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
      const store = await open(path);
      expectOneState(store);
      const { index } = store.applied();
      expect(index).toBeGreaterThanOrEqual(previous);
      expect(await stateHash(store)).toBe(await sound.hashAt(index));
      expect(existsSync(`${path}.incoming`)).toBe(false);
      previous = index;
      await store.close();
    }
    expect(previous).toBeGreaterThan(100);
    await sound.close();
  });
});

describe("P1, S7: after a power loss", () => {
  test("that cuts the write-ahead log anywhere, the state is of one position from durable to applied", async () => {
    const path = folder.file("state.db");
    const store = await open(path);
    await store.apply(Array.from({ length: 150 }, (_, at) => crashEntry(at + 1)));
    const durable = await store.checkpoint();
    expect(durable).toEqual({ index: 150, term: 1 });
    for (let index = 151; index <= 170; index++) await store.apply([crashEntry(index)]);
    for (const side of ["", "-wal"]) copyFileSync(`${path}${side}`, folder.file(`kept${side}`));
    await store.close();

    const whole = statSync(folder.file("kept-wal")).size;
    const sound = await reference();
    const found = new Set<number>();
    for (let size = 0; size <= whole; size += 2_999) {
      const cut = folder.file(`cut-${size}.db`);
      copyFileSync(folder.file("kept"), cut);
      copyFileSync(folder.file("kept-wal"), `${cut}-wal`);
      truncateSync(`${cut}-wal`, size);
      const reopened = await open(cut);
      expectOneState(reopened);
      expect(reopened.applied().index).toBeGreaterThanOrEqual(150);
      expect(await stateHash(reopened)).toBe(await sound.hashAt(reopened.applied().index));
      found.add(reopened.applied().index);
      await reopened.close();
    }
    expect(found.size).toBeGreaterThan(10);
    await sound.close();
  });
});

describe("S2: a crash while a snapshot replaces the database", () => {
  /** Two closed databases: the one in use and the one that came in. */
  async function twoDatabases() {
    for (const [name, index] of [
      ["old.db", 3],
      ["new.db", 5],
    ] as const) {
      const store = await open(folder.file(name));
      await store.apply(Array.from({ length: index }, (_, at) => crashEntry(at + 1)));
      await store.close();
    }
  }

  test("before the rename leaves the old state, and what came in is removed", async () => {
    await twoDatabases();
    copyFileSync(folder.file("new.db"), folder.file("old.db.incoming"));
    writeFileSync(folder.file("old.db.incoming-journal"), "left over");
    const store = await open(folder.file("old.db"));
    expect(store.applied().index).toBe(3);
    expectOneState(store);
    expect(existsSync(folder.file("old.db.incoming"))).toBe(false);
    expect(existsSync(folder.file("old.db.incoming-journal"))).toBe(false);
    await store.close();
  });

  test("in the middle of the stream leaves the old state", async () => {
    await twoDatabases();
    writeFileSync(folder.file("old.db.incoming"), readFileSync(folder.file("new.db")).subarray(0, 5_000));
    const store = await open(folder.file("old.db"));
    expect(store.applied().index).toBe(3);
    await store.close();
  });

  test("after the rename leaves the new state", async () => {
    await twoDatabases();
    copyFileSync(folder.file("new.db"), folder.file("old.db"));
    const store = await open(folder.file("old.db"));
    expect(store.applied().index).toBe(5);
    expectOneState(store);
    await store.close();
  });
});
