const KIB = 1024;

/** What a backup file is made of, for whoever reads one: docs/formats/backup.md. Sizes are in bytes. */
export const BACKUP = Object.freeze({
  /** The first eight bytes of every backup. */
  magic: "DISTERBK",
  /** Format that this version writes, and the only one that it reads. */
  format: 1,
  /** Magic, format and length of the head's text. */
  fixedBytes: 16,
  /** The head's text: the membership is the largest part of it. */
  headBytesMax: 256 * KIB,
  /** End mark, counts and checksum. */
  endBytes: 48,
  /** The last bytes of a file: SHA-256 of everything before them. */
  hashBytes: 32,
} as const);
