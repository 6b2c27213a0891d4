import { createReadStream, rmSync } from "node:fs";
import { type DiskLog, type LogIdentity, type LogTuning, NodeFileSystem, openLog } from "@dister/log";
import { openStore, type Store } from "@dister/store";
import { DisterError, type FileSystem, NO_LOGGER, type Rng } from "@dister/types";
import { systemClock, systemRng } from "@dister/types/system";

/** What the commands on a stopped node have of the world. */
export interface OfflineParts {
  readonly fileSystem: FileSystem;
  readonly rng: Rng;
  readonly wallMs: () => number;
  openLog(directory: string, identity: LogIdentity): Promise<DiskLog>;
  openStore(path: string): Promise<Store>;
  /** Removes a folder with all that is in it; harmless when there is none. */
  removeTree(path: string): void;
  /** The bytes of a file from its first to its last. */
  readFile(path: string): AsyncIterable<Uint8Array>;
}

const READ_BYTES = 1024 * 1024;

/** Disk, log and database of this machine. Beside `node.ts` the only place where these are named. */
export function offlineParts(
  fileSystem: FileSystem = new NodeFileSystem(),
  logTuning: Partial<LogTuning> = {},
): OfflineParts {
  return {
    fileSystem,
    rng: systemRng,
    wallMs: () => systemClock.wallMs(),
    openLog: (directory, identity) =>
      openLog({ components: { fileSystem, logger: NO_LOGGER }, options: { ...logTuning, directory, identity } }),
    openStore: (path) => openStore({ components: { logger: NO_LOGGER }, options: { path } }),
    removeTree,
    readFile,
  };
}

function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (cause) {
    const reason = String((cause as NodeJS.ErrnoException).code);
    throw new DisterError("DISTER_ERR_DISK", { operation: "remove", path, reason }, { cause });
  }
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new DisterError("DISTER_ERR_DISK", { operation: "read", path, reason: code }, { cause });
  }
}
