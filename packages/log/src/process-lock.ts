import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { DisterError } from "@dister/types";

const ATTEMPTS_MAX = 100;

/**
 * Takes a lock file. It holds the process id, when that process began and the boot of the machine, so that a process id
 * which was given out again is not taken for the holder. The file appears whole: it is written under another name and
 * linked. A lock of a process that is gone is taken over, by one process at a time.
 * @returns the function that gives the lock back.
 * @throws DisterError `DISTER_ERR_LOCKED`; or a bare system error.
 */
export function takeLock(path: string): () => void {
  const mine = `${process.pid} ${startOf(process.pid)} ${bootId()}\n`;
  const own = unusedName(path, mine);
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (linked(own, path)) return () => release(path, mine);
      const seen = contentOf(path);
      if (seen !== undefined) removeStale(path, own, seen);
    }
    throw new DisterError("DISTER_ERR_LOCKED", { path, pid: 0 });
  } finally {
    unlinkSync(own);
  }
}

/** Removes a lock whose holder is gone. A second file makes sure that nobody removes what has just been taken anew. */
function removeStale(path: string, own: string, seen: string): void {
  refuseIfHeld(path, seen);
  const guard = `${path}.takeover`;
  if (!linked(own, guard)) {
    const guardian = contentOf(guard);
    if (guardian === undefined) return;
    refuseIfHeld(path, guardian);
    // It was cut short between two system calls.
    const aside = `${own}.stale`;
    renameSync(guard, aside);
    unlinkSync(aside);
    return;
  }
  try {
    if (contentOf(path) === seen) unlinkSync(path);
  } finally {
    unlinkSync(guard);
  }
}

function refuseIfHeld(path: string, content: string): void {
  const [pid, start, boot] = content.trim().split(" ");
  const holder = Number(pid);
  // A file without a holder is what a power loss left of one.
  if (!Number.isSafeInteger(holder) || holder <= 0 || boot === undefined) return;
  if (boot !== bootId() || !isAlive(holder) || startOf(holder) !== start) return;
  throw new DisterError("DISTER_ERR_LOCKED", { path, pid: holder });
}

function release(path: string, mine: string): void {
  if (contentOf(path) === mine) unlinkSync(path);
}

function unusedName(path: string, content: string): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${path}.${process.pid}.${attempt}`;
    try {
      writeFileSync(name, content, { flag: "wx", mode: 0o600 });
      return name;
    } catch (error) {
      if (!hasCode(error, "EEXIST") || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, "ESRCH");
  }
}

/** When a process began, in ticks since the machine started; "-" where the system does not say. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name of the program, in brackets, may hold anything; the fields behind it are numbers, the 20th is the start.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "-";
  } catch {
    return "-";
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "-";
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
