import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDisterError } from "@dister/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NodeFileSystem } from "./node-file-system.ts";

const fileSystem = new NodeFileSystem();
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dister-files-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("NodeFileSystem", () => {
  test("files and folders are readable by their owner only", () => {
    fileSystem.makeDirectory(join(folder, "a", "b"));
    fileSystem.open(join(folder, "f"), "create").close();
    for (const name of ["a", join("a", "b")]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "f")).mode & 0o777).toBe(0o600);
  });

  test("more buffers than one system call takes are written whole", () => {
    const file = fileSystem.open(join(folder, "f"), "create");
    const buffers = Array.from({ length: 2500 }, (_, at) => Uint8Array.of(at % 256, 7));
    file.writeAt(buffers, 3);
    const target = new Uint8Array(5003);
    expect(file.readAt(target, 0)).toBe(5003);
    expect(Buffer.compare(target.subarray(3), Buffer.concat(buffers))).toBe(0);
    file.close();
  });

  test("a full disk is said to be full", () => {
    const file = fileSystem.open("/dev/full", "write");
    expect(codeOf(() => file.writeAt([Uint8Array.of(1)], 0))).toBe("DISTER_ERR_DISK_FULL");
    file.close();
  });

  test("other failures name the operation, the path and the system's code", () => {
    const path = join(folder, "missing");
    expect(codeOf(() => fileSystem.open(path, "read"))).toBe("DISTER_ERR_DISK");
    expect(() => fileSystem.open(path, "read")).toThrow(`open of ${path} failed: ENOENT`);
    expect(codeOf(() => fileSystem.list(path))).toBe("DISTER_ERR_DISK");
    expect(codeOf(() => fileSystem.rename(path, join(folder, "x")))).toBe("DISTER_ERR_DISK");
  });

  test("a closed file refuses everything and its descriptor is not used again", async () => {
    const file = fileSystem.open(join(folder, "f"), "create");
    file.close();
    file.close();
    const other = fileSystem.open(join(folder, "g"), "create");
    expect(codeOf(() => file.writeAt([Uint8Array.of(1)], 0))).toBe("DISTER_ERR_DISK");
    await expect(file.datasync()).rejects.toThrow("the file is closed");
    expect(other.size()).toBe(0);
    other.close();
  });
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isDisterError(error) ? error.code : String(error);
  }
  return "done";
}
