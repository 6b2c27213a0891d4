import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writevSync,
} from "node:fs";
import { DisterError, type FileHandle, type FileSystem } from "@dister/types";
import { takeLock } from "./process-lock.ts";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const FLAGS = { create: "wx+", write: "r+", read: "r" } as const;
/** Buffers in one call; what the system takes at least. */
const BUFFERS_MAX = 1024;

/** The disk of this machine. Files are readable by their owner only. */
export class NodeFileSystem implements FileSystem {
  makeDirectory(path: string): void {
    attempt("makeDirectory", path, () => mkdirSync(path, { recursive: true, mode: FOLDER_MODE }));
  }

  list(path: string): string[] {
    return attempt("list", path, () => readdirSync(path).sort());
  }

  exists(path: string): boolean {
    return existsSync(path);
  }

  open(path: string, mode: "create" | "write" | "read"): FileHandle {
    const descriptor = attempt("open", path, () => openSync(path, FLAGS[mode], FILE_MODE));
    return new NodeFileHandle(path, descriptor);
  }

  remove(path: string): void {
    attempt("remove", path, () => unlinkSync(path));
  }

  rename(from: string, to: string): void {
    attempt("rename", from, () => renameSync(from, to));
  }

  syncDirectory(path: string): void {
    attempt("syncDirectory", path, () => {
      const descriptor = openSync(path, "r");
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  lock(path: string): () => void {
    return attempt("lock", path, () => takeLock(path));
  }
}

class NodeFileHandle implements FileHandle {
  readonly path: string;
  readonly #descriptor: number;
  #isOpen = true;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  size(): number {
    return this.#attempt("stat", () => fstatSync(this.#descriptor).size);
  }

  writeAt(buffers: readonly Uint8Array[], position: number): void {
    this.#attempt("write", () => {
      for (let at = 0; at < buffers.length; at += BUFFERS_MAX) {
        position += writeAll(this.#descriptor, buffers.slice(at, at + BUFFERS_MAX), position);
      }
    });
  }

  readAt(target: Uint8Array, position: number): number {
    return this.#attempt("read", () => {
      let done = 0;
      while (done < target.length) {
        const count = readSync(this.#descriptor, target, done, target.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  truncate(size: number): void {
    this.#attempt("truncate", () => ftruncateSync(this.#descriptor, size));
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#attempt("sync", () => {
        fdatasync(this.#descriptor, (error) => {
          if (error === null) resolve();
          else reject(diskError("sync", this.path, error));
        });
      });
    });
  }

  datasyncNow(): void {
    this.#attempt("sync", () => fdatasyncSync(this.#descriptor));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }

  #attempt<T>(operation: string, run: () => T): T {
    // The number of a closed descriptor may already be that of another file.
    if (!this.#isOpen) {
      throw new DisterError("DISTER_ERR_DISK", { operation, path: this.path, reason: "the file is closed" });
    }
    return attempt(operation, this.path, run);
  }
}

/** Writes until everything is written; the system may take less than it was given. */
function writeAll(descriptor: number, buffers: readonly Uint8Array[], position: number): number {
  let left = buffers.filter((each) => each.length > 0);
  let done = 0;
  while (left.length > 0) {
    let count = writevSync(descriptor, left, position + done);
    done += count;
    while (left.length > 0 && count >= left[0]!.length) {
      count -= left[0]!.length;
      left = left.slice(1);
    }
    if (count > 0) left = [left[0]!.subarray(count), ...left.slice(1)];
  }
  return done;
}

function attempt<T>(operation: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw diskError(operation, path, error);
  }
}

function diskError(operation: string, path: string, error: unknown): Error {
  if (error instanceof DisterError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new DisterError("DISTER_ERR_DISK_FULL", { path }, { cause: error });
  return new DisterError("DISTER_ERR_DISK", { operation, path, reason: code }, { cause: error });
}
