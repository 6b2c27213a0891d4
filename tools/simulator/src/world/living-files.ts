import { DisterError, type FileHandle, type FileSystem } from "@dister/types";

/**
 * A file system as one process sees it: what has ended does not reach the disk, which the next process uses already.
 * @param wrap - what a file is handed out as; as it is unless told.
 */
export function livingFiles(
  inner: FileSystem,
  isAlive: () => boolean,
  wrap: (handle: FileHandle) => FileHandle = (handle) => handle,
): FileSystem {
  const files = (): FileSystem => {
    if (isAlive()) return inner;
    throw new DisterError("DISTER_ERR_DISK", { operation: "use", path: "/", reason: "ended" });
  };
  return {
    makeDirectory: (path) => files().makeDirectory(path),
    list: (path) => files().list(path),
    exists: (path) => files().exists(path),
    open: (path, mode) => wrap(files().open(path, mode)),
    remove: (path) => files().remove(path),
    rename: (from, to) => files().rename(from, to),
    syncDirectory: (path) => files().syncDirectory(path),
    lock: (path) => files().lock(path),
  };
}
