import { REDACTED } from "./redacted.ts";
import type { ServiceConfig, ServiceNode } from "./schemas/service.ts";

export type { ServiceConfig, ServiceNode, ServiceType } from "./schemas/service.ts";

/** A service as the state machine keeps it. */
export interface Service extends ServiceConfig {
  /** Index of the entry that registered this definition. */
  readonly definedIndex: number;
  /** Index of the entry that last changed the definition or a status. */
  readonly modifyIndex: number;
}

/** Fields of a service's node that never leave the node in a reply, an event or a log line. */
export const SECRET_NODE_FIELDS: readonly (keyof ServiceNode)[] = Object.freeze(["pass", "headers"]);

/**
 * Fields of a service's node that say how it is checked and chosen, not what it is: registered again with these changed
 * alone, it is still the same node and keeps its status.
 */
const SETTINGS: ReadonlySet<string> = new Set(["status", "priority", "interval", "timeout", "rise", "fall"]);

/** What makes two definitions of a node one and the same, as text that does not depend on the order of the fields. */
export function nodeIdentity(node: ServiceNode): string {
  const fields = Object.entries(node).filter(([field, value]) => !SETTINGS.has(field) && value !== undefined);
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A copy of a service's node that may be shown. */
export function redactNode(node: ServiceNode): ServiceNode {
  const shown: Record<string, unknown> = { ...node };
  for (const field of SECRET_NODE_FIELDS) if (shown[field] !== undefined) shown[field] = REDACTED;
  return shown as ServiceNode;
}
