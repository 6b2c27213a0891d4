import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * Finds the process that has dialled a connection on loopback, by its local port. All nodes share one address, so this is
 * how a proxy knows whose connection it carries before a single byte is read.
 */
export function diallerOf(localPort: number, pids: readonly number[]): number | undefined {
  const inode = inodeOf(localPort);
  return inode === undefined ? undefined : pids.find((pid) => hasSocket(pid, inode));
}

/** Inode of the established socket with this local port, from the kernel's table. */
function inodeOf(localPort: number): string | undefined {
  const port = `:${localPort.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(port) && fields[3] === "01") return fields[9];
  }
  return undefined;
}

function hasSocket(pid: number, inode: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => linkOf(`${folder}/${fd}`) === `socket:[${inode}]`);
  } catch {
    // The process has ended meanwhile.
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
