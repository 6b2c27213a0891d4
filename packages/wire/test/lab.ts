import { isDisterError, type LogFields, type Logger, NO_LOGGER, type NodeInfo } from "@dister/types";
import type { PeerLab, PeerNode } from "@dister/types/conformance";
import { systemClock, systemRng } from "@dister/types/system";
import {
  type PeerTls,
  TcpPeers,
  type TcpPeersComponents,
  type TcpPeersOptions,
  TlsCredentials,
  type TlsPem,
} from "@dister/wire";

export const A = "00000000000000AA";
export const B = "00000000000000BB";
export const C = "00000000000000CC";

/** A node info of a test. */
export function infoOf(id: string, rest: Partial<NodeInfo> = {}): NodeInfo {
  return {
    name: `node ${id}`,
    group: "g",
    id,
    ip: "",
    status: 1,
    role: 0,
    raft: 0,
    logid: 0,
    serviceid: 0,
    version: "test",
    ports: { raft: 0, repl: 0, api: 4168 },
    cluster: "",
    stateVersion: 1,
    boot: id,
    ...rest,
  };
}

/** TLS with certificates that do not change. */
export function tlsOf(pem: TlsPem, { group = "g", strictHosts = false } = {}): PeerTls {
  const credentials = TlsCredentials.of(pem, { group, wallMs: Date.now() });
  return { credentials: () => credentials, strictHosts };
}

/** Waits until something holds, looking once per turn of the event loop. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 4_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not come about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Opens peers on free ports of the loopback address. */
export function open(
  id: string,
  options: Partial<TcpPeersOptions> = {},
  components: Partial<TcpPeersComponents> = {},
): Promise<TcpPeers> {
  return TcpPeers.listen({
    components: { clock: systemClock, rng: systemRng, logger: NO_LOGGER, ...components },
    options: {
      host: "127.0.0.1",
      ports: { raft: 0, repl: 0 },
      group: "g",
      self: () => infoOf(id, { group: options.group ?? "g" }),
      ...options,
    },
  });
}

/** Nodes over TCP on the loopback address. */
export function tcpLab(
  guard: Pick<TcpPeersOptions, "secret"> & { readonly tlsFor?: (group: string) => PeerTls } = {},
): { subject: PeerLab; cleanup(): Promise<void> } {
  const started: TcpPeers[] = [];
  const subject: PeerLab = {
    async start(id, { address, group = "g", cluster = "" } = {}) {
      const peers = await open(id, {
        ports: address?.ports ?? { raft: 0, repl: 0 },
        group,
        secret: guard.secret,
        tls: guard.tlsFor?.(group),
        self: () => infoOf(id, { group, cluster }),
      });
      started.push(peers);
      const node: PeerNode = {
        id,
        address: { host: "127.0.0.1", ports: { ...peers.ports(), api: 0 } },
        transport: peers,
        rpc: peers,
        stop: () => peers.close(),
      };
      return node;
    },
    until,
  };
  return { subject, cleanup: async () => void (await Promise.all(started.map((peers) => peers.close()))) };
}

/** A logger that keeps its lines. */
export class Lines implements Logger {
  readonly lines: string[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push(`debug ${message} ${JSON.stringify(fields)}`);
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push(`info ${message} ${JSON.stringify(fields)}`);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push(`warn ${message} ${JSON.stringify(fields)}`);
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push(`error ${message} ${JSON.stringify(fields)}`);
  }

  child(): Logger {
    return this;
  }
}

/** An address of loopback to say hello to. */
export const at = (port: number): { host: string; raftPort: number } => ({ host: "127.0.0.1", raftPort: port });

/** Why a handshake was refused, "none" when it was not. */
export async function refusal(hello: Promise<NodeInfo>): Promise<string> {
  try {
    await hello;
  } catch (error) {
    if (!isDisterError(error, "DISTER_ERR_HANDSHAKE")) throw error;
    return String(error.details["reason"]);
  }
  return "none";
}
