/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** A change of a folder that is not synced. */
export type NameChange =
  | { readonly kind: "add"; readonly name: string; readonly inode: MemoryInode | Directory }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "rename"; readonly name: string; readonly to: string; readonly inode: MemoryInode };

/** Decides what a crash keeps of what was not synced; what is not decided is lost. */
export interface CrashChoice {
  /** A sector of 512 bytes, by its file and its offset there. */
  keepSector?(path: string, offset: number): boolean;
  /** A name that was made, moved or removed. */
  keepName?(change: NameChange): boolean;
}

type Names = Map<string, MemoryInode | Directory>;

/** Names as they are and as they survive. */
export class Directory {
  names: Names = new Map();
  #durable: Names = new Map();
  #changes: NameChange[] = [];

  add<T extends MemoryInode | Directory>(name: string, inode: T): T {
    this.apply({ kind: "add", name, inode });
    return inode;
  }

  apply(change: NameChange): void {
    applyChange(this.names, change);
    this.#changes.push(change);
  }

  sync(): void {
    this.#durable = new Map(this.names);
    this.#changes = [];
  }

  crash(path: string, choice: CrashChoice): void {
    const kept: Names = this.#durable;
    for (const change of this.#changes) {
      if (choice.keepName?.(change) === true) applyChange(kept, change);
    }
    this.#changes = [];
    this.names = new Map(kept);
    for (const [name, inode] of this.names) inode.crash(`${path}/${name}`, choice);
  }

  allocatedBytes(): number {
    let bytes = 0;
    for (const inode of this.names.values()) {
      bytes += inode instanceof Directory ? inode.allocatedBytes() : inode.allocatedBytes;
    }
    return bytes;
  }
}

function applyChange(names: Names, change: NameChange): void {
  if (change.kind !== "add") names.delete(change.name);
  if (change.kind === "add") names.set(change.name, change.inode);
  if (change.kind === "rename") names.set(change.to, change.inode);
}

/** Bytes as they are and as they survive, and which sectors differ. */
export class MemoryInode {
  size = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #durable: Uint8Array = new Uint8Array(0);
  #durableSize = 0;
  #version = 0;
  /** Unsynced sectors by number, with the version that last touched each. */
  readonly #dirty = new Map<number, number>();
  readonly #allocated = new Set<number>();

  get allocatedBytes(): number {
    return this.#allocated.size * SECTOR_BYTES;
  }

  bytesToAllocate(position: number, length: number): number {
    let sectors = 0;
    for (const sector of sectorsOf(position, length)) if (!this.#allocated.has(sector)) sectors++;
    return sectors * SECTOR_BYTES;
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    if (position + bytes.length > this.size) this.resize(position + bytes.length);
    this.#bytes.set(bytes, position);
    const version = ++this.#version;
    for (const sector of sectorsOf(position, bytes.length)) {
      this.#dirty.set(sector, version);
      this.#allocated.add(sector);
    }
  }

  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.size - position));
    target.set(this.#bytes.subarray(position, position + count));
    return count;
  }

  resize(size: number): void {
    if (size > this.#bytes.length) this.#bytes = grown(this.#bytes, size);
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  /** Notes what there is now; the returned function makes that durable. */
  beginSync(): () => void {
    const size = this.size;
    const sectors = [...this.#dirty].map(([sector, version]) => ({ sector, version, bytes: this.#sector(sector) }));
    return () => {
      this.#resizeDurable(size);
      for (const { sector, version, bytes } of sectors) {
        this.#keep(sector, bytes);
        if (this.#dirty.get(sector) === version) this.#dirty.delete(sector);
      }
    };
  }

  crash(path: string, choice: CrashChoice): void {
    for (const sector of this.#dirty.keys()) {
      const offset = sector * SECTOR_BYTES;
      if (offset >= this.size || choice.keepSector?.(path, offset) !== true) continue;
      // A sector behind the durable end brings the size along.
      this.#resizeDurable(Math.max(this.#durableSize, Math.min(this.size, offset + SECTOR_BYTES)));
      this.#keep(sector, this.#sector(sector));
    }
    this.#dirty.clear();
    this.size = 0;
    this.resize(this.#durableSize);
    this.#bytes.fill(0);
    this.#bytes.set(this.#durable.subarray(0, this.#durableSize));
  }

  contents(): Uint8Array {
    return this.#bytes.slice(0, this.size);
  }

  damage(offset: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, offset);
    this.#durable.set(bytes.subarray(0, Math.max(0, this.#durableSize - offset)), offset);
  }

  #sector(sector: number): Uint8Array {
    return this.#bytes.slice(sector * SECTOR_BYTES, Math.min(this.size, (sector + 1) * SECTOR_BYTES));
  }

  #keep(sector: number, bytes: Uint8Array): void {
    const offset = sector * SECTOR_BYTES;
    if (offset >= this.#durableSize) return;
    this.#durable.set(bytes.subarray(0, this.#durableSize - offset), offset);
  }

  #resizeDurable(size: number): void {
    if (size > this.#durable.length) this.#durable = grown(this.#durable, size);
    if (size < this.#durableSize) this.#durable.fill(0, size, this.#durableSize);
    this.#durableSize = size;
  }
}

function grown(bytes: Uint8Array, size: number): Uint8Array {
  const larger = new Uint8Array(Math.max(size, bytes.length * 2, 4096));
  larger.set(bytes);
  return larger;
}

function* sectorsOf(position: number, length: number): Generator<number> {
  const last = Math.floor((position + length - 1) / SECTOR_BYTES);
  for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++) yield sector;
}
