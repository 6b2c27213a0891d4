import { crc32 } from "node:zlib";
import { DisterError, LIMITS } from "@dister/types";

/*
 * One frame; one row is 32 bits, most significant bit first, every number big-endian.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------------------------------------------------------+
 * |                 MAGIC = 44 53 54 52 ("DSTR")                  |
 * +---------------+---------------+-------------------------------+
 * |  VERSION = 1  |     KIND      |             FLAGS             |
 * +---------------+---------------+-------------------------------+
 * |                 LENGTH (bytes of the body)                    |
 * +---------------------------------------------------------------+
 * |                         CORRELATION                           |
 * +---------------------------------------------------------------+
 * |      CRC (CRC-32 of the 16 bytes above and of the body)       |
 * +---------------------------------------------------------------+
 * |                            BODY ...                           |
 * +---------------------------------------------------------------+
 */
export const FRAME_MAGIC = 0x44535452;
export const FRAME_VERSION = 1;
/** Bytes before the body. */
export const FRAME_HEADER_BYTES = 20;
const CRC_OFFSET = 16;

/** What a frame carries. Numbers are never given to something else. */
export const FRAME_KIND = Object.freeze({
  preface: 1,
  proof: 2,
  hello: 3,
  msg: 4,
  raft: 5,
  call: 6,
  answer: 7,
  failure: 8,
  snapshotHeader: 9,
  snapshotChunk: 10,
  snapshotEnd: 11,
  snapshotReply: 12,
  ping: 13,
  pong: 14,
  snapshotFrom: 15,
} as const);
export type FrameKind = (typeof FRAME_KIND)[keyof typeof FRAME_KIND];
const KIND_MAX = FRAME_KIND.snapshotFrom;

/** Bits of FLAGS; every other bit is 0. */
export const FRAME_FLAG = Object.freeze({
  /** The body is compressed (raw deflate, RFC 1951). Only frames of kind `msg`. */
  deflated: 1,
} as const);

/** One frame, taken apart. */
export interface Frame {
  readonly kind: FrameKind;
  readonly flags: number;
  /** Number of a call, 1 to 2^32-1, in `call`, `answer` and `failure`; 0 in every other kind. */
  readonly correlation: number;
  /** A view of the bytes that were received or handed in; nobody writes to it. */
  readonly body: Uint8Array;
}

/** What goes in front of a body. */
export interface FrameHead {
  readonly kind: FrameKind;
  readonly flags?: number;
  readonly correlation?: number;
}

/** A header that was read and found legal. */
export interface FrameHeader extends Required<FrameHead> {
  readonly length: number;
  readonly crc: number;
}

/**
 * Makes a frame of a body, which is copied once.
 * @throws DisterError `DISTER_ERR_TOO_LARGE` above `LIMITS.frameBytesMax`.
 */
export function encodeFrame(head: FrameHead, body: Uint8Array): Uint8Array {
  const frame = allocateFrame(body.length);
  frame.set(body, FRAME_HEADER_BYTES);
  return sealFrame(frame, head);
}

/**
 * Room for a frame; the caller fills the body from `FRAME_HEADER_BYTES` on and then calls {@link sealFrame}.
 * @throws DisterError `DISTER_ERR_TOO_LARGE` above `LIMITS.frameBytesMax`.
 */
export function allocateFrame(bodyBytes: number): Uint8Array {
  if (bodyBytes > LIMITS.frameBytesMax) {
    throw new DisterError("DISTER_ERR_TOO_LARGE", { field: "frame", bytes: bodyBytes, allowed: LIMITS.frameBytesMax });
  }
  return Buffer.allocUnsafe(FRAME_HEADER_BYTES + bodyBytes);
}

/** Writes the header in front of a body that is in its place, checksum last. */
export function sealFrame(frame: Uint8Array, { kind, flags = 0, correlation = 0 }: FrameHead): Uint8Array {
  writeU32(frame, 0, FRAME_MAGIC);
  frame[4] = FRAME_VERSION;
  frame[5] = kind;
  frame[6] = flags >>> 8;
  frame[7] = flags;
  writeU32(frame, 8, frame.length - FRAME_HEADER_BYTES);
  writeU32(frame, 12, correlation);
  writeU32(frame, CRC_OFFSET, frameCrc(frame.subarray(0, CRC_OFFSET), frame.subarray(FRAME_HEADER_BYTES)));
  return frame;
}

/**
 * Reads the header at `offset`, of which all 20 bytes are there.
 * @throws DisterError `DISTER_ERR_FRAME` for anything that this version does not write, before the body is looked at.
 */
export function readFrameHeader(source: Uint8Array, offset: number, bodyBytesMax: number): FrameHeader {
  if (readU32(source, offset) !== FRAME_MAGIC) throw badFrame("it does not begin with DSTR");
  const version = source[offset + 4]!;
  if (version !== FRAME_VERSION) throw badFrame(`version ${version} is unknown`);
  const kind = source[offset + 5]!;
  if (!isKind(kind)) throw badFrame(`kind ${kind} is unknown`);
  const flags = source[offset + 6]! * 256 + source[offset + 7]!;
  const allowed = kind === FRAME_KIND.msg ? FRAME_FLAG.deflated : 0;
  if ((flags & ~allowed) !== 0) throw badFrame(`flags ${flags} are not allowed for kind ${kind}`);
  const length = readU32(source, offset + 8);
  if (length > bodyBytesMax) throw badFrame(`the body of ${length} bytes is above the limit of ${bodyBytesMax}`);
  const correlation = readU32(source, offset + 12);
  const numbered = kind >= FRAME_KIND.call && kind <= FRAME_KIND.failure;
  if ((correlation !== 0) !== numbered) throw badFrame(`correlation ${correlation} is not allowed for kind ${kind}`);
  return { kind, flags, length, correlation, crc: readU32(source, offset + CRC_OFFSET) };
}

/** Checksum of the first 16 bytes of a header and of the body behind it. */
export function frameCrc(head: Uint8Array, body: Uint8Array): number {
  return crc32(body, crc32(head));
}

/** Bytes of a header that the checksum covers. */
export const FRAME_CRC_COVERS = CRC_OFFSET;

export function badFrame(reason: string): DisterError {
  return new DisterError("DISTER_ERR_FRAME", { reason });
}

function isKind(kind: number): kind is FrameKind {
  return kind >= 1 && kind <= KIND_MAX;
}

function writeU32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

function readU32(source: Uint8Array, offset: number): number {
  return (
    ((source[offset]! << 24) | (source[offset + 1]! << 16) | (source[offset + 2]! << 8) | source[offset + 3]!) >>> 0
  );
}
