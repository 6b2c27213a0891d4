import type { Client, HealthReport, KvPair, Page, ShownNode } from "@dister/client";
import type { ShownService } from "@dister/types";
import type { KeysQuery } from "./model.ts";

/** What the page asks the node that served it. */
export interface NodeReader {
  health(signal: AbortSignal): Promise<HealthReport>;
  status(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  nodes(signal: AbortSignal): Promise<readonly ShownNode[]>;
  services(signal: AbortSignal): Promise<readonly ShownService[]>;
  keys(query: KeysQuery, signal: AbortSignal): Promise<Page<KvPair>>;
}

/**
 * Reads through a client, from what the node itself has: a page that looks into a node in trouble must not need a leader
 * to show anything.
 */
export function readerOf(client: Client): NodeReader {
  return {
    health: (signal) => client.health({ signal }),
    status: (signal) => client.status({ signal }),
    nodes: (signal) => client.nodes.list({ signal }),
    services: (signal) => client.services.list({ signal, consistency: "local" }),
    keys: ({ prefix, after, limit }, signal) =>
      client.kv.getMany({ prefix, limit, signal, consistency: "local", ...(after === "" ? {} : { after }) }),
  };
}
