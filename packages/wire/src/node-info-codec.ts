import { isHexId, type NodeInfo, type RaftRole, type Role, type Status } from "@dister/types";
import type { ByteReader } from "./byte-reader.ts";
import { type ByteWriter, badMessage } from "./byte-writer.ts";

const ID_BYTES = 8;
/** Longest text of a node info in UTF-8: 128 characters of 4 bytes. */
const TEXT_BYTES_MAX = 512;
const FIXED_BYTES = 4 * 2 + ID_BYTES + 3 + 2 * 8 + 3 * 2 + 1 + 1 + ID_BYTES;

/** A node info whose texts are encoded, ready to be written: what is measured is what is written. */
export interface PackedNodeInfo {
  readonly info: NodeInfo;
  readonly texts: readonly Uint8Array[];
  readonly bytes: number;
}

/**
 * Measures a node info.
 * @throws DisterError `DISTER_ERR_MESSAGE` when it cannot be written.
 */
export function packNodeInfo(info: NodeInfo): PackedNodeInfo {
  const texts = [info.name, info.group, info.ip, info.version].map((text) => Buffer.from(text, "utf8"));
  let bytes = FIXED_BYTES + (info.cluster === "" ? 0 : ID_BYTES);
  for (const text of texts) {
    if (text.length > TEXT_BYTES_MAX) throw badMessage(`a text of ${text.length} bytes is too long for a node info`);
    bytes += text.length;
  }
  const ids = info.cluster === "" ? [info.id, info.boot] : [info.id, info.boot, info.cluster];
  if (!ids.every(isHexId)) throw badMessage("an id is malformed");
  return { info, texts, bytes };
}

/** Writes a node info in the order of docs/formats/message.md. */
export function writeNodeInfo(out: ByteWriter, { info, texts }: PackedNodeInfo): void {
  for (const text of texts) {
    out.u16(text.length);
    out.raw(text);
  }
  out.raw(Buffer.from(info.id, "hex"));
  out.u8(info.status);
  out.u8(info.role);
  out.u8(info.raft);
  out.u53(info.logid);
  out.u53(info.serviceid);
  for (const port of [info.ports.raft, info.ports.repl, info.ports.api]) {
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw badMessage(`${port} is not a port`);
    out.u16(port);
  }
  out.u8(info.cluster === "" ? 0 : 1);
  if (info.cluster !== "") out.raw(Buffer.from(info.cluster, "hex"));
  if (!Number.isInteger(info.stateVersion) || info.stateVersion < 1 || info.stateVersion > 255) {
    throw badMessage(`${info.stateVersion} is not a state version`);
  }
  out.u8(info.stateVersion);
  out.raw(Buffer.from(info.boot, "hex"));
}

/**
 * Reads a node info.
 * @throws DisterError `DISTER_ERR_MESSAGE`.
 */
export function readNodeInfo(input: ByteReader): NodeInfo {
  const name = readText(input);
  const group = readText(input);
  const ip = readText(input);
  const version = readText(input);
  const id = readId(input);
  const status = readUpTo(input, 1, "status") as Status;
  const role = readUpTo(input, 2, "role") as Role;
  const raft = readUpTo(input, 2, "raft role") as RaftRole;
  const logid = input.u53();
  const serviceid = input.u53();
  const ports = { raft: input.u16(), repl: input.u16(), api: input.u16() };
  const cluster = readUpTo(input, 1, "cluster mark") === 1 ? readId(input) : "";
  const stateVersion = input.u8();
  if (stateVersion === 0) throw badMessage("state version 0 is unknown");
  const boot = readId(input);
  return { name, group, id, ip, status, role, raft, logid, serviceid, version, ports, cluster, stateVersion, boot };
}

function readText(input: ByteReader): string {
  const length = input.u16();
  if (length > TEXT_BYTES_MAX) throw badMessage(`a text of ${length} bytes is too long`);
  return input.text(length);
}

function readId(input: ByteReader): string {
  return Buffer.from(input.raw(ID_BYTES)).toString("hex").toUpperCase();
}

function readUpTo(input: ByteReader, most: number, what: string): number {
  const value = input.u8();
  if (value > most) throw badMessage(`${what} ${value} is unknown`);
  return value;
}
