/** Identity of one node for ever: 16 hexadecimal digits, upper case. Made once and kept on disk. */
export type NodeId = string;

/** Identity of one cluster: 16 hexadecimal digits, upper case; the empty string means "belongs to no cluster yet". */
export type ClusterId = string;

/**
 * Identity of one log entry: `index * 10000 + r`, `r` being the entry's random number.
 * Two logs that hold different entries at one index show it by their log ids (unique in practice, not by proof).
 */
export type LogId = number;

/** How many random numbers `r` there are for one index: `0 <= r < LOG_ID_RANDOM_SIZE`. */
export const LOG_ID_RANDOM_SIZE = 10_000;

/** Makes a log id of an index (1 or more) and the entry's random number. */
export function logIdOf(index: number, r: number): LogId {
  return index * LOG_ID_RANDOM_SIZE + r;
}

/** The index inside a log id. */
export function logIdIndex(logId: LogId): number {
  return Math.floor(logId / LOG_ID_RANDOM_SIZE);
}

const HEX_ID = /^[0-9A-F]{16}$/;

/** True for a well-formed node or cluster id. */
export function isHexId(value: string): boolean {
  return HEX_ID.test(value);
}

/** Formats eight random bytes as a node or cluster id. */
export function hexIdOf(bytes: Uint8Array): string {
  if (bytes.length !== 8) throw new RangeError(`an id is made of 8 bytes, got ${bytes.length}`);
  let id = "";
  for (const byte of bytes) id += byte.toString(16).padStart(2, "0");
  return id.toUpperCase();
}
