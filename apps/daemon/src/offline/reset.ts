import { join } from "node:path";
import { type Identity, IdentityFile } from "@dister/server";
import { isDisterError } from "@dister/types";
import { asideName, dataPlace, dropLock, LOCK_NAME, moveFolder, unusable } from "./data-place.ts";
import type { OfflineParts } from "./offline-parts.ts";

export interface ResetOptions {
  readonly savePath: string;
  /** Remove what there is, not only put it aside. */
  readonly remove: boolean;
  /** Shows what is to be reset and asks; rejects to leave everything as it is. */
  readonly confirm: (found: ResetFound) => Promise<void>;
}

/** What is to be reset. */
export interface ResetFound {
  readonly folder: string;
  /** Null when it cannot be read. */
  readonly identity: Identity | null;
  /** Why not. */
  readonly problem: string | null;
}

export interface ResetDone {
  readonly folder: string;
  /** Where the old content lies; null when it was removed. */
  readonly aside: string | null;
}

/**
 * Empties a node's data folder by putting it aside under another name: one rename, so that a crash leaves the node as it was or
 * new. What a restore or a recovery has left beside it goes first. With `remove` what was put aside is removed then; a crash
 * may leave a part of it there, which nothing uses.
 * @throws DisterError `DISTER_ERR_LOCKED` while the node runs, `DISTER_ERR_IDENTITY` when there is nothing to reset.
 */
export async function reset(parts: OfflineParts, options: ResetOptions): Promise<ResetDone> {
  const { fileSystem } = parts;
  const place = dataPlace(options.savePath);
  const { folder, restoring, recoveringDraft, recovering } = place;
  const found = [restoring, recoveringDraft, recovering, folder].filter((one) => fileSystem.exists(one));
  const last = found.at(-1);
  if (last === undefined) throw unusable(`there is nothing to reset: ${folder} does not exist`);
  const unlock = fileSystem.lock(join(last, LOCK_NAME));
  try {
    await options.confirm({ folder: last, ...identityOf(parts, last) });
    let aside = "";
    for (const from of found) {
      aside = asideName(fileSystem, from, "reset", parts.wallMs());
      moveFolder(fileSystem, place, { from, to: aside });
      dropLock(fileSystem, aside);
      if (options.remove) parts.removeTree(aside);
    }
    if (options.remove) fileSystem.syncDirectory(place.savePath);
    return { folder: last, aside: options.remove ? null : aside };
  } finally {
    unlock();
  }
}

function identityOf({ fileSystem }: OfflineParts, folder: string): Pick<ResetFound, "identity" | "problem"> {
  try {
    return { identity: IdentityFile.read(fileSystem, folder), problem: null };
  } catch (error) {
    if (!isDisterError(error)) throw error;
    return { identity: null, problem: error.message };
  }
}
