/** One open file. */
export interface FileHandle {
  readonly path: string;
  /** Size in bytes. */
  size(): number;
  /**
   * Writes all the buffers one behind the other from `position` on; loops until everything is written.
   * Not durable until `datasync` has resolved. The buffers may be reused when it returns.
   * @throws DisterError `DISTER_ERR_DISK_FULL`, `DISTER_ERR_DISK`. Part of the bytes may then have been written.
   */
  writeAt(buffers: readonly Uint8Array[], position: number): void;
  /** Fills `target` from `position` on and says how many bytes there were: fewer than asked only at the file's end. */
  readAt(target: Uint8Array, position: number): number;
  /** Cuts or, with zeros, lengthens the file. */
  truncate(size: number): void;
  /** Resolves when everything that was written before the call survives power loss. At most one at a time per file. */
  datasync(): Promise<void>;
  /** The same, blocking; for start-up. */
  datasyncNow(): void;
  close(): void;
}

/**
 * Disk from outside; nothing else in the packages touches one.
 *
 * Duties:
 * 1. Paths are absolute or relative to the process; separators are the platform's.
 * 2. Every failure is a DisterError `DISTER_ERR_DISK_FULL` or `DISTER_ERR_DISK` with the path, never a bare system error.
 * 3. A new, renamed or removed name survives power loss only after `syncDirectory` of its folder.
 * 4. `lock` holds against other processes and against this one, and ends with the process, however that ends.
 * 5. Files and folders that it makes are readable by their owner only (0600, 0700).
 */
export interface FileSystem {
  /** Makes a folder and those above it; harmless when it exists. */
  makeDirectory(path: string): void;
  /** Names inside a folder, sorted. */
  list(path: string): string[];
  exists(path: string): boolean;
  /** `create`: new and empty, fails when it exists; `write`: for reading and writing; `read`: for reading. */
  open(path: string, mode: "create" | "write" | "read"): FileHandle;
  remove(path: string): void;
  /** Takes the place of `to` at once when it exists. */
  rename(from: string, to: string): void;
  syncDirectory(path: string): void;
  /**
   * Takes a lock file for this process.
   * @returns the function that gives it back.
   * @throws DisterError `DISTER_ERR_LOCKED` with the holder's process id.
   */
  lock(path: string): () => void;
}
