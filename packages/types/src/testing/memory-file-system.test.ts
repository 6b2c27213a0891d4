import { describe, expect, test } from "vitest";
import type { FileHandle } from "../contracts/file-system.ts";
import { isDisterError } from "../errors.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";

function made(): { fileSystem: MemoryFileSystem; file: FileHandle } {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("/d");
  fileSystem.syncDirectory("/");
  const file = fileSystem.open("/d/f", "create");
  fileSystem.syncDirectory("/d");
  return { fileSystem, file };
}

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isDisterError(error) ? error.code : String(error);
  }
  return "done";
}

describe("MemoryFileSystem loses", () => {
  test("what was not synced, and keeps what was", async () => {
    const { fileSystem, file } = made();
    file.writeAt([filled(512, 1)], 0);
    await file.datasync();
    file.writeAt([filled(600, 2)], 512);
    fileSystem.crash();
    expect(fileSystem.contents("/d/f")).toEqual(filled(512, 1));
  });

  test("any chosen sectors, which read as they were before", async () => {
    const { fileSystem, file } = made();
    file.writeAt([filled(2048, 1)], 0);
    await file.datasync();
    file.writeAt([filled(1024, 2)], 256);
    fileSystem.crash({ keepSector: (path, offset) => path === "/d/f" && offset === 512 });
    const wanted = filled(2048, 1);
    wanted.fill(2, 512, 1024);
    expect(fileSystem.contents("/d/f")).toEqual(wanted);
  });

  test("the size, unless a sector behind the old end is kept; what lies between is zero", () => {
    const { fileSystem, file } = made();
    file.writeAt([filled(1600, 3)], 0);
    fileSystem.crash({ keepSector: (_, offset) => offset === 1024 });
    const wanted = filled(1536, 0);
    wanted.fill(3, 1024);
    expect(fileSystem.contents("/d/f")).toEqual(wanted);
  });

  test("what was written while a sync was under way", async () => {
    const { fileSystem, file } = made();
    const release = fileSystem.holdSyncs();
    file.writeAt([filled(512, 1)], 0);
    const synced = file.datasync();
    file.writeAt([filled(1024, 2)], 0);
    release();
    await synced;
    fileSystem.crash();
    expect(fileSystem.contents("/d/f")).toEqual(filled(512, 1));
  });

  test("names that were not synced: new ones go, old ones come back, a rename is whole or not at all", async () => {
    for (const isKept of [false, true]) {
      const { fileSystem, file } = made();
      file.writeAt([filled(1, 1)], 0);
      await file.datasync();
      fileSystem.open("/d/new", "create");
      fileSystem.rename("/d/f", "/d/g");
      fileSystem.crash({ keepName: ({ kind }) => isKept && kind === "rename" });
      expect(fileSystem.list("/d")).toEqual([isKept ? "g" : "f"]);
      fileSystem.remove(`/d/${isKept ? "g" : "f"}`);
      fileSystem.crash();
      expect(fileSystem.list("/d")).toEqual([isKept ? "g" : "f"]);
    }
  });

  test("open files and locks; a sync under way never ends", async () => {
    const { fileSystem, file } = made();
    const release = fileSystem.lock("/d/lock");
    let isDone = false;
    const end = fileSystem.holdSyncs();
    void file.datasync().finally(() => {
      isDone = true;
    });
    fileSystem.crash();
    end();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(isDone).toBe(false);
    expect(codeOf(() => file.writeAt([filled(1, 1)], 0))).toBe("DISTER_ERR_DISK");
    const again = fileSystem.lock("/d/lock");
    release();
    expect(codeOf(() => fileSystem.lock("/d/lock"))).toBe("DISTER_ERR_LOCKED");
    again();
  });
});

describe("MemoryFileSystem fails", () => {
  test("the operation that was chosen, once, after part of a write", () => {
    const { fileSystem, file } = made();
    fileSystem.inject({ operation: "write", nth: 2, error: "ENOSPC", bytesWritten: 3 });
    file.writeAt([filled(1, 1)], 0);
    expect(codeOf(() => file.writeAt([filled(8, 2)], 0))).toBe("DISTER_ERR_DISK_FULL");
    expect([...fileSystem.contents("/d/f")]).toEqual([2, 2, 2]);
    expect(codeOf(() => file.writeAt([filled(8, 3)], 0))).toBe("done");
  });

  test("a sync", async () => {
    const { fileSystem, file } = made();
    fileSystem.inject({ operation: "sync", nth: 1, error: "EIO" });
    await expect(file.datasync()).rejects.toThrow("sync of /d/f failed: EIO");
  });

  test("writes for which there is no room; rewriting and holes take none", () => {
    const { fileSystem, file } = made();
    fileSystem.setCapacity(1024);
    file.truncate(10_000);
    file.writeAt([filled(1024, 1)], 512);
    file.writeAt([filled(1024, 2)], 512);
    expect(fileSystem.usedBytes).toBe(1024);
    expect(codeOf(() => file.writeAt([filled(1, 1)], 0))).toBe("DISTER_ERR_DISK_FULL");
    file.close();
    fileSystem.remove("/d/f");
    expect(fileSystem.usedBytes).toBe(0);
  });

  test("everything after a halt, until the crash", () => {
    const { fileSystem, file } = made();
    fileSystem.haltAfter(1);
    file.writeAt([filled(1, 1)], 0);
    expect(codeOf(() => file.writeAt([filled(1, 1)], 0))).toBe("DISTER_ERR_DISK");
    expect(codeOf(() => fileSystem.list("/d"))).toBe("DISTER_ERR_DISK");
    fileSystem.crash();
    expect(fileSystem.list("/d")).toEqual(["f"]);
  });
});
