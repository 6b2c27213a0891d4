import { DEFAULT_PORTS, DisterError } from "@dister/types";

/** An address to say hello to. */
export interface HelloAddress {
  readonly host: string;
  readonly raftPort: number;
}

const PATTERN = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/;

/**
 * Reads `host`, `host:raftPort`, `[IPv6]` or `[IPv6]:raftPort`; also a bare IPv6 address.
 * @throws DisterError `DISTER_ERR_INVALID` naming `field`.
 */
export function parsePeerAddress(text: string, field: string): HelloAddress {
  const trimmed = text.trim();
  const bare = /^[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(trimmed) ? `[${trimmed}]` : trimmed;
  const match = PATTERN.exec(bare);
  const raftPort = match?.[3] === undefined ? DEFAULT_PORTS.raft : Number(match[3]);
  if (match === null || raftPort < 1 || raftPort > 65_535) {
    throw new DisterError("DISTER_ERR_INVALID", {
      field,
      got: JSON.stringify(text),
      allowed: "host, host:port, [IPv6] or [IPv6]:port",
    });
  }
  return { host: (match[1] ?? match[2])!, raftPort };
}
