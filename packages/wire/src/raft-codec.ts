import {
  type AppendRequest,
  type EntryKind,
  invariant,
  LIMITS,
  LOG_ID_RANDOM_SIZE,
  type LogEntry,
  type LogPosition,
  type RaftMessage,
  type RaftMessageType,
} from "@dister/types";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter, badMessage } from "./byte-writer.ts";
import { allocateFrame, FRAME_HEADER_BYTES, FRAME_KIND, sealFrame } from "./frame.ts";

/*
 * Every Raft message: TYPE (1 byte), BITS (1 byte, unused bits 0), TERM (8 bytes), then what the table in
 * docs/formats/message.md names. A number is 8 bytes (high 32 bits, low 32 bits), a position is index and term.
 */
const TYPE = {
  vote: 1,
  voteReply: 2,
  append: 3,
  appendReply: 4,
  heartbeat: 5,
  heartbeatReply: 6,
  readIndex: 7,
  readIndexReply: 8,
  timeoutNow: 9,
  compare: 10,
  compareReply: 11,
  stand: 12,
  suspectReply: 13,
} as const satisfies Record<RaftMessageType, number>;

const HEAD_BYTES = 10;
const NUMBER_BYTES = 8;
/** Term (8), r (2), kind (1) and payload length (4) of one entry. */
const ENTRY_HEAD_BYTES = 15;
const APPEND_HEAD_BYTES = HEAD_BYTES + 3 * NUMBER_BYTES + 4;

/** How many numbers follow the head, for every type of fixed size. */
const NUMBERS: Record<Exclude<RaftMessageType, "append">, number> = {
  vote: 2,
  voteReply: 1,
  appendReply: 3,
  heartbeat: 2,
  heartbeatReply: 1,
  readIndex: 1,
  readIndexReply: 2,
  timeoutNow: 0,
  compare: 1,
  compareReply: 5,
  stand: 0,
  suspectReply: 3,
};

/**
 * Encodes one message; payloads are copied once.
 * @throws DisterError `DISTER_ERR_MESSAGE` when a number is not a whole one from 0 to 2^53-1.
 */
export function encodeRaftMessage(message: RaftMessage): Uint8Array {
  const bytes = Buffer.allocUnsafe(raftMessageBytes(message));
  writeRaftMessage(new ByteWriter(bytes, 0), message);
  return bytes;
}

/**
 * Encodes one message right into its frame.
 * @throws DisterError `DISTER_ERR_MESSAGE`, `DISTER_ERR_TOO_LARGE`.
 */
export function encodeRaftFrame(message: RaftMessage): Uint8Array {
  const frame = allocateFrame(raftMessageBytes(message));
  writeRaftMessage(new ByteWriter(frame, FRAME_HEADER_BYTES), message);
  return sealFrame(frame, { kind: FRAME_KIND.raft });
}

/** Size of an encoded message. */
export function raftMessageBytes(message: RaftMessage): number {
  if (message.type !== "append") return HEAD_BYTES + NUMBERS[message.type] * NUMBER_BYTES;
  let bytes = APPEND_HEAD_BYTES + message.entries.length * ENTRY_HEAD_BYTES;
  for (const entry of message.entries) bytes += entry.payload.length;
  return bytes;
}

function writeRaftMessage(out: ByteWriter, message: RaftMessage): void {
  switch (message.type) {
    case "vote":
      writeHead(out, message, bits(message.pre, message.transfer));
      return writePosition(out, message.last);
    case "voteReply":
      writeHead(out, message, bits(message.pre, message.granted));
      return out.u53(message.asked);
    case "append":
      return writeAppend(out, message);
    case "appendReply":
      writeHead(out, message, bits(message.ok));
      out.u53(message.index);
      return writePosition(out, message.hint);
    case "heartbeat":
      writeHead(out, message);
      out.u53(message.commit);
      return out.u53(message.round);
    case "heartbeatReply":
      writeHead(out, message);
      return out.u53(message.round);
    case "readIndex":
      writeHead(out, message);
      return out.u53(message.id);
    case "readIndexReply":
      writeHead(out, message, bits(message.index === -1));
      out.u53(message.id);
      return out.u53(message.index === -1 ? 0 : message.index);
    case "timeoutNow":
    case "stand":
      return writeHead(out, message);
    case "compare":
      writeHead(out, message);
      return out.u53(message.round);
    case "compareReply":
      writeHead(out, message, bits(message.leaderAlive));
      out.u53(message.round);
      writePosition(out, message.last);
      out.u53(message.scoreCount);
      return out.u53(message.score);
    case "suspectReply":
      writeHead(out, message);
      out.u53(message.matched);
      return writePosition(out, message.hint);
    default:
      return unknownType(message);
  }
}

function unknownType(message: never): never {
  throw badMessage(`type ${String((message as { type: unknown }).type)} is unknown`);
}

function bits(first: boolean, second = false): number {
  return (first ? 1 : 0) + (second ? 2 : 0);
}

function writeHead(out: ByteWriter, message: RaftMessage, flags = 0): void {
  out.u8(TYPE[message.type]);
  out.u8(flags);
  out.u53(message.term);
}

function writePosition(out: ByteWriter, position: LogPosition): void {
  out.u53(position.index);
  out.u53(position.term);
}

function writeAppend(out: ByteWriter, message: AppendRequest): void {
  writeHead(out, message);
  writePosition(out, message.prev);
  out.u53(message.commit);
  out.u32(message.entries.length);
  let index = message.prev.index;
  for (const entry of message.entries) {
    // The index of an entry does not travel: it follows from its place.
    invariant(entry.index === ++index, "the entries of an append follow its prev without a gap");
    out.u53(entry.term);
    out.u16(entry.r);
    out.u8(entry.kind);
    out.u32(entry.payload.length);
    out.raw(entry.payload);
  }
}

/**
 * Decodes one message; payloads are views of `bytes`.
 * @throws DisterError `DISTER_ERR_MESSAGE` for anything that the encoder does not write.
 */
export function decodeRaftMessage(bytes: Uint8Array): RaftMessage {
  const input = new ByteReader(bytes);
  const type = input.u8();
  const flags = input.u8();
  const term = input.u53();
  const message = readBody(input, { type, flags, term });
  input.end();
  return message;
}

interface Head {
  readonly type: number;
  readonly flags: number;
  readonly term: number;
}

function readBody(input: ByteReader, { type, flags, term }: Head): RaftMessage {
  switch (type) {
    case TYPE.vote: {
      const [pre, transfer] = readBits(flags, 2);
      return { type: "vote", term, pre, last: readPosition(input), transfer };
    }
    case TYPE.voteReply: {
      const [pre, granted] = readBits(flags, 2);
      return { type: "voteReply", term, pre, granted, asked: input.u53() };
    }
    case TYPE.append:
      readBits(flags, 0);
      return readAppend(input, term);
    case TYPE.appendReply: {
      const [ok] = readBits(flags, 1);
      return { type: "appendReply", term, ok, index: input.u53(), hint: readPosition(input) };
    }
    case TYPE.heartbeat:
      readBits(flags, 0);
      return { type: "heartbeat", term, commit: input.u53(), round: input.u53() };
    case TYPE.heartbeatReply:
      readBits(flags, 0);
      return { type: "heartbeatReply", term, round: input.u53() };
    case TYPE.readIndex:
      readBits(flags, 0);
      return { type: "readIndex", term, id: input.u53() };
    case TYPE.readIndexReply:
      return readReadIndexReply(input, flags, term);
    case TYPE.timeoutNow:
      readBits(flags, 0);
      return { type: "timeoutNow", term };
    case TYPE.compare:
      readBits(flags, 0);
      return { type: "compare", term, round: input.u53() };
    case TYPE.compareReply:
      return readCompareReply(input, flags, term);
    case TYPE.stand:
      readBits(flags, 0);
      return { type: "stand", term };
    case TYPE.suspectReply:
      readBits(flags, 0);
      return { type: "suspectReply", term, matched: input.u53(), hint: readPosition(input) };
    default:
      throw badMessage(`type ${type} is unknown`);
  }
}

function readBits(flags: number, used: number): [boolean, boolean] {
  if (flags >> used !== 0) throw badMessage(`bits ${flags} are not allowed here`);
  return [(flags & 1) !== 0, (flags & 2) !== 0];
}

function readPosition(input: ByteReader): LogPosition {
  return { index: input.u53(), term: input.u53() };
}

function readReadIndexReply(input: ByteReader, flags: number, term: number): RaftMessage {
  const [notNow] = readBits(flags, 1);
  const id = input.u53();
  const index = input.u53();
  if (notNow && index !== 0) throw badMessage("a refused read index carries an index");
  return { type: "readIndexReply", term, id, index: notNow ? -1 : index };
}

function readCompareReply(input: ByteReader, flags: number, term: number): RaftMessage {
  const [leaderAlive] = readBits(flags, 1);
  const round = input.u53();
  const last = readPosition(input);
  return { type: "compareReply", term, round, last, scoreCount: input.u53(), score: input.u53(), leaderAlive };
}

function readAppend(input: ByteReader, term: number): AppendRequest {
  const prev = readPosition(input);
  const commit = input.u53();
  const count = input.u32();
  if (count > LIMITS.appendEntriesMax) throw badMessage(`${count} entries are above ${LIMITS.appendEntriesMax}`);
  if (count * ENTRY_HEAD_BYTES > input.left) throw badMessage(`${count} entries do not fit ${input.left} bytes`);
  if (prev.index + count > Number.MAX_SAFE_INTEGER) throw badMessage("an index is above 2^53-1");
  const entries: LogEntry[] = [];
  for (let at = 1; at <= count; at++) entries.push(readEntry(input, prev.index + at));
  return { type: "append", term, prev, entries, commit };
}

function readEntry(input: ByteReader, index: number): LogEntry {
  const term = input.u53();
  const r = input.u16();
  const kind = input.u8();
  const length = input.u32();
  if (term === 0) throw badMessage("an entry has term 0");
  if (r >= LOG_ID_RANDOM_SIZE) throw badMessage(`the random number ${r} of an entry is above 9999`);
  if (!isEntryKind(kind)) throw badMessage(`kind ${kind} of an entry is unknown`);
  if (length > LIMITS.entryPayloadBytesMax) throw badMessage(`a payload of ${length} bytes is too large`);
  return { index, term, r, kind, payload: input.raw(length) };
}

function isEntryKind(kind: number): kind is EntryKind {
  return kind <= 2;
}
