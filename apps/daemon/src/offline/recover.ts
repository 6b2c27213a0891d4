import { join } from "node:path";
import type { DiskLog } from "@dister/log";
import { type Identity, IdentityFile } from "@dister/server";
import {
  DisterError,
  decodeMembership,
  ENTRY_KIND,
  type FileSystem,
  hexIdOf,
  LIMITS,
  type LogPosition,
  type Membership,
  ROLE,
} from "@dister/types";
import type { Config } from "@dister/types/schemas";
import {
  asideName,
  beginFolder,
  type DataPlace,
  dataPlace,
  dropLock,
  hasData,
  LOCK_NAME,
  moveFolder,
  unusable,
} from "./data-place.ts";
import { appendDecree, onlyVoter } from "./decree.ts";
import type { OfflineParts } from "./offline-parts.ts";
import { planRecovery, type RecoveryPlan, type Survivor } from "./recovery-plan.ts";

const COPY_BYTES = 1024 * 1024;

export interface RecoverOptions {
  readonly config: Config;
  /** Go on although entries that may have been acknowledged are lost here by damage. */
  readonly acceptDamage: boolean;
  /** Shows what is about to be done and asks; rejects to leave everything as it is. */
  readonly confirm: (found: RecoverFound) => Promise<void>;
}

/** What was found on the survivor, and what is to become of it. */
export interface RecoverFound {
  readonly identity: Identity;
  readonly plan: RecoveryPlan;
  readonly logId: number;
  readonly keys: number;
  readonly services: number;
}

export interface Recovered {
  /** The new cluster. */
  readonly cluster: string;
  readonly node: string;
  readonly folder: string;
  /** Where the old data folder lies, untouched; null when an earlier run has moved it. */
  readonly before: string | null;
}

/**
 * Makes a survivor of a lost majority a cluster of its own: a new folder beside the old one, with the state, what the log has
 * behind it, a membership of this node alone in a new term, and a new cluster id. When that is complete and durable the old
 * folder gets another name, and the new one its place. A crash leaves the old node, or one that says how to finish.
 * @throws DisterError `DISTER_ERR_LOCKED` while the node runs, `DISTER_ERR_IDENTITY` where there is nothing to recover; what
 *   opening the log and the database throws.
 */
export async function recover(parts: OfflineParts, options: RecoverOptions): Promise<Recovered> {
  const { fileSystem } = parts;
  const { config } = options;
  const place = dataPlace(config.SavePath);
  if (config.Role !== ROLE.server) {
    throw new DisterError("DISTER_ERR_CONFIG", {
      key: "Role",
      got: config.Role,
      allowed: "server: this node has to vote",
    });
  }
  if (!hasData(fileSystem, place.folder) && fileSystem.exists(place.recovering)) return finish(parts, place, null);
  if (!hasData(fileSystem, place.folder)) throw unusable(`${place.folder} has no data: there is nothing to recover`);
  const unlock = fileSystem.lock(join(place.folder, LOCK_NAME));
  try {
    // Left by a run that was cut right before its last step; what was found then may be old by now.
    if (fileSystem.exists(place.recovering)) parts.removeTree(place.recovering);
    const identity = identityIn(parts, place, config);
    const cluster = hexIdOf(parts.rng.bytes(8));
    await prepare(parts, place, { ...options, identity, cluster });
    moveFolder(fileSystem, place, { from: place.recoveringDraft, to: place.recovering });
    dropLock(fileSystem, place.recovering);
    const before = asideName(fileSystem, place.folder, "before-recover", parts.wallMs());
    moveFolder(fileSystem, place, { from: place.folder, to: before });
    dropLock(fileSystem, before);
    return finish(parts, place, before);
  } catch (error) {
    // As long as the old folder is in its place nothing has happened, and nothing of the attempt is to be left.
    if (hasData(fileSystem, place.folder))
      for (const left of [place.recoveringDraft, place.recovering]) parts.removeTree(left);
    throw error;
  } finally {
    unlock();
  }
}

function finish({ fileSystem }: OfflineParts, place: DataPlace, before: string | null): Recovered {
  const { clusterId: cluster, nodeId: node } = IdentityFile.read(fileSystem, place.recovering);
  moveFolder(fileSystem, place, { from: place.recovering, to: place.folder });
  return { cluster, node, folder: place.folder, before };
}

function identityIn({ fileSystem }: OfflineParts, { folder }: DataPlace, config: Config): Identity {
  const identity = IdentityFile.read(fileSystem, folder);
  if (identity.group !== config.Group) {
    throw unusable(`it belongs to the group ${identity.group}, the configured group is ${config.Group}`);
  }
  if (identity.clusterId === "") {
    throw unusable("the node belongs to no cluster yet: there is nothing to recover, disterd reset lets it begin anew");
  }
  return identity;
}

type Preparation = RecoverOptions & { readonly identity: Identity; readonly cluster: string };

/** Looks, asks, and makes the new folder up to its last byte. */
async function prepare(parts: OfflineParts, place: DataPlace, preparation: Preparation): Promise<void> {
  const { identity } = preparation;
  const { nodeId, clusterId, group } = identity;
  const log = await openOldLog(parts, place, { nodeId, clusterId, group }, identity);
  try {
    const { found, applied } = await look(parts, place, log, preparation);
    await preparation.confirm(found);
    const unlock = beginFolder(parts, place.recoveringDraft);
    try {
      await build(parts, place, { ...preparation, log, applied, plan: found.plan });
    } finally {
      unlock();
    }
  } finally {
    await log.close();
  }
}

function openOldLog(
  parts: OfflineParts,
  { folder }: DataPlace,
  id: { nodeId: string; clusterId: string; group: string },
  { logMade }: Identity,
): Promise<DiskLog> {
  const directory = join(folder, "log");
  if (logMade && !parts.fileSystem.exists(directory)) {
    throw unusable(`${directory} is gone, and with it what this node had: recover another one, or restore a backup`);
  }
  return parts.openLog(directory, id);
}

/** Reads log and state. The database is closed when it resolves, so that all of it lies in one file. */
async function look(
  parts: OfflineParts,
  { folder }: DataPlace,
  log: DiskLog,
  { identity, acceptDamage }: Preparation,
): Promise<{ found: RecoverFound; applied: LogPosition }> {
  const store = await parts.openStore(join(folder, "state.db"));
  try {
    const applied = store.applied();
    const inState = store.membership();
    const founding = identity.accepted?.clusterId === identity.clusterId ? identity.accepted.membership : undefined;
    const known = inState === undefined || inState.members.length === 0 ? founding : inState;
    const termAtApplied = log.termAt(applied.index);
    // A log that has something else at the state's position goes with its memberships.
    const inLog = termAtApplied === applied.term ? newestMembership(log, applied.index + 1) : undefined;
    const survivor: Survivor = {
      nodeId: identity.nodeId,
      hardState: log.hardState(),
      base: log.base(),
      last: { index: log.lastIndex(), term: log.termAt(log.lastIndex()) ?? 0 },
      suspect: log.suspect(),
      applied,
      restoredFrom: store.restoredFrom(),
      termAtApplied,
      membership: inLog ?? known ?? { members: [] },
    };
    const plan = planRecovery(survivor);
    if (typeof plan === "string") throw unusable(plan);
    if (plan.lostUpTo > 0 && !acceptDamage) {
      const which = `entries from ${applied.index + 1} to ${plan.lostUpTo}`;
      const lost = `its log was damaged: ${which} may be missing, or not what was acknowledged`;
      throw unusable(`${lost}. Recover another node that survived, or add --accept-damage when there is none`);
    }
    const held = { keys: store.kvCount(), services: store.services().length, logId: store.appliedLogId() };
    return { found: { identity, plan, ...held }, applied };
  } finally {
    await store.close();
  }
}

/** The newest membership that the log has from an index on. */
function newestMembership(log: DiskLog, from: number): Membership | undefined {
  let newest: Membership | undefined;
  for (const entry of entriesOf(log, Math.max(from, log.firstIndex()), log.lastIndex())) {
    if (entry.kind === ENTRY_KIND.membership) newest = decodeMembership(entry.payload);
  }
  return newest;
}

function* entriesOf(log: DiskLog, from: number, to: number) {
  for (let index = from; index <= to; ) {
    const entries = log.read(index, to, LIMITS.appendBytesMax);
    yield* entries;
    index += entries.length;
  }
}

async function build(
  parts: OfflineParts,
  place: DataPlace,
  work: Preparation & { readonly log: DiskLog; readonly applied: LogPosition; readonly plan: RecoveryPlan },
): Promise<void> {
  const { fileSystem, rng } = parts;
  const { identity, cluster: clusterId, config, plan, applied } = work;
  const { nodeId, group } = identity;
  const folder = place.recoveringDraft;
  await copyFile(fileSystem, { from: join(place.folder, "state.db"), to: join(folder, "state.db") });
  const membership = onlyVoter(nodeId, config, { membership: plan.membership, host: plan.self.address.host });
  const made = { nodeId, group, clusterId, accepted: { clusterId, membership }, logMade: true };
  IdentityFile.make({ fileSystem, folder, identity: made });
  const log = await parts.openLog(join(folder, "log"), { group, nodeId, clusterId });
  try {
    if (applied.index > 0) await log.reset(applied);
    for (let index = applied.index + 1; index <= plan.last.index; ) {
      const entries = work.log.read(index, plan.last.index, LIMITS.appendBytesMax).slice(0, LIMITS.appendEntriesMax);
      await log.append({ entries });
      index += entries.length;
    }
    await appendDecree(log, { term: plan.term, after: plan.last, membership, commands: [] }, rng);
  } finally {
    await log.close();
  }
  fileSystem.syncDirectory(folder);
}

/** Copies a file durably; its name is durable when its folder is synced. */
async function copyFile(fileSystem: FileSystem, { from, to }: { from: string; to: string }): Promise<void> {
  const [source, target] = [fileSystem.open(from, "read"), fileSystem.open(to, "create")];
  try {
    const buffer = new Uint8Array(COPY_BYTES);
    for (let at = 0; ; ) {
      const count = source.readAt(buffer, at);
      if (count === 0) break;
      target.writeAt([buffer.subarray(0, count)], at);
      at += count;
    }
    await target.datasync();
  } finally {
    source.close();
    target.close();
  }
}
