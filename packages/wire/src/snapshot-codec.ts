import {
  decodeMembership,
  encodeMembership,
  LIMITS,
  type Membership,
  type SnapshotOffer,
  type SnapshotReply,
} from "@dister/types";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter, badMessage } from "./byte-writer.ts";

const DIGEST_BYTES = 32;
const HEADER_FIXED_BYTES = 28 + DIGEST_BYTES + 12;
const FROM_BYTES = 4;
const END_BYTES = 12;
const REPLY_BYTES = 17;

/** What closes a stream of pieces. */
export interface SnapshotEnd {
  /** Bytes of all pieces together. */
  readonly bytes: number;
  /** CRC-32 over all pieces in order. */
  readonly crc: number;
}

/** Encodes what goes before the pieces. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function encodeSnapshotHeader(offer: SnapshotOffer): Uint8Array {
  const membership = encodeMembership(offer.membership);
  const { digest, pieceCount, byteCount } = offer.content;
  if (!/^[0-9a-f]{64}$/.test(digest)) throw badMessage("a digest that is none");
  const out = new ByteWriter(Buffer.allocUnsafe(HEADER_FIXED_BYTES + membership.length), 0);
  out.u53(offer.term);
  out.u53(offer.position.index);
  out.u53(offer.position.term);
  out.raw(Buffer.from(digest, "hex"));
  out.u32(pieceCount);
  out.u53(byteCount);
  out.u32(membership.length);
  out.raw(membership);
  return out.bytes;
}

/** Decodes what goes before the pieces. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function decodeSnapshotHeader(bytes: Uint8Array): SnapshotOffer {
  const input = new ByteReader(bytes);
  const term = input.u53();
  const position = { index: input.u53(), term: input.u53() };
  const digest = Buffer.from(input.raw(DIGEST_BYTES)).toString("hex");
  const content = { digest, pieceCount: input.u32(), byteCount: input.u53() };
  const membership = readMembership(input.raw(input.u32()));
  input.end();
  if (content.pieceCount === 0) throw badMessage("a snapshot without pieces");
  return { term, position, membership, content };
}

/** Encodes the number of the piece that the receiver wants first. */
export function encodeSnapshotFrom(first: number): Uint8Array {
  const out = new ByteWriter(Buffer.allocUnsafe(FROM_BYTES), 0);
  out.u32(first);
  return out.bytes;
}

/** Decodes the number of the piece that the receiver wants first. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function decodeSnapshotFrom(bytes: Uint8Array): number {
  const input = new ByteReader(bytes);
  const first = input.u32();
  input.end();
  return first;
}

function readMembership(bytes: Uint8Array): Membership {
  let membership: Membership;
  try {
    membership = decodeMembership(bytes);
  } catch {
    throw badMessage("the membership cannot be read");
  }
  if (membership.members.length > LIMITS.membersMax) throw badMessage(`${membership.members.length} members`);
  return membership;
}

/** Encodes the end of the pieces. */
export function encodeSnapshotEnd({ bytes, crc }: SnapshotEnd): Uint8Array {
  const out = new ByteWriter(Buffer.allocUnsafe(END_BYTES), 0);
  out.u53(bytes);
  out.u32(crc);
  return out.bytes;
}

/** Decodes the end of the pieces. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function decodeSnapshotEnd(bytes: Uint8Array): SnapshotEnd {
  const input = new ByteReader(bytes);
  const end = { bytes: input.u53(), crc: input.u32() };
  input.end();
  return end;
}

/** Encodes the receiver's answer. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function encodeSnapshotReply(reply: SnapshotReply): Uint8Array {
  const out = new ByteWriter(Buffer.allocUnsafe(REPLY_BYTES), 0);
  out.u8(reply.ok ? 1 : 0);
  out.u53(reply.term);
  out.u53(reply.index);
  return out.bytes;
}

/** Decodes the receiver's answer. @throws DisterError `DISTER_ERR_MESSAGE`. */
export function decodeSnapshotReply(bytes: Uint8Array): SnapshotReply {
  const input = new ByteReader(bytes);
  const ok = input.u8();
  if (ok > 1) throw badMessage(`answer ${ok} is unknown`);
  const reply = { term: input.u53(), ok: ok === 1, index: input.u53() };
  input.end();
  return reply;
}
