import { DisterError, type HardState, isHexId } from "@dister/types";
import { viewOf } from "./item.ts";
import { getUint64, setUint64 } from "./record.ts";

/*
 * Payload of a hard state record, 32 bytes, big-endian (docs/formats/hard-state.md):
 *
 *  byte 0            8             16                         24         25                32
 *   +----------------+--------------+--------------------------+----------+----------------+
 *   | TERM (64)      | COMMIT (64)  | VOTE, a node id (64)     | HAS VOTE | zero (56)      |
 *   +----------------+--------------+--------------------------+----------+----------------+
 */
export const HARD_STATE_BYTES = 32;

export function encodeHardState({ term, vote, commit }: HardState): Uint8Array {
  const bytes = new Uint8Array(HARD_STATE_BYTES);
  const view = viewOf(bytes);
  setUint64(view, 0, term);
  setUint64(view, 8, commit);
  if (vote !== null) {
    writeHexId(bytes, 16, vote);
    bytes[24] = 1;
  }
  return bytes;
}

/** Undefined when the bytes are not a hard state. */
export function decodeHardState(bytes: Uint8Array): HardState | undefined {
  if (bytes.length !== HARD_STATE_BYTES || bytes[24]! > 1) return undefined;
  const view = viewOf(bytes);
  return {
    term: getUint64(view, 0),
    vote: bytes[24] === 1 ? readHexId(bytes, 16) : null,
    commit: getUint64(view, 8),
  };
}

/**
 * Refuses what could not be written.
 * @throws DisterError `DISTER_ERR_INVALID`.
 */
export function checkHardState({ term, vote, commit }: HardState): void {
  for (const [field, got] of [
    ["term", term],
    ["commit", commit],
  ] as const) {
    if (Number.isSafeInteger(got) && got >= 0) continue;
    throw new DisterError("DISTER_ERR_INVALID", { field, got, allowed: "a whole number" });
  }
  if (vote === null || isHexId(vote)) return;
  throw new DisterError("DISTER_ERR_INVALID", { field: "vote", got: vote, allowed: "a node id of 16 digits or null" });
}

export function sameHardState(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && a.commit === b.commit;
}

/**
 * The one of two hard states that was written later, with the higher commit of both: a term never falls, and a vote is
 * given once in a term.
 * @returns undefined when they contradict each other: two votes in one term.
 */
export function laterHardState(a: HardState, b: HardState): HardState | undefined {
  const commit = Math.max(a.commit, b.commit);
  if (a.term !== b.term) return { ...(a.term > b.term ? a : b), commit };
  if (a.vote !== null && b.vote !== null && a.vote !== b.vote) return undefined;
  return { term: a.term, vote: a.vote ?? b.vote, commit };
}

export function writeHexId(bytes: Uint8Array, at: number, id: string): void {
  for (let byte = 0; byte < 8; byte++) bytes[at + byte] = Number.parseInt(id.slice(byte * 2, byte * 2 + 2), 16);
}

export function readHexId(bytes: Uint8Array, at: number): string {
  let id = "";
  for (let byte = 0; byte < 8; byte++) id += bytes[at + byte]!.toString(16).padStart(2, "0");
  return id.toUpperCase();
}
