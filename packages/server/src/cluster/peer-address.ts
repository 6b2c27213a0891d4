import { isIPv6 } from "node:net";
import { DEFAULT_PORTS, DisterError, type NodeInfo, type PeerAddress } from "@dister/types";

/** An address to say hello to. */
export interface HelloAddress {
  readonly host: string;
  readonly raftPort: number;
}

/** Address under which a node can be reached, as it says itself or as it was seen. */
export function addressOf(info: NodeInfo): PeerAddress {
  return { host: info.ip, ports: info.ports };
}

const PATTERN = /^(?:\[([^\]]+)\]|([\p{L}\p{N}._-]+))(?::(\d{1,5}))?$/u;

/** A name of 253 characters, brackets and a port. */
const HOST_CHARS_MAX = 270;

/**
 * Reads `host`, `host:raftPort`, `[IPv6]` or `[IPv6]:raftPort`; also a bare IPv6 address.
 * @throws DisterError `DISTER_ERR_INVALID` naming `field`.
 */
export function parsePeerAddress(text: string, field: string): HelloAddress {
  const trimmed = text.trim();
  const match = PATTERN.exec(isIPv6(trimmed) ? `[${trimmed}]` : trimmed);
  const raftPort = match?.[3] === undefined ? DEFAULT_PORTS.raft : Number(match[3]);
  const bracketed = match?.[1];
  const isHost = match !== null && text.length <= HOST_CHARS_MAX && (bracketed === undefined || isIPv6(bracketed));
  if (!isHost || raftPort < 1 || raftPort > 65_535) {
    throw new DisterError("DISTER_ERR_INVALID", {
      field,
      got: JSON.stringify(text.slice(0, HOST_CHARS_MAX)),
      allowed: "host, host:port, [IPv6] or [IPv6]:port",
    });
  }
  return { host: bracketed ?? match[2]!, raftPort };
}
