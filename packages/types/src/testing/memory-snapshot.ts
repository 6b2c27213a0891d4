import type { SnapshotContent } from "../contracts/state-machine.ts";
import { DisterError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { LogPosition } from "../log-entry.ts";
import type { Membership } from "../membership.ts";
import { MemoryState } from "./memory-state.ts";
import { compareText } from "./text-order.ts";

// A piece: 4 bytes sequence number (the last piece has the top bit set), 4 bytes checksum of the sequence number and
// the body, body. The bodies behind each other are JSON. This is not the format of any file.
const HEAD_BYTES = 8;
const LAST = 0x8000_0000;

/** Writes a state as the pieces of a snapshot; equal states at equal positions give equal pieces. */
export function piecesOf(state: MemoryState, membership: Membership): Uint8Array[] {
  const byKey = <T>(map: Map<string, T>) => [...map].sort(([a], [b]) => compareText(a, b));
  const text = JSON.stringify({
    applied: state.applied,
    appliedLogId: state.appliedLogId,
    serviceLogId: state.serviceLogId,
    logTimeMs: state.logTimeMs,
    membership,
    kv: byKey(state.kv),
    services: byKey(state.services),
    requests: [...state.requests],
  });
  const body = new TextEncoder().encode(text);
  const bodyBytesMax = LIMITS.snapshotChunkBytes - HEAD_BYTES;
  const count = Math.ceil(body.length / bodyBytesMax);
  return Array.from({ length: count }, (_, at) => {
    const part = body.subarray(at * bodyBytesMax, (at + 1) * bodyBytesMax);
    const piece = new Uint8Array(HEAD_BYTES + part.length);
    const view = new DataView(piece.buffer);
    view.setUint32(0, (at === count - 1 ? at | LAST : at) >>> 0);
    piece.set(part, HEAD_BYTES);
    view.setUint32(4, checksum(piece));
    return piece;
  });
}

/** What tells these pieces from others. It is no SHA-256: this is not the format of any file. */
export function contentOf(pieces: readonly Uint8Array[]): SnapshotContent {
  const sums = pieces.map((piece) => checksum(piece).toString(16).padStart(8, "0"));
  const digest = checksum(new TextEncoder().encode(sums.join(" ")))
    .toString(16)
    .padStart(64, "0");
  return { digest, pieceCount: pieces.length, byteCount: pieces.reduce((sum, piece) => sum + piece.length, 0) };
}

/** Puts pieces together again. Refuses what is damaged, doubled, out of order or missing. */
export class PieceReader {
  readonly #parts: Uint8Array[] = [];
  #done = false;

  /** @throws DisterError `DISTER_ERR_SNAPSHOT`. */
  take(piece: Uint8Array): void {
    if (this.#done) throw refusal("a piece behind the last");
    if (piece.length <= HEAD_BYTES || piece.length > LIMITS.snapshotChunkBytes) throw refusal("a piece of wrong size");
    const view = new DataView(piece.buffer, piece.byteOffset, piece.length);
    if (view.getUint32(4) !== checksum(piece)) throw refusal("a piece is damaged");
    const sequence = view.getUint32(0);
    if ((sequence & ~LAST) >>> 0 !== this.#parts.length) throw refusal("a piece is doubled or out of order");
    this.#done = sequence >= LAST;
    this.#parts.push(piece.slice(HEAD_BYTES));
  }

  /** @throws DisterError `DISTER_ERR_SNAPSHOT`. */
  finish(position: LogPosition, membership: Membership): MemoryState {
    if (!this.#done) throw refusal("the last piece is missing");
    const body = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      body.set(part, at);
      at += part.length;
    }
    const read = JSON.parse(new TextDecoder().decode(body));
    if (read.applied.index !== position.index || read.applied.term !== position.term) {
      throw refusal("it is of another position");
    }
    if (JSON.stringify(read.membership) !== JSON.stringify(membership)) throw refusal("it is of another membership");
    const { kv, services, requests, ...rest } = read;
    return Object.assign(new MemoryState(), rest, {
      kv: new Map(kv),
      services: new Map(services),
      requests: new Map(requests),
    });
  }
}

/** The error of a snapshot that cannot be used. */
export function refusal(reason: string): DisterError {
  return new DisterError("DISTER_ERR_SNAPSHOT", { reason });
}

/** FNV-1a over a piece without its checksum field. */
function checksum(piece: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < piece.length; at++) {
    if (at >= 4 && at < HEAD_BYTES) continue;
    hash = Math.imul(hash ^ piece[at]!, 0x01000193);
  }
  return hash >>> 0;
}
