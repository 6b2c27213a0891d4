import { readdir, stat, statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { DiskUse, HostFigures } from "@dister/server";
import { DisterError } from "@dister/types";

/** Looks at the data folder and the file system under it. */
export function hostFigures(folder: string, connections: () => number): HostFigures {
  return {
    connections,
    async disk(): Promise<DiskUse> {
      try {
        const [logBytes, stateBytes, system] = await Promise.all([
          bytesIn(join(folder, "log"), () => true),
          bytesIn(folder, (name) => name.startsWith("state.db")),
          statfs(folder),
        ]);
        const freeBytes = system.bavail * system.bsize;
        return { folder: resolve(folder), logBytes, stateBytes, freeBytes, totalBytes: system.blocks * system.bsize };
      } catch (cause) {
        const details = { operation: "measuring the size", path: folder, reason: (cause as Error).message };
        throw new DisterError("DISTER_ERR_DISK", details, { cause });
      }
    },
  };
}

/** Space that the files take on the disk, which may be less than their size; a file that goes meanwhile takes none. */
async function bytesIn(folder: string, counts: (name: string) => boolean): Promise<number> {
  const names = (await readdir(folder)).filter(counts);
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => null);
      return found === null || found.isDirectory() ? 0 : (found.blocks ?? found.size / 512) * 512;
    }),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
