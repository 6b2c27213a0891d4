import type { FileHandle, FileSystem } from "../contracts/file-system.ts";
import { DisterError, invariant } from "../errors.ts";
import { type CrashChoice, Directory, MemoryInode } from "./memory-inode.ts";

/** What a fault is put on; `sync` is the sync of a file. */
export type FileOperation = "write" | "truncate" | "sync" | "create" | "remove" | "rename" | "syncDirectory";

/** One failure to come. */
export interface InjectedFault {
  readonly operation: FileOperation;
  /** Fails the n-th such operation from now on, counted from 1. */
  readonly nth: number;
  readonly error: "ENOSPC" | "EIO";
  /** Of a write: bytes that get through before it fails; 0 unless told. */
  readonly bytesWritten?: number;
}

const DEAD = "the simulated process has ended";

/**
 * Files in memory that forget like a disk that loses power. Writes go into sectors of 512 bytes that stay unsynced until
 * `datasync` resolves, names stay unsynced until `syncDirectory`; {@link MemoryFileSystem.crash} loses any chosen part.
 * A sector is kept whole or lost whole, a rename as well. Beyond that any order is possible.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #root = new Directory();
  readonly #locks = new Set<string>();
  #faults: { fault: InjectedFault; left: number }[] = [];
  #operationsLeft = Number.POSITIVE_INFINITY;
  #life = 0;
  #held: (() => void)[] | undefined;
  #capacityBytes = Number.POSITIVE_INFINITY;
  #usedBytes = 0;
  #syncsInFlight = 0;
  #handlesOpen = 0;

  /** Operations that changed something, since the beginning. */
  operations = 0;
  /** Syncs of files that were begun, and the most that ever ran at once. */
  syncs = 0;
  syncsInFlightMax = 0;

  /** Files that are open now. */
  get handlesOpen(): number {
    return this.#handlesOpen;
  }

  makeDirectory(path: string): void {
    let folder = this.#root;
    for (const name of partsOf(path)) {
      const found = folder.names.get(name);
      if (found instanceof MemoryInode) throw this.#failure("makeDirectory", path, "not a folder");
      folder = found ?? folder.add(name, new Directory());
    }
  }

  list(path: string): string[] {
    this.#alive();
    return [...this.#directory(path).names.keys()].sort();
  }

  exists(path: string): boolean {
    this.#alive();
    return this.#find(path) !== undefined;
  }

  open(path: string, mode: "create" | "write" | "read"): FileHandle {
    this.#alive();
    const found = this.#find(path);
    if (found instanceof Directory) throw this.#failure("open", path, "is a folder");
    if (mode !== "create") {
      if (found === undefined) throw this.#failure("open", path, "no such file");
      return this.#handle(path, found, mode === "write");
    }
    if (found !== undefined) throw this.#failure("create", path, "exists already");
    this.#operate("create", path);
    const { folder, name } = this.#place(path);
    return this.#handle(path, folder.add(name, new MemoryInode()), true);
  }

  remove(path: string): void {
    this.#operate("remove", path);
    const { folder, name } = this.#place(path);
    const inode = folder.names.get(name);
    if (!(inode instanceof MemoryInode)) throw this.#failure("remove", path, "no such file");
    this.#usedBytes -= inode.allocatedBytes;
    folder.apply({ kind: "remove", name });
  }

  rename(from: string, to: string): void {
    this.#operate("rename", from);
    const [source, target] = [this.#place(from), this.#place(to)];
    invariant(source.folder === target.folder, "a rename stays in its folder");
    const inode = source.folder.names.get(source.name);
    if (!(inode instanceof MemoryInode)) throw this.#failure("rename", from, "no such file");
    const replaced = target.folder.names.get(target.name);
    if (replaced instanceof MemoryInode) this.#usedBytes -= replaced.allocatedBytes;
    source.folder.apply({ kind: "rename", name: source.name, to: target.name, inode });
  }

  syncDirectory(path: string): void {
    this.#operate("syncDirectory", path);
    this.#directory(path).sync();
  }

  lock(path: string): () => void {
    this.#alive();
    if (this.#locks.has(path)) throw new DisterError("DISTER_ERR_LOCKED", { path, pid: 1 });
    this.#locks.add(path);
    const life = this.#life;
    return () => {
      if (life === this.#life) this.#locks.delete(path);
    };
  }

  /** Makes one operation fail. */
  inject(fault: InjectedFault): void {
    this.#faults.push({ fault, left: fault.nth });
  }

  /** Takes back what was injected or limited and has not happened yet. */
  clearFaults(): void {
    this.#faults = [];
    this.#operationsLeft = Number.POSITIVE_INFINITY;
    this.#capacityBytes = Number.POSITIVE_INFINITY;
  }

  /** Lets this many more changing operations happen; then everything fails until {@link crash}. */
  haltAfter(operations: number): void {
    this.#operationsLeft = operations;
  }

  /** Bytes that files may take together; a write that needs more fails with `DISTER_ERR_DISK_FULL`. */
  setCapacity(bytes: number): void {
    this.#capacityBytes = bytes;
  }

  /** Bytes that files take now; holes take none. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Syncs of files that are begun from now on do not end until the returned function is called. */
  holdSyncs(): () => void {
    const held: (() => void)[] = [];
    this.#held = held;
    return () => {
      if (this.#held === held) this.#held = undefined;
      for (const release of held.splice(0)) release();
    };
  }

  /** Ends the process and the power: open files are dead, locks are free, what was not synced is lost unless kept. */
  crash(choice: CrashChoice = {}): void {
    this.#life++;
    this.#locks.clear();
    this.#faults = [];
    this.#held = undefined;
    this.#operationsLeft = Number.POSITIVE_INFINITY;
    this.#syncsInFlight = 0;
    this.#handlesOpen = 0;
    this.#root.crash("", choice);
    this.#usedBytes = this.#root.allocatedBytes();
  }

  /** What the file holds now; a copy. */
  contents(path: string): Uint8Array {
    return this.#file(path).contents();
  }

  /** Changes bytes of a file at rest, durably and without any trace: damage. */
  damage(path: string, offset: number, bytes: Uint8Array): void {
    this.#file(path).damage(offset, bytes);
  }

  #file(path: string): MemoryInode {
    const found = this.#find(path);
    invariant(found instanceof MemoryInode, `${path} is a file`);
    return found;
  }

  #find(path: string): MemoryInode | Directory | undefined {
    let found: MemoryInode | Directory | undefined = this.#root;
    for (const name of partsOf(path)) {
      if (!(found instanceof Directory)) return undefined;
      found = found.names.get(name);
    }
    return found;
  }

  #directory(path: string): Directory {
    const found = this.#find(path);
    if (!(found instanceof Directory)) throw this.#failure("open", path, "no such folder");
    return found;
  }

  #place(path: string): { folder: Directory; name: string } {
    const names = partsOf(path);
    const name = names.pop();
    invariant(name !== undefined, "a file has a name");
    return { folder: this.#directory(names.join("/")), name };
  }

  #alive(): void {
    if (this.#operationsLeft <= 0) throw this.#failure("use", "/", DEAD);
  }

  #failure(operation: string, path: string, reason: string): DisterError {
    return new DisterError("DISTER_ERR_DISK", { operation, path, reason });
  }

  /** Counts an operation, and fails it when it is its turn. `partly` is what still happens before that. */
  #operate(operation: FileOperation, path: string, partly?: (fault: InjectedFault) => void): void {
    this.#alive();
    this.#operationsLeft--;
    this.operations++;
    const due = this.#faults.find((each) => each.fault.operation === operation && --each.left === 0);
    if (due === undefined) return;
    this.#faults = this.#faults.filter((each) => each !== due);
    partly?.(due.fault);
    if (due.fault.error === "ENOSPC") throw new DisterError("DISTER_ERR_DISK_FULL", { path });
    throw this.#failure(operation, path, "EIO");
  }

  #write(inode: MemoryInode, path: string, bytes: Uint8Array, position: number): void {
    this.#operate("write", path, (fault) => inode.write(bytes.subarray(0, fault.bytesWritten ?? 0), position));
    const needed = inode.bytesToAllocate(position, bytes.length);
    if (this.#usedBytes + needed > this.#capacityBytes) throw new DisterError("DISTER_ERR_DISK_FULL", { path });
    this.#usedBytes += needed;
    inode.write(bytes, position);
  }

  async #sync(inode: MemoryInode, path: string): Promise<void> {
    this.#operate("sync", path);
    const life = this.#life;
    const finish = inode.beginSync();
    this.syncs++;
    this.syncsInFlightMax = Math.max(this.syncsInFlightMax, ++this.#syncsInFlight);
    const held = this.#held;
    await (held === undefined ? null : new Promise<void>((resolve) => held.push(resolve)));
    // Never resolves after a crash: the process that waited is gone.
    if (life !== this.#life) return new Promise(() => {});
    this.#syncsInFlight--;
    finish();
  }

  #handle(path: string, inode: MemoryInode, writable: boolean): FileHandle {
    const life = this.#life;
    let open = true;
    this.#handlesOpen++;
    const use = (operation: string, writes = false): void => {
      this.#alive();
      if (!open || life !== this.#life) throw this.#failure(operation, path, "the file is closed");
      if (writes && !writable) throw this.#failure(operation, path, "opened for reading");
    };
    return {
      path,
      size: () => inode.size,
      writeAt: (buffers, position) => {
        use("write", true);
        this.#write(inode, path, joined(buffers), position);
      },
      readAt: (target, position) => {
        use("read");
        return inode.read(target, position);
      },
      truncate: (size) => {
        use("truncate", true);
        this.#operate("truncate", path);
        inode.resize(size);
      },
      datasync: async () => {
        use("sync");
        await this.#sync(inode, path);
      },
      datasyncNow: () => {
        use("sync");
        this.#operate("sync", path);
        this.syncs++;
        inode.beginSync()();
      },
      close: () => {
        if (open && life === this.#life) this.#handlesOpen--;
        open = false;
      },
    };
  }
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function joined(buffers: readonly Uint8Array[]): Uint8Array {
  if (buffers.length === 1) return buffers[0]!;
  const whole = new Uint8Array(buffers.reduce((bytes, each) => bytes + each.length, 0));
  let at = 0;
  for (const each of buffers) {
    whole.set(each, at);
    at += each.length;
  }
  return whole;
}
