import { join } from "node:path";
import { DisterError, type FileSystem, isHexId, LIMITS, type Logger } from "@dister/types";
import { DiskLog } from "./disk-log.ts";
import type { LogIdentity } from "./file-header.ts";
import { type LogTuning, tuningOf } from "./options.ts";
import { recoverLog } from "./recovery.ts";

/** What a log works with. */
export interface LogComponents {
  readonly fileSystem: FileSystem;
  readonly logger: Logger;
}

/** Where a log lies, whose it is, and its tuning. */
export interface LogOptions extends Partial<LogTuning> {
  /** Folder of its own for this log; made when it is missing. */
  readonly directory: string;
  /**
   * Written into every file and compared at the next start: the node id and the group must be equal, the cluster id
   * where both have one. A node may take on a cluster id later.
   */
  readonly identity: LogIdentity;
}

/**
 * Opens the log of a folder, or begins one, and clears what a crash has cut. Where entries are damaged that may have been
 * acknowledged, the log is cut before them and is suspect; what was there is kept beside it.
 * @returns the log; its `recovery` says what was found.
 * @throws DisterError `DISTER_ERR_LOCKED` when it is open already, here or in another process;
 *   `DISTER_ERR_LOG_CORRUPT` with file, offset and reason when it cannot be shown what is lost by damage: nothing is
 *   changed then; `DISTER_ERR_IDENTITY` for another node's log; `DISTER_ERR_INVALID` for a bad option;
 *   `DISTER_ERR_DISK_FULL`, `DISTER_ERR_DISK`.
 * @see docs/formats/log-file.md
 */
export async function openLog(log: { components: LogComponents; options: LogOptions }): Promise<DiskLog> {
  const { components, options } = log;
  const { directory, identity } = options;
  checkIdentity(identity);
  const tuning = tuningOf(options);
  components.fileSystem.makeDirectory(directory);
  const unlock = components.fileSystem.lock(join(directory, "lock"));
  try {
    const context = { ...components, directory, identity, tuning };
    const found = await recoverLog(context);
    const log = new DiskLog(context, found, unlock);
    if (found.isHardStateMissing) await keepHardState(log);
    return log;
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Writes a hard state that only its copy holds into the log, so that there are two of it again before it is relied on. */
async function keepHardState(log: DiskLog): Promise<void> {
  try {
    await log.append({ entries: [], hardState: log.hardState() });
  } catch (error) {
    await log.close();
    throw error;
  }
}

function checkIdentity({ group, nodeId, clusterId }: LogIdentity): void {
  const refuse = (field: string, got: string, allowed: string): never => {
    throw new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
  };
  if (!isHexId(nodeId)) refuse("nodeId", nodeId, "16 hexadecimal digits");
  if (clusterId !== "" && !isHexId(clusterId)) refuse("clusterId", clusterId, "16 hexadecimal digits or nothing");
  if (group.length > LIMITS.nameCharsMax) refuse("group", group, `${LIMITS.nameCharsMax} characters`);
}
