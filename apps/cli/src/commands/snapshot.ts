import type { Client, SnapshotOptions } from "@dister/client";
import type { BackupHead } from "@dister/types/schemas";
import type { Reply } from "../output.ts";
import { BackupCheck } from "../snapshot/backup-check.ts";
import { NewFile } from "../snapshot/new-file.ts";

export interface SaveOptions {
  readonly file: string;
  /** Take the place of a file that exists. */
  readonly force?: boolean;
  readonly consistency?: NonNullable<SnapshotOptions["consistency"]>;
}

/**
 * Saves the state of the cluster into a file. The file has its name when it is whole, checked and durable, and not sooner.
 * @throws DisterError `DISTER_ERR_INVALID` for a file that exists, `DISTER_ERR_SNAPSHOT` for bytes that are no whole backup,
 *   `DISTER_ERR_DISK_FULL`, `DISTER_ERR_DISK`; those of the client.
 */
export async function saveSnapshot(client: Client, { file, force = false, consistency }: SaveOptions): Promise<Reply> {
  const target = await NewFile.create(file, { force });
  try {
    const check = new BackupCheck();
    const { pieces } = await client.snapshot(consistency === undefined ? {} : { consistency });
    for await (const piece of pieces) {
      check.add(piece);
      await target.write(piece);
    }
    const { head, sha256 } = check.finish();
    await target.finish();
    return { data: { file, bytes: target.bytes, sha256, ...head }, text: savedText(file, target.bytes, head) };
  } catch (error) {
    await target.abandon();
    throw error;
  }
}

function savedText(file: string, bytes: number, { cluster, group, logid, keys, services }: BackupHead): string {
  return `saved ${file}: cluster ${cluster} of the group ${group} at log id ${logid}, ${keys} keys, ${services} services, ${bytes} bytes`;
}
