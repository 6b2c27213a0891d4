import { createHash } from "node:crypto";
import { BACKUP, LIMITS, type Membership } from "@dister/types";
import type { BackupHead } from "@dister/types/schemas";
import { backupHeadLength, decodeBackupHead } from "./backup-head.ts";
import { refusal } from "./snapshot-chunks.ts";

/** What comes out of a backup, in this order: one head, its chunks, one end. */
export type BackupPart =
  | { readonly type: "head"; readonly head: BackupHead; readonly membership: Membership }
  | { readonly type: "chunk"; readonly chunk: Uint8Array; readonly offset: number }
  | { readonly type: "end"; readonly bytes: number; readonly sha256: string };

const LENGTH_BYTES = 4;

/**
 * Takes a backup apart, piece by piece as it is read, however it is cut. Checks the head, the lengths, the counts at the
 * end and the checksum over everything; what a chunk holds is the snapshot's matter.
 */
export class BackupReader {
  readonly #hash = createHash("sha256");
  #stage: BackupPart["type"] | "over" = "head";
  #rest: Buffer = Buffer.alloc(0);
  #offset = 0;
  #chunks = 0;

  /**
   * The parts that are complete with these bytes, which may be reused when all have been taken.
   * @throws DisterError `DISTER_ERR_SNAPSHOT`; nothing more can be read then.
   */
  *push(bytes: Uint8Array): Generator<BackupPart> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let part = this.#next(); part !== undefined; part = this.#next()) yield part;
  }

  /** @throws DisterError `DISTER_ERR_SNAPSHOT` when the end has not come. */
  finish(): void {
    if (this.#stage === "over") return;
    const bytes = this.#offset + this.#rest.length;
    throw refusal(bytes === 0 ? "it is empty" : `it is cut: it ends at byte ${bytes}, before its own end`);
  }

  #next(): BackupPart | undefined {
    if (this.#stage === "head") return this.#head();
    if (this.#stage === "over") {
      if (this.#rest.length > 0) throw refusal(`there are bytes behind its end, at byte ${this.#offset}`);
      return undefined;
    }
    if (this.#rest.length < LENGTH_BYTES) return undefined;
    const length = this.#rest.readUInt32BE(0);
    if (length === 0) return this.#end();
    if (length > LIMITS.snapshotChunkBytes) {
      throw refusal(`it is damaged at byte ${this.#offset}: a chunk of ${length} bytes`);
    }
    if (this.#rest.length < LENGTH_BYTES + length) return undefined;
    const offset = this.#offset;
    const chunk = this.#take(LENGTH_BYTES + length).subarray(LENGTH_BYTES);
    this.#chunks++;
    return { type: "chunk", chunk, offset };
  }

  #head(): BackupPart | undefined {
    const length = backupHeadLength(this.#rest);
    if (length === undefined || this.#rest.length < length) return undefined;
    this.#stage = "chunk";
    return { type: "head", ...decodeBackupHead(this.#take(length)) };
  }

  #end(): BackupPart | undefined {
    if (this.#rest.length < BACKUP.endBytes) return undefined;
    const offset = this.#offset;
    const end = this.#take(BACKUP.endBytes - BACKUP.hashBytes);
    const hash = this.#hash.copy().digest();
    const found = this.#take(BACKUP.hashBytes);
    const chunks = end.readUInt32BE(LENGTH_BYTES);
    const bytes = Number(end.readBigUInt64BE(2 * LENGTH_BYTES));
    if (chunks !== this.#chunks || bytes !== this.#offset) {
      const counted = `${this.#chunks} chunks and ${this.#offset} bytes`;
      throw refusal(
        `it is damaged at byte ${offset}: its end counts ${chunks} chunks and ${bytes} bytes, not ${counted}`,
      );
    }
    if (!hash.equals(found)) throw refusal("it is damaged: the checksum over everything is another");
    this.#stage = "over";
    return { type: "end", bytes, sha256: found.toString("hex") };
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#offset += length;
    this.#hash.update(taken);
    return taken;
  }
}
