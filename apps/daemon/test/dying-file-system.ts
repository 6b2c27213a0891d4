import { NodeFileSystem } from "@dister/log";
import { DisterError, type FileHandle, type FileSystem } from "@dister/types";

/** What the process does no more once it was killed. */
export class Killed extends Error {}

/**
 * The real disk, until the process dies at one of its changes: that one and everything behind it never happens, clean-up
 * included. Also sees that nothing gets its final name before all of it is durable.
 */
export class DyingFileSystem implements FileSystem {
  /** Changes so far. */
  changes = 0;
  /** Files that were written and not synced since, by path. */
  readonly unsynced = new Set<string>();
  /** Folders that were renamed, with what was not durable in them. */
  readonly renamed: { from: string; to: string; unsynced: string[] }[] = [];
  readonly #real = new NodeFileSystem();
  readonly #diesAt: number;
  readonly #failure: () => Error;
  readonly #staysDead: boolean;

  /** @param diesAt - number of the change that does not happen, from 1; infinity for a process that lives. */
  constructor(diesAt: number, how: "killed" | "full" = "killed") {
    this.#diesAt = diesAt;
    this.#staysDead = how === "killed";
    this.#failure = () => (how === "killed" ? new Killed() : new DisterError("DISTER_ERR_DISK_FULL", { path: "disk" }));
  }

  /** Something outside of this file system changes the disk. */
  change(): void {
    this.changes++;
    if (this.changes === this.#diesAt || (this.changes > this.#diesAt && this.#staysDead)) throw this.#failure();
  }

  makeDirectory(path: string): void {
    this.change();
    this.#real.makeDirectory(path);
  }

  list(path: string): string[] {
    return this.#real.list(path);
  }

  exists(path: string): boolean {
    return this.#real.exists(path);
  }

  open(path: string, mode: "create" | "write" | "read"): FileHandle {
    if (mode === "create") this.change();
    return this.#watch(this.#real.open(path, mode));
  }

  remove(path: string): void {
    this.change();
    this.#real.remove(path);
  }

  rename(from: string, to: string): void {
    this.change();
    const inside = [...this.unsynced].filter((path) => path === from || path.startsWith(`${from}/`));
    this.renamed.push({ from, to, unsynced: inside });
    this.#real.rename(from, to);
  }

  syncDirectory(path: string): void {
    this.change();
    this.#real.syncDirectory(path);
  }

  lock(path: string): () => void {
    this.change();
    // A dead process lets go of its locks by being dead; this one goes on living.
    return this.#real.lock(path);
  }

  #watch(file: FileHandle): FileHandle {
    const { path } = file;
    const written = (): void => {
      this.change();
      this.unsynced.add(path);
    };
    return {
      path,
      size: () => file.size(),
      readAt: (target, position) => file.readAt(target, position),
      close: () => file.close(),
      writeAt: (buffers, position) => {
        written();
        file.writeAt(buffers, position);
      },
      truncate: (size) => {
        written();
        file.truncate(size);
      },
      datasync: async () => {
        this.change();
        await file.datasync();
        this.unsynced.delete(path);
      },
      datasyncNow: () => {
        this.change();
        file.datasyncNow();
        this.unsynced.delete(path);
      },
    };
  }
}
