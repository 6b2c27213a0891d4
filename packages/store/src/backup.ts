import { DisterError, isDisterError, type LogPosition, type Membership, type SnapshotSink } from "@dister/types";
import type { BackupHead } from "@dister/types/schemas";
import { BackupReader } from "./backup-reader.ts";
import { refusal } from "./snapshot-chunks.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

/** A backup that was read to its end and is sound. */
export interface SoundBackup {
  readonly head: BackupHead;
  /** Bytes of the file. */
  readonly bytes: number;
  /** The checksum over everything, its own last bytes excepted, in hex. */
  readonly sha256: string;
}

/** What takes in the state of a backup; a store is one. */
export interface BackupTarget {
  restore(position: LogPosition, membership: Membership): Promise<SnapshotSink>;
}

/**
 * Reads a backup from its first byte to its last into a state machine; the state is in use when it resolves.
 * @param pieces - the file, cut in any way.
 * @throws DisterError `DISTER_ERR_SNAPSHOT` saying where and what is wrong; the target is then as it was. What the target
 *   throws.
 */
export async function restoreBackup(pieces: AsyncIterable<Uint8Array>, target: BackupTarget): Promise<SoundBackup> {
  let sink: SnapshotSink | undefined;
  try {
    const sound = await readParts(pieces, async (position, membership) => {
      sink = await target.restore(position, membership);
      return sink;
    });
    await sink!.commit();
    return sound;
  } catch (error) {
    sink?.abort();
    throw error;
  }
}

/**
 * Reads a backup from its first byte to its last, and checks everything that a restore would.
 * @throws DisterError `DISTER_ERR_SNAPSHOT` saying where and what is wrong.
 */
export async function inspectBackup(pieces: AsyncIterable<Uint8Array>): Promise<SoundBackup> {
  let reader: SnapshotReader | undefined;
  const sound = await readParts(pieces, async (position, membership) => {
    const made = new SnapshotReader({ position, membership });
    reader = made;
    return {
      async write(chunk) {
        for (const _ of made.read(chunk));
      },
    };
  });
  const { rows, appliedLogId } = reader!.finish();
  const { keys, services, logid } = sound.head;
  if (rows.kv !== keys || rows.service !== services || appliedLogId !== logid) {
    throw refusal("its head counts other keys or services than it holds, or names another log id");
  }
  return sound;
}

async function readParts(
  pieces: AsyncIterable<Uint8Array>,
  begin: (position: LogPosition, membership: Membership) => Promise<Pick<SnapshotSink, "write">>,
): Promise<SoundBackup> {
  const reader = new BackupReader();
  let head: BackupHead | undefined;
  let into: Pick<SnapshotSink, "write"> | undefined;
  let end: { bytes: number; sha256: string } | undefined;
  for await (const piece of pieces) {
    for (const part of reader.push(piece)) {
      if (part.type === "head") {
        head = part.head;
        into = await begin({ index: head.index, term: head.term }, part.membership);
      } else if (part.type === "chunk") await into!.write(part.chunk).catch((error) => atByte(error, part.offset));
      else end = part;
    }
  }
  reader.finish();
  return { head: head!, bytes: end!.bytes, sha256: end!.sha256 };
}

/** A chunk does not know where in the file it lies. */
function atByte(error: unknown, offset: number): never {
  if (!isDisterError(error, "DISTER_ERR_SNAPSHOT")) throw error;
  const reason = `it is damaged at byte ${offset}: ${String(error.details["reason"])}`;
  throw new DisterError("DISTER_ERR_SNAPSHOT", { reason }, { cause: error });
}
