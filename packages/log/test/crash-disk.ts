import { DisterError, type FileHandle, type FileSystem } from "@dister/types";
import { CrashPoint, type DiskImage, type FrozenChange, type FrozenFile } from "./crash-point.ts";
import { SECTOR_BYTES, type Sector, sectorOf, sectorWith, ZERO_SECTOR } from "./crash-sector.ts";

/** What changes a disk, or makes a change durable. */
export type DiskOperation = "write" | "truncate" | "sync" | "create" | "remove" | "rename" | "syncDirectory";

/** One failure to come: the n-th operation of this disk, counted from 1. */
export interface DiskFault {
  readonly at: number;
  readonly error: "ENOSPC" | "EIO";
  /** Share of a write that gets through before it fails; cut down to whole sectors. */
  readonly part?: number;
}

/** A file, or a folder by the lack of one. */
type Node = CrashFile | null;

interface Change {
  readonly folder: string;
  readonly path: string;
  /** Where a renamed file goes; undefined for a removal; the path itself for a new name. */
  readonly to: string | undefined;
  readonly node: Node;
}

/**
 * Files in memory that remember everything that a loss of power could leave of them: of each sector every version since
 * the last sync of its file, of each folder every change since it was synced. Before each operation, and when a sync
 * ends, `onMoment` is called; {@link freeze} says then what may be left. Sectors are shared between disks and images and
 * never change, so that taking an image copies no bytes.
 *
 * A failed sync makes nothing durable, and neither does a later one for the sectors that were to be synced then.
 */
export class CrashDisk implements FileSystem {
  readonly #nodes = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  readonly #locks = new Set<string>();
  #changes: Change[] = [];
  #frozen: CrashPoint | undefined;
  #fault: DiskFault | undefined;

  /** Operations so far, and of which kind each was. */
  readonly operations: DiskOperation[] = [];
  onMoment: () => void = () => {};
  #isChanged = false;

  /** @param image - what a crash has left; nothing when it is omitted. */
  constructor(image?: DiskImage) {
    for (const { path, file } of image?.nodes ?? []) {
      const node = file === null ? null : new CrashFile(file);
      this.#nodes.set(path, node);
      this.#durable.set(path, node);
    }
  }

  /**
   * The disk at a moment, for the next process: the power has not failed, so that everything is seen, and what was not
   * synced may still be lost. That a sync had failed is forgotten.
   */
  static after({ durable, changes }: CrashPoint): CrashDisk {
    const disk = new CrashDisk();
    const made = new Map<FrozenFile, CrashFile>();
    const nodeOf = (file: FrozenFile | null): Node => {
      if (file === null) return null;
      const node = made.get(file) ?? new CrashFile(file);
      made.set(file, node);
      return node;
    };
    for (const [path, file] of durable) {
      disk.#durable.set(path, nodeOf(file));
      disk.#nodes.set(path, nodeOf(file));
    }
    for (const { path, to, folder, file } of changes) disk.#apply({ folder, path, to, node: nodeOf(file) });
    return disk;
  }

  fail(fault: DiskFault): void {
    this.#fault = fault;
  }

  /** Whether anything was changed since it was made. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** What a crash at this moment may leave. The same object as long as nothing has changed. */
  freeze(): CrashPoint {
    if (this.#frozen !== undefined) return this.#frozen;
    const durable = new Map<string, FrozenFile | null>();
    for (const [path, node] of this.#durable) durable.set(path, node === null ? null : node.freeze());
    const changes: FrozenChange[] = this.#changes.map(({ folder, path, to, node }) => {
      return { folder, path, to, file: node === null ? null : node.freeze() };
    });
    this.#frozen = new CrashPoint(durable, changes);
    return this.#frozen;
  }

  makeDirectory(path: string): void {
    const parts = path.split("/").filter((part) => part !== "");
    for (let count = 1; count <= parts.length; count++) {
      const folder = `/${parts.slice(0, count).join("/")}`;
      if (!this.#nodes.has(folder)) this.#apply({ folder: parentOf(folder), path: folder, to: folder, node: null });
    }
  }

  list(path: string): string[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    const names: string[] = [];
    for (const each of this.#nodes.keys()) {
      if (each.startsWith(prefix) && !each.includes("/", prefix.length)) names.push(each.slice(prefix.length));
    }
    return names.sort();
  }

  exists(path: string): boolean {
    return this.#nodes.has(path);
  }

  open(path: string, mode: "create" | "write" | "read"): FileHandle {
    const found = this.#nodes.get(path);
    if (mode === "create") {
      this.#operate("create", path);
      if (found !== undefined) throw diskError("create", path, "exists already");
      const file = new CrashFile(EMPTY_FILE);
      this.#apply({ folder: parentOf(path), path, to: path, node: file });
      return this.#handle(path, file);
    }
    if (found === undefined || found === null) throw diskError("open", path, "no such file");
    return this.#handle(path, found);
  }

  remove(path: string): void {
    this.#operate("remove", path);
    const node = this.#nodes.get(path);
    if (node === undefined || node === null) throw diskError("remove", path, "no such file");
    this.#apply({ folder: parentOf(path), path, to: undefined, node });
  }

  rename(from: string, to: string): void {
    this.#operate("rename", from);
    const node = this.#nodes.get(from);
    if (node === undefined || node === null) throw diskError("rename", from, "no such file");
    this.#apply({ folder: parentOf(from), path: from, to, node });
  }

  syncDirectory(path: string): void {
    this.#operate("syncDirectory", path);
    const folder = path === "" || path === "." ? "/" : path;
    if (!this.#changes.some((change) => change.folder === folder)) return;
    for (const change of this.#changes) if (change.folder === folder) applyTo(this.#durable, change);
    this.#changes = this.#changes.filter((change) => change.folder !== folder);
    this.#touch();
  }

  lock(path: string): () => void {
    if (this.#locks.has(path)) throw new DisterError("DISTER_ERR_LOCKED", { path, pid: 1 });
    this.#locks.add(path);
    return () => this.#locks.delete(path);
  }

  #apply(change: Change): void {
    applyTo(this.#nodes, change);
    this.#changes.push(change);
    this.#touch();
  }

  #touch(): void {
    this.#frozen = undefined;
    this.#isChanged = true;
  }

  /** A moment, and then one more operation; it fails when it is its turn. */
  #operate(operation: DiskOperation, path: string, partly?: (part: number) => void): void {
    this.onMoment();
    this.operations.push(operation);
    const fault = this.#fault;
    if (fault?.at !== this.operations.length) return;
    partly?.(fault.part ?? 0);
    if (fault.error === "ENOSPC") throw new DisterError("DISTER_ERR_DISK_FULL", { path });
    throw diskError(operation, path, "EIO");
  }

  #write(file: CrashFile, path: string, buffers: readonly Uint8Array[], position: number): void {
    const bytes = buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers);
    this.#operate("write", path, (part) => {
      const end = Math.floor((position + bytes.length * part) / SECTOR_BYTES) * SECTOR_BYTES;
      if (end > position) file.write(bytes.subarray(0, end - position), position);
      this.#touch();
    });
    file.write(bytes, position);
    this.#touch();
  }

  #beginSync(file: CrashFile, path: string): () => void {
    this.#operate("sync", path, () => file.failSync());
    const finish = file.beginSync();
    return () => {
      finish();
      this.#touch();
    };
  }

  #handle(path: string, file: CrashFile): FileHandle {
    let isOpen = true;
    const use = (): void => {
      if (!isOpen) throw diskError("use", path, "the file is closed");
    };
    return {
      path,
      size: () => file.size,
      writeAt: (buffers, position) => {
        use();
        this.#write(file, path, buffers, position);
      },
      readAt: (target, position) => {
        use();
        return file.read(target, position);
      },
      truncate: (size) => {
        use();
        this.#operate("truncate", path);
        file.resize(size);
        this.#touch();
      },
      datasync: async () => {
        use();
        const finish = this.#beginSync(file, path);
        // A little while, in which others go on.
        for (let turn = 0; turn < 3; turn++) await Promise.resolve();
        finish();
        this.onMoment();
      },
      datasyncNow: () => {
        use();
        this.#beginSync(file, path)();
      },
      close: () => {
        isOpen = false;
      },
    };
  }
}

const EMPTY_FILE: FrozenFile = { sectors: [], size: 0, newestSize: 0, pending: [] };

/** What is not durable of one sector. */
interface Pending {
  /** Every version since the last sync, the newest at the end. */
  versions: Sector[];
  /** A sync of it has failed: only a later write makes the next sync count. */
  isDoomed: boolean;
}

class CrashFile {
  size: number;
  /** As it is; a missing sector is zero. */
  readonly #sectors: Sector[];
  #durable: readonly Sector[];
  #durableSize: number;
  readonly #pending = new Map<number, Pending>();
  #isSizeDoomed = false;
  #frozen: FrozenFile | undefined;

  constructor(image: FrozenFile) {
    this.#sectors = [...image.sectors];
    this.#durable = image.sectors;
    this.size = image.newestSize;
    this.#durableSize = image.size;
    for (const { at, versions } of image.pending) for (const version of versions) this.#put(at, version);
    this.#frozen = image;
  }

  freeze(): FrozenFile {
    this.#frozen ??= {
      sectors: this.#durable,
      size: this.#durableSize,
      newestSize: this.size,
      pending: [...this.#pending].map(([at, { versions }]) => ({ at, versions: [...versions] })),
    };
    return this.#frozen;
  }

  read(target: Uint8Array, position: number): number {
    const end = Math.min(position + target.length, this.size);
    for (let from = position; from < end; ) {
      const at = Math.floor(from / SECTOR_BYTES);
      const within = from - at * SECTOR_BYTES;
      const count = Math.min(SECTOR_BYTES - within, end - from);
      const { bytes } = this.#sectors[at] ?? ZERO_SECTOR;
      target.set(count === SECTOR_BYTES ? bytes : bytes.subarray(within, within + count), from - position);
      from += count;
    }
    return Math.max(0, end - position);
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    for (let from = position; from < end; ) {
      const at = Math.floor(from / SECTOR_BYTES);
      const within = from - at * SECTOR_BYTES;
      const count = Math.min(SECTOR_BYTES - within, end - from);
      const piece = bytes.subarray(from - position, from - position + count);
      this.#put(at, count === SECTOR_BYTES ? sectorOf(piece) : sectorWith(this.#sectors[at], piece, within));
      from += count;
    }
    this.size = Math.max(this.size, end);
    this.#isSizeDoomed = false;
    this.#frozen = undefined;
  }

  resize(size: number): void {
    const kept = Math.ceil(size / SECTOR_BYTES);
    for (let at = kept; at < this.#sectors.length; at++) this.#put(at, ZERO_SECTOR);
    const rest = size % SECTOR_BYTES;
    const last = this.#sectors[kept - 1];
    if (size < this.size && rest > 0 && last !== undefined) {
      this.#put(kept - 1, sectorWith(last, new Uint8Array(SECTOR_BYTES - rest), rest));
    }
    this.size = size;
    this.#isSizeDoomed = false;
    this.#frozen = undefined;
  }

  /** Notes what there is now; the returned function makes that durable. */
  beginSync(): () => void {
    const size = this.#isSizeDoomed ? this.#durableSize : this.size;
    const noted = [...this.#pending].filter(([, { isDoomed }]) => !isDoomed);
    const newest = noted.map(([at, { versions }]) => ({ at, version: versions.at(-1)!, count: versions.length }));
    return () => {
      const durable = [...this.#durable];
      for (const { at, version, count } of newest) {
        while (durable.length < at) durable.push(ZERO_SECTOR);
        durable[at] = version;
        const pending = this.#pending.get(at)!;
        pending.versions = pending.versions.slice(count);
        if (pending.versions.length === 0) this.#pending.delete(at);
      }
      this.#durable = durable;
      this.#durableSize = size;
      this.#frozen = undefined;
    };
  }

  failSync(): void {
    for (const pending of this.#pending.values()) pending.isDoomed = true;
    this.#isSizeDoomed = true;
  }

  #put(at: number, sector: Sector): void {
    while (this.#sectors.length < at) this.#sectors.push(ZERO_SECTOR);
    if ((this.#sectors[at] ?? ZERO_SECTOR) === sector) return;
    this.#sectors[at] = sector;
    const pending = this.#pending.get(at);
    if (pending === undefined) {
      this.#pending.set(at, { versions: [sector], isDoomed: false });
      return;
    }
    pending.versions.push(sector);
    pending.isDoomed = false;
  }
}

function applyTo(nodes: Map<string, Node>, { path, to, node }: Change): void {
  if (to !== path) nodes.delete(path);
  if (to !== undefined) nodes.set(to, node);
}

function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

function diskError(operation: string, path: string, reason: string): DisterError {
  return new DisterError("DISTER_ERR_DISK", { operation, path, reason });
}
