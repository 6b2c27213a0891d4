import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isInSandbox } from "./sandbox.ts";

/** Room for the log of a long run; what is not written takes no room on the real disk. */
const DISK_BYTES = 1024 * 1024 * 1024;
const BALLAST = "ballast";

/** What a node's disk is: a file system of its own where the machine allows one, else a folder. */
export type DiskKind = "ext4" | "tmpfs" | "folder";

/** Tries what the machine allows. `ext4` has a real journal and real syncs; `tmpfs` is for those who are not root. */
export function bestDiskKind(scratch: string): DiskKind {
  if (!isInSandbox()) return "folder";
  for (const kind of ["ext4", "tmpfs"] as const) {
    const disk = new SmallDisk(kind, join(scratch, `try-${kind}`));
    try {
      disk.mount();
      disk.unmount();
      return kind;
    } catch {
      disk.unmount();
    }
  }
  return "folder";
}

/** The disk of one node, which can be filled up and emptied again while the node runs. */
export class SmallDisk {
  readonly kind: DiskKind;
  readonly path: string;

  constructor(kind: DiskKind, path: string) {
    this.kind = kind;
    this.path = path;
  }

  mount(): void {
    mkdirSync(this.path, { recursive: true });
    if (this.kind === "tmpfs") command("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", this.path]);
    if (this.kind !== "ext4") return;
    const image = `${this.path}.img`;
    const file = openSync(image, "w");
    ftruncateSync(file, DISK_BYTES);
    closeSync(file);
    command("mkfs.ext4", ["-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", image]);
    command("mount", ["-o", "loop", image, this.path]);
  }

  unmount(): void {
    if (this.kind === "folder") return;
    spawnSync("umount", ["-l", this.path], { stdio: "ignore" });
    rmSync(`${this.path}.img`, { force: true });
  }

  /** Leaves no block free. */
  fill(): void {
    const path = join(this.path, BALLAST);
    const { bavail, bsize } = statfsSync(this.path);
    spawnSync("fallocate", ["-l", String(Math.max(bsize, (bavail - 64) * bsize)), path], { stdio: "ignore" });
    const file = openSync(path, "a");
    try {
      for (let bytes = 1024 * 1024; bytes >= 4_096; ) {
        try {
          if (writeSync(file, Buffer.alloc(bytes, 0xee)) < bytes) bytes /= 2;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          bytes /= 2;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(join(this.path, BALLAST), { force: true });
  }
}

function command(name: string, args: readonly string[]): void {
  execFileSync(name, args, { stdio: "ignore" });
}
