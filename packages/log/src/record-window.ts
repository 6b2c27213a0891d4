import type { FileHandle } from "@dister/types";
import { ITEM_LENGTH_MAX, viewOf } from "./item.ts";
import { decodeHeader, payloadAgrees, RECORD_HEADER_BYTES, type RecordHeader } from "./record.ts";

/** What lies at an offset. */
export type Found =
  /** An intact record that says itself that it belongs here. */
  | { readonly state: "record"; readonly header: RecordHeader; readonly payload: Uint8Array; readonly end: number }
  /** A header of zeros: nothing was written, or its sector was lost. */
  | { readonly state: "zero" }
  /** A bad checksum. The header is there when its own checksum is right. */
  | { readonly state: "damaged"; readonly header: RecordHeader | undefined }
  /** An intact record that belongs to another offset. */
  | { readonly state: "misplaced"; readonly header: RecordHeader };

const WINDOW_BYTES = 1024 * 1024;

/**
 * Reads a file piece by piece. What lies behind the file's end reads as zeros, as what was never written does.
 * A piece is never written to again: payloads that were handed out stay as they are.
 */
export class RecordWindow {
  readonly #file: FileHandle;
  readonly #pieceBytes: number;
  #from = 0;
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = viewOf(this.bytes);

  constructor(file: FileHandle, pieceBytes: number = WINDOW_BYTES) {
    this.#file = file;
    this.#pieceBytes = pieceBytes;
  }

  get path(): string {
    return this.#file.path;
  }

  size(): number {
    return this.#file.size();
  }

  /** Makes sure that the window holds so many bytes from the offset on, and says where in `bytes` they begin. */
  reach(offset: number, length: number): number {
    const at = offset - this.#from;
    if (at >= 0 && at + length <= this.bytes.length) return at;
    // Nothing is read ahead behind the end of the file.
    const ahead = Math.min(this.#pieceBytes, this.#file.size() - offset);
    this.bytes = Buffer.allocUnsafeSlow(Math.max(length, ahead));
    const count = this.#file.readAt(this.bytes, offset);
    this.bytes.fill(0, count);
    this.view = viewOf(this.bytes);
    this.#from = offset;
    return 0;
  }

  /** A view of the bytes; valid for ever. */
  slice(offset: number, length: number): Buffer {
    const at = this.reach(offset, length);
    return this.bytes.subarray(at, at + length);
  }

  recordAt(offset: number): Found {
    let at = this.reach(offset, RECORD_HEADER_BYTES);
    const header = decodeHeader(this.bytes, this.view, at);
    if (header === undefined || header.payloadLength > ITEM_LENGTH_MAX - RECORD_HEADER_BYTES) {
      const zero = isZero(this.bytes, at, at + RECORD_HEADER_BYTES);
      return zero ? { state: "zero" } : { state: "damaged", header: undefined };
    }
    const length = RECORD_HEADER_BYTES + header.payloadLength;
    at = this.reach(offset, length);
    if (!payloadAgrees(header, this.bytes, this.view, at)) return { state: "damaged", header };
    if (header.start !== offset) return { state: "misplaced", header };
    const payload = this.bytes.subarray(at + RECORD_HEADER_BYTES, at + length);
    return { state: "record", header, payload, end: offset + length };
  }
}

const ZEROS = Buffer.alloc(64 * 1024);

export function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += ZEROS.length) {
    const end = Math.min(to, at + ZEROS.length);
    if (bytes.compare(ZEROS, 0, end - at, at, end) !== 0) return false;
  }
  return true;
}

/** End of the last byte that is not zero between `from` and the end of the file; `from` when there is none. */
export function nonZeroEnd(window: RecordWindow, from: number): number {
  const size = window.size();
  let end = from;
  for (let offset = from; offset < size; offset += WINDOW_BYTES) {
    const piece = window.slice(offset, Math.min(WINDOW_BYTES, size - offset));
    if (isZero(piece, 0, piece.length)) continue;
    let last = piece.length - 1;
    while (piece[last] === 0) last--;
    end = offset + last + 1;
  }
  return end;
}
