import { type FileHandle, isDisterError } from "@dister/types";
import { fileSystemConformance } from "@dister/types/conformance";
import { SeededRng } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { CrashDisk } from "./crash-disk.ts";
import type { DiskImage } from "./crash-point.ts";

const SECTOR = 512;

async function made(): Promise<{ disk: CrashDisk; file: FileHandle }> {
  const disk = new CrashDisk();
  disk.makeDirectory("/d");
  disk.syncDirectory("/");
  const file = disk.open("/d/f", "create");
  file.writeAt([filled(2 * SECTOR, 1)], 0);
  await file.datasync();
  disk.syncDirectory("/d");
  return { disk, file };
}

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

/** First byte of each sector of a file, and its size; "none" when it is not there. */
function lookOf(image: DiskImage, path = "/d/f"): string {
  const disk = new CrashDisk(image);
  if (!disk.exists(path)) return "none";
  const file = disk.open(path, "read");
  const bytes = new Uint8Array(file.size());
  file.readAt(bytes, 0);
  const firsts = Array.from({ length: Math.ceil(bytes.length / SECTOR) }, (_, at) => bytes[at * SECTOR]);
  return `${firsts.join(" ")} of ${bytes.length}`;
}

/** Every different image that a crash may leave now. */
function looksOf(disk: CrashDisk, path?: string): string[] {
  return [...new Set([...disk.freeze().images(1000, new SeededRng(1))].map((image) => lookOf(image, path)))].sort();
}

function keysOf(disk: CrashDisk): Set<number> {
  return new Set([...disk.freeze().images(1000, new SeededRng(1))].map(({ key }) => key));
}

describe("CrashDisk", () => {
  fileSystemConformance({
    test,
    create: async () => {
      const fileSystem = new CrashDisk();
      fileSystem.makeDirectory("/folder");
      return { subject: { fileSystem, folder: "/folder" }, cleanup: async () => {} };
    },
  });

  test("what was synced is in every image", async () => {
    const { disk } = await made();
    expect(looksOf(disk)).toEqual(["1 1 of 1024"]);
    expect(keysOf(disk).size).toBe(1);
  });

  test("each unsynced sector is lost or kept, whatever happens to the others", async () => {
    const { disk, file } = await made();
    file.writeAt([filled(2 * SECTOR, 2)], 0);
    expect(looksOf(disk)).toEqual(["1 1 of 1024", "1 2 of 1024", "2 1 of 1024", "2 2 of 1024"]);
    expect(keysOf(disk).size).toBe(4);
  });

  test("a sector that was written twice may have come to the disk in between", async () => {
    const { disk, file } = await made();
    file.writeAt([filled(SECTOR, 2)], 0);
    file.writeAt([filled(SECTOR, 3)], 0);
    expect(looksOf(disk)).toEqual(["1 1 of 1024", "2 1 of 1024", "3 1 of 1024"]);
    await file.datasync();
    expect(looksOf(disk)).toEqual(["3 1 of 1024"]);
  });

  test("the size grows with a sector behind the end, or without it; what lies between is zero", async () => {
    const { disk, file } = await made();
    file.writeAt([filled(SECTOR, 4)], 3 * SECTOR);
    expect(looksOf(disk)).toEqual(["1 1 0 0 of 2048", "1 1 0 4 of 2048", "1 1 of 1024"]);
  });

  test("what is written while a sync is under way is not durable with it", async () => {
    const { disk, file } = await made();
    file.writeAt([filled(SECTOR, 2)], 0);
    const synced = file.datasync();
    file.writeAt([filled(SECTOR, 3)], 0);
    expect(looksOf(disk)).toEqual(["1 1 of 1024", "2 1 of 1024", "3 1 of 1024"]);
    await synced;
    expect(looksOf(disk)).toEqual(["2 1 of 1024", "3 1 of 1024"]);
  });

  test("a failed sync makes nothing durable, and neither does the next one", async () => {
    const { disk, file } = await made();
    file.writeAt([filled(SECTOR, 2)], 0);
    disk.fail({ at: disk.operations.length + 1, error: "EIO" });
    await expect(file.datasync()).rejects.toThrow("sync of /d/f failed: EIO");
    file.writeAt([filled(SECTOR, 2)], SECTOR);
    await file.datasync();
    expect(looksOf(disk)).toEqual(["1 2 of 1024", "2 2 of 1024"]);
  });

  test("names are lost or kept one by one until their folder is synced", async () => {
    const { disk } = await made();
    disk.open("/d/g", "create").close();
    disk.rename("/d/f", "/d/h");
    const names = new Set<string>();
    for (const image of disk.freeze().images(100, new SeededRng(1))) names.add(new CrashDisk(image).list("/d").join());
    expect([...names].sort()).toEqual(["f", "f,g", "g,h", "h"]);
    disk.syncDirectory("/d");
    expect(looksOf(disk, "/d/f")).toEqual(["none"]);
    expect(looksOf(disk, "/d/h")).toEqual(["1 1 of 1024"]);
  });

  test("of too many choices some are taken: nothing kept, everything kept, and others", async () => {
    const { disk, file } = await made();
    for (let sector = 0; sector < 30; sector++) file.writeAt([filled(SECTOR, 5)], sector * SECTOR);
    const point = disk.freeze();
    const images = [...point.images(200, new SeededRng(1))];
    expect(images).toHaveLength(200);
    expect(new Set(images.map(({ key }) => key)).size).toBeGreaterThan(150);
    expect([lookOf(point.lost()), lookOf(point.kept())]).toEqual(["1 1 of 1024", `${"5 ".repeat(30)}of 15360`]);
  });

  test("an image can be used and crashed like any disk, and leaves the one that it is of alone", async () => {
    const { disk, file } = await made();
    file.writeAt([filled(SECTOR, 2)], 0);
    const again = new CrashDisk(disk.freeze().kept());
    again.open("/d/f", "write").writeAt([filled(SECTOR, 9)], 0);
    expect(looksOf(again)).toEqual(["2 1 of 1024", "9 1 of 1024"]);
    expect(looksOf(disk)).toEqual(["1 1 of 1024", "2 1 of 1024"]);
  });

  test("equal contents have equal keys, however they came to be", async () => {
    const [one, other] = [await made(), await made()];
    other.file.writeAt([filled(10, 7)], 0);
    expect(other.disk.freeze().kept().key).not.toBe(one.disk.freeze().kept().key);
    other.file.writeAt([filled(10, 1)], 0);
    expect(other.disk.freeze().kept().key).toBe(one.disk.freeze().kept().key);
  });

  test("the operation that was chosen fails, a write after whole sectors of it", async () => {
    const { disk, file } = await made();
    disk.fail({ at: disk.operations.length + 1, error: "ENOSPC", part: 0.7 });
    let caught: unknown;
    try {
      file.writeAt([filled(2 * SECTOR, 2)], 0);
    } catch (error) {
      caught = error;
    }
    expect(isDisterError(caught, "DISTER_ERR_DISK_FULL")).toBe(true);
    expect(lookOf(disk.freeze().kept())).toBe("2 1 of 1024");
  });
});
