import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { DisterError } from "@dister/types";

export const exists = existsSync;

/** @throws DisterError `DISTER_ERR_DISK`. */
export function readText(path: string): string {
  return onDisk("read", path, () => readFileSync(path, "utf8"));
}

/** Writes a file that is not there yet; its folder is made for its owner only. @throws DisterError `DISTER_ERR_DISK`. */
export function writeNew(path: string, text: string, mode: number): void {
  onDisk("write", path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    write(path, text, mode);
  });
}

/** Writes a file, in one step where one is already: a reader sees the old text or the new one. */
export function writeOver(path: string, text: string, mode: number): void {
  onDisk("write", path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const aside = `${path}.new`;
    rmSync(aside, { force: true });
    write(aside, text, mode);
    renameSync(aside, path);
  });
}

function write(path: string, text: string, mode: number): void {
  const file = openSync(path, "wx", mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function onDisk<T>(operation: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new DisterError("DISTER_ERR_DISK", { operation, path, reason: code ?? message }, { cause });
  }
}
