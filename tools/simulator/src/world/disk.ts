import { DisterError, type FileHandle, type FileSystem } from "@dister/types";
import { type CrashChoice, MemoryFileSystem, SECTOR_BYTES } from "@dister/types/testing";
import type { Dice } from "./dice.ts";
import { livingFiles } from "./living-files.ts";
import type { RunInside } from "./process-clock.ts";
import type { World } from "./world.ts";

/** How long a sync takes, in milliseconds. */
export interface DiskSpeed {
  readonly syncMsMin: number;
  readonly syncMsMax: number;
}

export const USUAL_DISK: DiskSpeed = Object.freeze({ syncMsMin: 0.2, syncMsMax: 3 });

/** A process that uses a disk. */
export interface DiskUser {
  readonly run: RunInside;
  readonly isAlive: () => boolean;
  /** Called when a sync begins that takes time. */
  readonly syncing: () => void;
}

/** The disk of one machine: syncs take time, and fail when they are told to. */
export class MachineDisk {
  readonly files = new MemoryFileSystem();
  readonly #world: World;
  readonly #name: string;
  readonly #dice: Dice;
  #speed = USUAL_DISK;
  /** What was injected since the process was started; a process that stops itself must have a reason. */
  injected: "none" | "write" | "sync" = "none";
  isFull = false;
  #failingWrite: { left: number; readonly share: number } | null = null;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.#dice = world.dice(`disk ${name}`);
  }

  setSpeed(speed: DiskSpeed): void {
    this.#speed = speed;
  }

  /** Fails the n-th sync of a file from now on. */
  failSync(nth: number): void {
    this.files.inject({ operation: "sync", nth, error: "EIO" });
    this.injected = "sync";
  }

  /** Fails the n-th write from now on, when a share of it has got through: whole sectors, as a disk takes them. */
  failWrite(nth: number, share: number): void {
    this.#failingWrite = { left: nth, share };
    this.injected = "write";
  }

  /** Everything fails after so many more operations, in the middle of whatever it was. */
  haltAfter(operations: number): void {
    this.files.haltAfter(operations);
    this.injected = "write";
  }

  /** A full disk takes what fits into room that was taken before, and nothing else. */
  setFull(isFull: boolean): void {
    this.isFull = isFull;
    this.files.setCapacity(isFull ? this.files.usedBytes + 1_024 : Number.POSITIVE_INFINITY);
  }

  /** Takes back what was to fail and has not failed yet. */
  clearFaults(): void {
    this.files.clearFaults();
    this.#failingWrite = null;
  }

  /** The process ends; with the power, what was not synced may go in any part. */
  crash(choice: CrashChoice): void {
    this.files.crash(choice);
    this.#failingWrite = null;
    this.injected = "none";
  }

  /** The file system as one process sees it, as long as it lives. */
  inside({ run, isAlive, syncing }: DiskUser): FileSystem {
    return livingFiles(this.files, isAlive, (handle) => this.#slow(handle, run, syncing));
  }

  #write(handle: FileHandle, buffers: readonly Uint8Array[], position: number): void {
    const failing = this.#failingWrite;
    if (failing === null || --failing.left > 0) return handle.writeAt(buffers, position);
    this.#failingWrite = null;
    const bytes = Buffer.concat(buffers);
    const end = position + Math.floor(bytes.length * failing.share);
    const through = Math.max(0, Math.floor(end / SECTOR_BYTES) * SECTOR_BYTES - position);
    handle.writeAt([bytes.subarray(0, through)], position);
    throw new DisterError("DISTER_ERR_DISK", { operation: "write", path: handle.path, reason: "EIO" });
  }

  #slow(handle: FileHandle, run: RunInside, syncing: () => void): FileHandle {
    return {
      path: handle.path,
      size: () => handle.size(),
      writeAt: (buffers, position) => this.#write(handle, buffers, position),
      readAt: (target, position) => handle.readAt(target, position),
      truncate: (size) => handle.truncate(size),
      datasyncNow: () => handle.datasyncNow(),
      close: () => handle.close(),
      // What is written after this call is not part of it, however long it takes.
      datasync: () => {
        const release = this.files.holdSyncs();
        const synced = handle.datasync();
        const { syncMsMin, syncMsMax } = this.#speed;
        this.#world.after(this.#dice.between(syncMsMin, syncMsMax), `${this.#name} synced`, () => run(release));
        syncing();
        return synced;
      },
    };
  }
}
