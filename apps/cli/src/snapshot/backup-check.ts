import { createHash } from "node:crypto";
import { BACKUP, DisterError } from "@dister/types";
import { type BackupHead, BackupHeadSchema } from "@dister/types/schemas";

/**
 * Looks at the bytes of a backup as they pass: that they begin like one, and end with the checksum over everything. What
 * lies between is checked by `dister snapshot inspect`.
 */
export class BackupCheck {
  readonly #hash = createHash("sha256");
  /** The last bytes so far, which may be the checksum. */
  #tail: Buffer = Buffer.alloc(0);
  /** The first bytes, until the head is among them. */
  #beginning: Buffer | undefined = Buffer.alloc(0);
  #head: BackupHead | undefined;

  /** @throws DisterError `DISTER_ERR_SNAPSHOT` when these are not the bytes of a backup that this version knows. */
  add(piece: Uint8Array): void {
    const bytes = Buffer.concat([this.#tail, piece]);
    const end = Math.max(0, bytes.length - BACKUP.hashBytes);
    this.#hash.update(bytes.subarray(0, end));
    this.#tail = bytes.subarray(end);
    if (this.#beginning !== undefined) this.#readHead(Buffer.concat([this.#beginning, piece]));
  }

  /** @throws DisterError `DISTER_ERR_SNAPSHOT` when the bytes do not end as a backup does. */
  finish(): { readonly head: BackupHead; readonly sha256: string } {
    const sha256 = this.#tail.toString("hex");
    if (this.#head === undefined || this.#hash.digest("hex") !== sha256) {
      throw refusal("it is not whole: the transfer was cut or damaged");
    }
    return { head: this.#head, sha256 };
  }

  #readHead(bytes: Buffer): void {
    this.#beginning = bytes;
    if (bytes.length < BACKUP.fixedBytes) return;
    if (bytes.toString("latin1", 0, BACKUP.magic.length) !== BACKUP.magic)
      throw refusal("what came is no backup of dister");
    const format = bytes.readUInt32BE(8);
    if (format !== BACKUP.format) {
      throw refusal(`it is of format ${format}, this version of the software knows format ${BACKUP.format}`);
    }
    const length = bytes.readUInt32BE(12);
    if (length > BACKUP.headBytesMax) throw refusal("its head is damaged");
    if (bytes.length < BACKUP.fixedBytes + length) return;
    this.#beginning = undefined;
    this.#head = headOf(bytes.toString("utf8", BACKUP.fixedBytes, BACKUP.fixedBytes + length));
  }
}

function headOf(text: string): BackupHead {
  try {
    return BackupHeadSchema.parse(JSON.parse(text));
  } catch {
    throw refusal("its head is damaged");
  }
}

function refusal(reason: string): DisterError {
  return new DisterError("DISTER_ERR_SNAPSHOT", { reason });
}
