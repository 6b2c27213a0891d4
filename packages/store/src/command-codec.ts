import {
  type Command,
  DisterError,
  INSTANCE_MODES,
  type InstanceName,
  LIMITS,
  type ModeChange,
  type ServiceConfig,
  type StampedCommand,
  type StatusChange,
} from "@dister/types";
import { ByteReader, BytesError, ByteWriter } from "./bytes.ts";
import { parseDefinition, stringifyDefinition } from "./service-definition.ts";

//  byte 0     1      2                     8
// +---------+------+---------------------+--------------+----------------------+
// | VERSION | TYPE | TIME (ms since 1970) | REQUEST ID   | fields of the type   |   docs/formats/command.md
// +---------+------+---------------------+--------------+----------------------+
const VERSION = 1;

const TYPE = Object.freeze({
  kvSet: 1,
  kvDelete: 2,
  serviceSet: 3,
  serviceDelete: 4,
  serviceStatus: 5,
  instanceSet: 6,
  instanceDelete: 7,
  instanceMode: 8,
} as const);
/** In place of a status: checked no more. */
const UNCHECKED = 2;

/** One UTF-16 unit takes at most three bytes of UTF-8. */
const REQUEST_ID_BYTES_MAX = LIMITS.requestIdCharsMax * 3;
const NAME_BYTES_MAX = LIMITS.nameCharsMax * 3;
const ID_BYTES_MAX = LIMITS.instanceIdCharsMax * 3;
/** Instances that one command names: one round of probes of the largest service. */
const INSTANCES_MAX = LIMITS.serviceNodesMax;

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
    case "instanceSet":
      writeCount(out, command.services.length, LIMITS.servicesPerWriteMax);
      for (const service of command.services) writeDefinition(out, service);
      break;
    case "serviceDelete":
      writeCount(out, command.names.length, LIMITS.servicesPerWriteMax);
      for (const name of command.names) writeText(out, name, 1, NAME_BYTES_MAX);
      break;
    case "serviceStatus":
      writeCount(out, command.changes.length, INSTANCES_MAX);
      for (const change of command.changes) writeStatusChange(out, change);
      break;
    case "instanceDelete":
      writeCount(out, command.instances.length, INSTANCES_MAX);
      for (const instance of command.instances) writeInstance(out, instance);
      break;
    case "instanceMode":
      writeCount(out, command.changes.length, INSTANCES_MAX);
      for (const change of command.changes) writeModeChange(out, change);
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
    case TYPE.serviceSet:
      return { type: "serviceSet", services: readDefinitions(read) };
    case TYPE.instanceSet:
      return { type: "instanceSet", services: readDefinitions(read) };
    case TYPE.serviceDelete:
      return {
        type: "serviceDelete",
        names: readMany(read, LIMITS.servicesPerWriteMax, () => readText(read, 1, NAME_BYTES_MAX)),
      };
    case TYPE.serviceStatus:
      return { type: "serviceStatus", changes: readMany(read, INSTANCES_MAX, () => readStatusChange(read)) };
    case TYPE.instanceDelete:
      return { type: "instanceDelete", instances: readMany(read, INSTANCES_MAX, () => readInstance(read)) };
    case TYPE.instanceMode:
      return { type: "instanceMode", changes: readMany(read, INSTANCES_MAX, () => readModeChange(read)) };
    default:
      throw new BytesError(`unknown type ${type}`);
  }
}

function writeDefinition(out: ByteWriter, service: ServiceConfig): void {
  const json = stringifyDefinition(service);
  parseDefinition(json);
  out.text(json);
}

function readDefinitions(read: ByteReader): ServiceConfig[] {
  return readMany(read, LIMITS.servicesPerWriteMax, () => parseDefinition(read.text(LIMITS.entryPayloadBytesMax)));
}

function writeInstance(out: ByteWriter, { service, id }: InstanceName): void {
  writeText(out, service, 1, NAME_BYTES_MAX);
  writeText(out, id, 1, ID_BYTES_MAX);
}

function readInstance(read: ByteReader): InstanceName {
  return { service: readText(read, 1, NAME_BYTES_MAX), id: readText(read, 1, ID_BYTES_MAX) };
}

function writeStatusChange(out: ByteWriter, change: StatusChange): void {
  writeInstance(out, change);
  out.varint(change.definedIndex);
  const { status } = change;
  if (status !== null && status !== 0 && status !== 1) throw new BytesError(`status ${String(status)}`);
  out.varint(status ?? UNCHECKED);
}

function readStatusChange(read: ByteReader): StatusChange {
  const instance = readInstance(read);
  const definedIndex = read.varint();
  const status = read.varint(UNCHECKED);
  return { ...instance, definedIndex, status: status === UNCHECKED ? null : status === 1 ? 1 : 0 };
}

function writeModeChange(out: ByteWriter, change: ModeChange): void {
  writeInstance(out, change);
  const at = INSTANCE_MODES.indexOf(change.mode);
  if (at < 0) throw new BytesError(`mode ${change.mode}`);
  out.varint(at);
}

function readModeChange(read: ByteReader): ModeChange {
  return { ...readInstance(read), mode: INSTANCE_MODES[read.varint(INSTANCE_MODES.length - 1)]! };
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
