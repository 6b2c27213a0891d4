import { isUtf8 } from "node:buffer";
import { crc32 } from "node:zlib";
import { BACKUP, decodeMembership, encodeMembership, invariant, type Membership } from "@dister/types";
import { type BackupHead, BackupHeadSchema } from "@dister/types/schemas";
import { refusal } from "./snapshot-chunks.ts";

//  byte 0                 8             12            16
// +----------------------+-------------+-------------+-----------------+-----------+
// | "DISTERBK"           | FORMAT (1)  | LENGTH      | JSON in UTF-8   | CRC-32    |   docs/formats/backup.md
// +----------------------+-------------+-------------+-----------------+-----------+
const MAGIC = Buffer.from(BACKUP.magic, "latin1");
const CRC_BYTES = 4;

export function encodeBackupHead(head: BackupHead): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  invariant(text.length <= BACKUP.headBytesMax, `the head of a backup has ${text.length} bytes`);
  const bytes = Buffer.alloc(BACKUP.fixedBytes + text.length + CRC_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32BE(BACKUP.format, 8);
  bytes.writeUInt32BE(text.length, 12);
  text.copy(bytes, BACKUP.fixedBytes);
  const crcAt = bytes.length - CRC_BYTES;
  bytes.writeUInt32BE(crc32(bytes.subarray(0, crcAt)), crcAt);
  return bytes;
}

/**
 * Length of the head that these bytes begin with, undefined while it takes more of them to tell.
 * @throws DisterError `DISTER_ERR_SNAPSHOT` when they begin no backup, or one of another format.
 */
export function backupHeadLength(bytes: Buffer): number | undefined {
  const magic = bytes.subarray(0, MAGIC.length);
  if (!magic.equals(MAGIC.subarray(0, magic.length))) throw refusal("this is no backup of dister");
  if (bytes.length < BACKUP.fixedBytes) return undefined;
  const format = bytes.readUInt32BE(8);
  if (format !== BACKUP.format) {
    throw refusal(`it is of format ${format}, this version of the software reads format ${BACKUP.format}`);
  }
  const length = bytes.readUInt32BE(12);
  if (length > BACKUP.headBytesMax) throw refusal(`its head is damaged: ${length} bytes long`);
  return BACKUP.fixedBytes + length + CRC_BYTES;
}

/**
 * Reads one whole head.
 * @throws DisterError `DISTER_ERR_SNAPSHOT`.
 */
export function decodeBackupHead(bytes: Buffer): { head: BackupHead; membership: Membership } {
  const crcAt = bytes.length - CRC_BYTES;
  if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32BE(crcAt)) {
    throw refusal("its head is damaged: the checksum is another");
  }
  const text = bytes.subarray(BACKUP.fixedBytes, crcAt);
  const read = isUtf8(text) ? BackupHeadSchema.safeParse(parsed(text.toString())) : undefined;
  if (read?.success !== true) throw refusal("its head does not say what a head says");
  try {
    return { head: read.data, membership: decodeMembership(encodeMembership(read.data.membership as Membership)) };
  } catch (error) {
    throw refusal(`its head holds ${(error as Error).message}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
