import { createHash } from "node:crypto";
import { BACKUP, invariant, type SnapshotSource } from "@dister/types";
import type { BackupHead } from "@dister/types/schemas";
import { encodeBackupHead } from "./backup-head.ts";

const LENGTH_BYTES = 4;

/** What only the caller knows of a backup; the rest is the snapshot's own. */
export type BackupFacts = Omit<BackupHead, "index" | "term" | "membership">;

/**
 * The bytes of a backup file: head, the snapshot's chunks, end. Nothing is read ahead: the next chunk is made when it is
 * asked for. Closes the snapshot at its end, and when whoever reads ends sooner; one that is never begun is the caller's to
 * close.
 * @throws DisterError what the snapshot throws; what was given out until then is no backup.
 * @see docs/formats/backup.md
 */
export async function* backupStream(source: SnapshotSource, facts: BackupFacts): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let [bytes, chunks] = [0, 0];
  const counted = (part: Uint8Array): Uint8Array => {
    hash.update(part);
    bytes += part.length;
    return part;
  };
  try {
    yield counted(encodeBackupHead({ ...facts, ...source.position, membership: source.membership } as BackupHead));
    for await (const chunk of source.chunks) {
      invariant(chunk.length > 0, "a chunk without bytes would be taken for the end");
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(chunk.length);
      yield counted(length);
      yield counted(chunk);
      chunks++;
    }
    const end = Buffer.alloc(BACKUP.endBytes - BACKUP.hashBytes);
    end.writeUInt32BE(chunks, LENGTH_BYTES);
    end.writeBigUInt64BE(BigInt(bytes + BACKUP.endBytes), 2 * LENGTH_BYTES);
    yield counted(end);
    yield hash.digest();
  } finally {
    source.close();
  }
}
