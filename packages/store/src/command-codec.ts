import { type Command, DisterError, LIMITS, type StampedCommand, type StatusChange } from "@dister/types";
import { ByteReader, BytesError, ByteWriter } from "./bytes.ts";
import { parseDefinition, stringifyDefinition } from "./service-definition.ts";

//  byte 0     1      2                     8
// +---------+------+---------------------+--------------+----------------------+
// | VERSION | TYPE | TIME (ms since 1970) | REQUEST ID   | fields of the type   |   docs/formats/command.md
// +---------+------+---------------------+--------------+----------------------+
const VERSION = 1;

const TYPE = Object.freeze({ kvSet: 1, kvDelete: 2, serviceSet: 3, serviceDelete: 4, serviceStatus: 5 } as const);

/** One UTF-16 unit takes at most three bytes of UTF-8. */
const REQUEST_ID_BYTES_MAX = LIMITS.requestIdCharsMax * 3;
const NAME_BYTES_MAX = LIMITS.nameCharsMax * 3;
/** Statuses in one command: one round of probes of the largest service. */
const STATUS_CHANGES_MAX = LIMITS.serviceNodesMax;

/**
 * Encodes a command as the payload of a log entry. Everything that {@link decodeCommand} would refuse is refused here,
 * so that nothing gets into the log on which the nodes would stop.
 * @throws DisterError `DISTER_ERR_TOO_LARGE` beyond `LIMITS.entryPayloadBytesMax`, `DISTER_ERR_COMMAND` for anything
 *   else that breaks a limit.
 * @see docs/formats/command.md
 */
export function encodeCommand(stamped: StampedCommand): Uint8Array {
  return refusing(() => {
    const { command, requestId, timeMs } = stamped;
    const out = new ByteWriter();
    out.byte(VERSION);
    out.byte(TYPE[command.type]);
    out.time(timeMs);
    out.text(checkRequestId(requestId));
    writeFields(out, command);
    if (out.length > LIMITS.entryPayloadBytesMax) {
      const [bytes, allowed] = [out.length, LIMITS.entryPayloadBytesMax];
      throw new DisterError("DISTER_ERR_TOO_LARGE", { field: "command", bytes, allowed });
    }
    return out.finish();
  });
}

/**
 * Decodes the payload of a command entry; strict: one command has one form.
 * @throws DisterError `DISTER_ERR_COMMAND` for an unknown version or type, a limit that is broken, bytes that are
 *   missing or too many.
 */
export function decodeCommand(payload: Uint8Array): StampedCommand {
  return refusing(() => {
    if (payload.length > LIMITS.entryPayloadBytesMax) throw new BytesError(`${payload.length} bytes are too many`);
    const read = new ByteReader(payload);
    const version = read.byte();
    if (version !== VERSION) throw new BytesError(`unknown version ${version}`);
    const type = read.byte();
    const timeMs = read.time();
    const requestId = checkRequestId(read.text(REQUEST_ID_BYTES_MAX));
    const command = readFields(read, type);
    read.end();
    return { requestId, timeMs, command };
  });
}

function writeFields(out: ByteWriter, command: Command): void {
  switch (command.type) {
    case "kvSet":
      writeCount(out, command.pairs.length, LIMITS.keysPerWriteMax);
      for (const [key, value] of command.pairs) {
        writeText(out, key, 1, LIMITS.keyBytesMax);
        writeText(out, value, 0, LIMITS.valueBytesMax);
      }
      break;
    case "kvDelete":
      writeCount(out, command.keys.length, LIMITS.keysPerWriteMax);
      for (const key of command.keys) writeText(out, key, 1, LIMITS.keyBytesMax);
      break;
    case "serviceSet":
      writeCount(out, command.services.length, LIMITS.servicesPerWriteMax);
      for (const service of command.services) {
        const json = stringifyDefinition(service);
        parseDefinition(json);
        out.text(json);
      }
      break;
    case "serviceDelete":
      writeCount(out, command.names.length, LIMITS.servicesPerWriteMax);
      for (const name of command.names) writeText(out, name, 1, NAME_BYTES_MAX);
      break;
    case "serviceStatus":
      writeCount(out, command.changes.length, STATUS_CHANGES_MAX);
      for (const change of command.changes) writeStatusChange(out, change);
      break;
  }
}

function readFields(read: ByteReader, type: number): Command {
  switch (type) {
    case TYPE.kvSet: {
      const pairs = readMany(read, LIMITS.keysPerWriteMax, () => {
        const key = readText(read, 1, LIMITS.keyBytesMax);
        return [key, read.text(LIMITS.valueBytesMax)] as const;
      });
      return { type: "kvSet", pairs };
    }
    case TYPE.kvDelete:
      return {
        type: "kvDelete",
        keys: readMany(read, LIMITS.keysPerWriteMax, () => readText(read, 1, LIMITS.keyBytesMax)),
      };
    case TYPE.serviceSet: {
      const services = readMany(read, LIMITS.servicesPerWriteMax, () =>
        parseDefinition(read.text(LIMITS.entryPayloadBytesMax)),
      );
      return { type: "serviceSet", services };
    }
    case TYPE.serviceDelete:
      return {
        type: "serviceDelete",
        names: readMany(read, LIMITS.servicesPerWriteMax, () => readText(read, 1, NAME_BYTES_MAX)),
      };
    case TYPE.serviceStatus:
      return { type: "serviceStatus", changes: readMany(read, STATUS_CHANGES_MAX, () => readStatusChange(read)) };
    default:
      throw new BytesError(`unknown type ${type}`);
  }
}

function writeStatusChange(out: ByteWriter, { service, definedIndex, node, status }: StatusChange): void {
  writeText(out, service, 1, NAME_BYTES_MAX);
  out.varint(definedIndex);
  if (node >= LIMITS.serviceNodesMax) throw new BytesError(`node ${node} of a service`);
  out.varint(node);
  out.varint(checkStatus(status));
}

function readStatusChange(read: ByteReader): StatusChange {
  const service = readText(read, 1, NAME_BYTES_MAX);
  const definedIndex = read.varint();
  const node = read.varint(LIMITS.serviceNodesMax - 1);
  return { service, definedIndex, node, status: checkStatus(read.varint()) };
}

function checkStatus(status: number): 0 | 1 {
  if (status !== 0 && status !== 1) throw new BytesError(`status ${status}`);
  return status;
}

function checkRequestId(requestId: string): string {
  if (requestId.length === 0 || requestId.length > LIMITS.requestIdCharsMax) {
    throw new BytesError(`a request id of ${requestId.length} characters`);
  }
  return requestId;
}

function writeCount(out: ByteWriter, count: number, max: number): void {
  if (count > max) throw new BytesError(`${count} parts where at most ${max} are allowed`);
  out.varint(count);
}

function readMany<T>(read: ByteReader, max: number, one: () => T): T[] {
  const count = read.varint(max);
  const found: T[] = [];
  for (let at = 0; at < count; at++) found.push(one());
  return found;
}

function writeText(out: ByteWriter, text: string, bytesMin: number, bytesMax: number): void {
  const before = out.length;
  out.text(text);
  // Measured as written, for counting the bytes of a text twice costs more than the rare refusal.
  if (text.length < bytesMin || (out.length - before > bytesMax && Buffer.byteLength(text) > bytesMax)) {
    throw new BytesError(`a text of ${Buffer.byteLength(text)} bytes where ${bytesMin} to ${bytesMax} are allowed`);
  }
}

function readText(read: ByteReader, bytesMin: number, bytesMax: number): string {
  const text = read.text(bytesMax);
  if (text.length < bytesMin) throw new BytesError("an empty text");
  return text;
}

/** Every reason to refuse bytes becomes the one error that stops a node. */
function refusing<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof BytesError) throw new DisterError("DISTER_ERR_COMMAND", { reason: error.message });
    throw error;
  }
}
