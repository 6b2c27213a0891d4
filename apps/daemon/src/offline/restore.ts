import { dirname, join, resolve } from "node:path";
import { IdentityFile } from "@dister/server";
import { encodeCommand, inspectBackup, restoreBackup, type SoundBackup } from "@dister/store";
import {
  DisterError,
  hexIdOf,
  type Membership,
  NO_MEMBERSHIP,
  ROLE,
  type Service,
  type StatusChange,
} from "@dister/types";
import type { BackupHead, Config } from "@dister/types/schemas";
import { beginFolder, dataPlace, dropLock, hasData, moveFolder, unusable } from "./data-place.ts";
import { appendDecree, onlyVoter } from "./decree.ts";
import type { OfflineParts } from "./offline-parts.ts";

/** Statuses in one command: far below what an entry may hold, whatever the names. */
const STATUSES_PER_COMMAND = 5_000;

export interface RestoreOptions {
  /** The backup. */
  readonly from: string;
  readonly config: Config;
  /** Restore into a group of another name than the backup's. */
  readonly otherGroup: boolean;
}

export interface Restored {
  /** What the backup says of itself. */
  readonly head: BackupHead;
  /** The new cluster and its first node. */
  readonly cluster: string;
  readonly node: string;
  readonly group: string;
  readonly folder: string;
}

/**
 * Makes a data folder of a backup: that of a node that is a cluster of its own, with a new id, and has the backup's state.
 * The folder is prepared beside its place and gets its name when it is complete and durable, by one rename.
 * @throws DisterError `DISTER_ERR_SNAPSHOT` for a backup that is not sound, `DISTER_ERR_IDENTITY` for a folder that has data
 *   or a backup of another group, `DISTER_ERR_LOCKED` while another restore runs there; those of the disk. There is no data
 *   folder then.
 */
export async function restore(parts: OfflineParts, options: RestoreOptions): Promise<Restored> {
  const { fileSystem } = parts;
  const { config, from } = options;
  if (config.Role !== ROLE.server) {
    throw new DisterError("DISTER_ERR_CONFIG", {
      key: "Role",
      got: config.Role,
      allowed: "server: the first node votes",
    });
  }
  const place = dataPlace(config.SavePath);
  refusePlace(parts, place);
  // Read to its end before anything is made of it.
  const { head } = await inspectBackup(parts.readFile(from));
  refuseGroup(head, options);
  fileSystem.makeDirectory(place.savePath);
  fileSystem.syncDirectory(dirname(resolve(place.savePath)));
  const unlock = beginFolder(parts, place.restoring);
  try {
    const [cluster, node] = [hexIdOf(parts.rng.bytes(8)), hexIdOf(parts.rng.bytes(8))];
    const made = { head, cluster, node, group: config.Group, folder: place.folder };
    await build(parts, place.restoring, made, options);
    fileSystem.syncDirectory(place.restoring);
    moveFolder(fileSystem, place, { from: place.restoring, to: place.folder });
    dropLock(fileSystem, place.folder);
    return made;
  } catch (error) {
    parts.removeTree(place.restoring);
    throw error;
  } finally {
    unlock();
  }
}

function refusePlace({ fileSystem }: OfflineParts, place: ReturnType<typeof dataPlace>): void {
  if (hasData(fileSystem, place.folder)) {
    throw unusable(`${place.folder} has data, and a restore begins in an empty place: disterd reset moves them aside`);
  }
  if (fileSystem.exists(place.recovering)) {
    throw unusable(`a recovery was cut before its last step, see ${place.recovering}: disterd recover finishes it`);
  }
}

function refuseGroup({ group }: BackupHead, { config, otherGroup }: RestoreOptions): void {
  if (group === config.Group || otherGroup) return;
  const reason = `the backup is of the group ${group}, the configured group is ${config.Group}`;
  throw unusable(`${reason}: configure --Group=${group}, or add --other-group`);
}

async function build(
  parts: OfflineParts,
  folder: string,
  made: Restored,
  { from, config }: RestoreOptions,
): Promise<void> {
  const { fileSystem, rng } = parts;
  const { node: nodeId, cluster: clusterId, group } = made;
  const { services, inState, sound } = await fillState(parts, join(folder, "state.db"), from);
  const membership = onlyVoter(nodeId, config, { membership: inState });
  const identity = { nodeId, group, clusterId, accepted: { clusterId, membership }, logMade: true };
  IdentityFile.make({ fileSystem, folder, identity });
  const log = await parts.openLog(join(folder, "log"), { group, nodeId, clusterId });
  try {
    const { index, term } = sound.head;
    if (index > 0) await log.reset({ index, term });
    const commands = uncheckedCommands(services, `restore.${clusterId}`, parts.wallMs());
    await appendDecree(log, { term: term + 1, after: { index, term }, membership, commands }, rng);
  } finally {
    await log.close();
  }
}

async function fillState(
  parts: OfflineParts,
  path: string,
  from: string,
): Promise<{ services: readonly Service[]; inState: Membership; sound: SoundBackup }> {
  const store = await parts.openStore(path);
  try {
    const sound = await restoreBackup(parts.readFile(from), store);
    return { services: store.services(), inState: store.membership() ?? NO_MEMBERSHIP, sound };
  } finally {
    await store.close();
  }
}

/**
 * What was found out when the backup was made may not hold now: every instance counts as never checked, so it is to be
 * checked before it is used, or, where its definition says so, used until then.
 */
function uncheckedCommands(services: readonly Service[], requestId: string, timeMs: number): Uint8Array[] {
  const changes = services.flatMap(({ name: service, node }) =>
    node.flatMap(({ id, definedIndex, checked }): StatusChange[] =>
      checked ? [{ service, id, definedIndex, status: null }] : [],
    ),
  );
  const count = Math.ceil(changes.length / STATUSES_PER_COMMAND);
  return Array.from({ length: count }, (_, at) => {
    const part = changes.slice(at * STATUSES_PER_COMMAND, (at + 1) * STATUSES_PER_COMMAND);
    return encodeCommand({
      requestId: `${requestId}.${at}`,
      timeMs,
      command: { type: "serviceStatus", changes: part },
    });
  });
}
