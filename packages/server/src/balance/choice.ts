import type { Candidate } from "@dister/balance";
import { type Service, type ServiceNode, STATUS } from "@dister/types";

/** A node of a service as something to choose. */
export interface Choice extends Candidate {
  /** The node's address, or its place in the service where it has none; different for each of a service. */
  readonly id: string;
  readonly host: string | null;
  readonly port: string | null;
  readonly node: ServiceNode;
}

/** The nodes of a service in their order. */
export function choicesOf(service: Service, latenciesMs: readonly (number | undefined)[] = []): Choice[] {
  const seen = new Map<string, number>();
  return service.node.map((node, position) => {
    const { host, port } = addressOf(node);
    const address = host === null ? `node ${position}` : shownAddress(host, port);
    const before = seen.get(address) ?? 0;
    seen.set(address, before + 1);
    return {
      // The same address may come several times, for example with different paths behind it.
      id: before === 0 ? address : `${address}#${before + 1}`,
      host,
      port,
      weight: Number(node.priority),
      alive: node.status === STATUS.alive,
      latencyMs: latenciesMs[position],
      node,
    };
  });
}

/** Where a node is: its own host and port, else those of the address that its check asks for. */
export function addressOf({ host, port, url }: ServiceNode): { host: string | null; port: string | null } {
  if (host !== undefined) return { host, port: port ?? null };
  if (url === undefined || !URL.canParse(url)) return { host: null, port: port ?? null };
  const { hostname, port: given, protocol } = new URL(url);
  const bare = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return { host: bare, port: given !== "" ? given : protocol === "https:" ? "443" : "80" };
}

/** `host:port`, or the host alone without a port; addresses of IPv6 in brackets. */
export function shownAddress(host: string, port: string | null): string {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return port === null ? bracketed : `${bracketed}:${port}`;
}
