import { statSync } from "node:fs";
import { DisterError } from "@dister/types";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { open, setEntry } from "./harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const disk = vi.hoisted(() => ({ fails: false }));
vi.mock("../src/database.ts", async (original) => {
  const real = await original<typeof import("../src/database.ts")>();
  const copyBack: typeof real.copyBack = (db) => {
    if (!disk.fails) return real.copyBack(db);
    throw new DisterError("DISTER_ERR_DISK", { operation: "sync", path: "state.db", reason: "EIO" });
  };
  return { ...real, copyBack };
});

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  disk.fails = false;
  folder.remove();
});

test("is copied back again and again, so that it does not grow with what is applied", async () => {
  const path = folder.file("state.db");
  const store = await open(path);
  for (let index = 1; index <= 4_000; index++) await store.apply([setEntry(index, [`k${index}`, "v"])]);
  expect(statSync(`${path}-wal`).size).toBeLessThan(24 * 1024 * 1024);
  // That it was copied back is nobody's promise: only a checkpoint says what the log may forget.
  expect(store.durable().index).toBe(0);
  await store.close();
});

test("P5: a sync that fails while it is copied back stops the store: nothing more is applied", async () => {
  const store = await open(folder.file("state.db"));
  disk.fails = true;
  const applyAll = async (): Promise<void> => {
    for (let index = 1; index <= 1_000; index++) await store.apply([setEntry(index, [`k${index}`, "v"])]);
  };
  await expect(applyAll()).rejects.toMatchObject({ code: "DISTER_ERR_DISK" });
  disk.fails = false;
  const { index } = store.applied();
  expect(index).toBeLessThan(1_000);
  await expect(store.apply([setEntry(index + 1, ["a", "b"])])).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
  await expect(store.checkpoint()).rejects.toMatchObject({ code: "DISTER_ERR_STOPPED" });
  await store.close();
});
