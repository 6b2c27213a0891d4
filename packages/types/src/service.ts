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

/** A copy of a service's node that may be shown. */
export function redactNode(node: ServiceNode): ServiceNode {
  const shown: Record<string, unknown> = { ...node };
  for (const field of SECRET_NODE_FIELDS) if (shown[field] !== undefined) shown[field] = REDACTED;
  return shown as ServiceNode;
}
