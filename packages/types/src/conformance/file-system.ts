import type { FileSystem } from "../contracts/file-system.ts";
import { type ErrorCode, isDisterError } from "../errors.ts";
import { expect, expectEqual, type Suite, withFresh } from "./suite.ts";

/** A file system and an empty folder in it. */
export interface FileSystemSubject {
  readonly fileSystem: FileSystem;
  readonly folder: string;
}

/** What every `FileSystem` does. Survival of a power loss is not looked at: that takes a disk that can lose it. */
export function fileSystemConformance(suite: Suite<FileSystemSubject>): void {
  const check = (name: string, run: (subject: FileSystemSubject) => Promise<void> | void): void =>
    suite.test(`FileSystem: ${name}`, () => withFresh(suite, run));

  check("a folder is made with those above it, and making it again is harmless", ({ fileSystem, folder }) => {
    fileSystem.makeDirectory(`${folder}/a/b`);
    fileSystem.makeDirectory(`${folder}/a/b`);
    expectEqual(fileSystem.list(`${folder}/a`), ["b"], "names");
    expect(fileSystem.exists(`${folder}/a/b`), "the folder is there");
    expect(!fileSystem.exists(`${folder}/a/c`), "another is not");
  });

  check("buffers are written one behind the other and read back at any place", ({ fileSystem, folder }) => {
    const file = fileSystem.open(`${folder}/f`, "create");
    file.writeAt([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)], 4);
    expectEqual(file.size(), 7, "size");
    const target = new Uint8Array(4);
    expectEqual(file.readAt(target, 3), 4, "bytes read");
    expectEqual([...target], [0, 1, 2, 3], "what was read");
    file.close();
  });

  check("a read at the end is short, one behind it is empty", ({ fileSystem, folder }) => {
    const file = fileSystem.open(`${folder}/f`, "create");
    file.writeAt([Uint8Array.of(1, 2, 3)], 0);
    expectEqual(file.readAt(new Uint8Array(10), 1), 2, "bytes at the end");
    expectEqual(file.readAt(new Uint8Array(10), 3), 0, "bytes behind the end");
    file.close();
  });

  check("truncate cuts, and lengthens with zeros", async ({ fileSystem, folder }) => {
    const file = fileSystem.open(`${folder}/f`, "create");
    file.writeAt([Uint8Array.of(1, 2, 3)], 0);
    file.truncate(1);
    file.truncate(3);
    await file.datasync();
    file.datasyncNow();
    const target = new Uint8Array(3);
    file.readAt(target, 0);
    expectEqual([...target], [1, 0, 0], "content");
    file.close();
  });

  check("create refuses a name that exists, write and read one that does not", ({ fileSystem, folder }) => {
    fileSystem.open(`${folder}/f`, "create").close();
    expectCode(() => fileSystem.open(`${folder}/f`, "create"), "DISTER_ERR_DISK");
    expectCode(() => fileSystem.open(`${folder}/g`, "write"), "DISTER_ERR_DISK");
    expectCode(() => fileSystem.open(`${folder}/g`, "read"), "DISTER_ERR_DISK");
  });

  check("rename takes the place of what was there, remove takes it away", ({ fileSystem, folder }) => {
    for (const [name, byte] of [
      ["a", 1],
      ["b", 2],
    ] as const) {
      const file = fileSystem.open(`${folder}/${name}`, "create");
      file.writeAt([Uint8Array.of(byte)], 0);
      file.close();
    }
    fileSystem.rename(`${folder}/a`, `${folder}/b`);
    fileSystem.syncDirectory(folder);
    expectEqual(fileSystem.list(folder), ["b"], "names");
    const file = fileSystem.open(`${folder}/b`, "read");
    const target = new Uint8Array(1);
    file.readAt(target, 0);
    file.close();
    expectEqual(target[0], 1, "content");
    fileSystem.remove(`${folder}/b`);
    expectEqual(fileSystem.list(folder), [], "names");
    expectCode(() => fileSystem.remove(`${folder}/b`), "DISTER_ERR_DISK");
  });

  check("a lock holds against this process too, until it is given back", ({ fileSystem, folder }) => {
    const release = fileSystem.lock(`${folder}/lock`);
    expectCode(() => fileSystem.lock(`${folder}/lock`), "DISTER_ERR_LOCKED");
    release();
    fileSystem.lock(`${folder}/lock`)();
  });
}

function expectCode(run: () => unknown, code: ErrorCode): void {
  let caught: unknown;
  try {
    run();
  } catch (error) {
    caught = error;
  }
  expect(isDisterError(caught, code), `fails with ${code}, got ${String(caught)}`);
}
