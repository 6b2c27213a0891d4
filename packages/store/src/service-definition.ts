import { LIMITS, nodeIdentity, type ServiceConfig, type ServiceNode } from "@dister/types";
import { BytesError } from "./bytes.ts";

/** A service as it is written into commands, the database and snapshots: JSON, its fields in this order. */
export function stringifyDefinition({ name, type, node }: ServiceConfig): string {
  return JSON.stringify({ name, type, node });
}

/**
 * Reads what {@link stringifyDefinition} wrote. Checks the shape that applying relies on and no more: what may be
 * registered is decided before a command is proposed, and must not be decided again by another version of the software.
 * @throws BytesError
 */
export function parseDefinition(json: string): ServiceConfig {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch {
    throw new BytesError("a service that is not JSON");
  }
  if (!isDefinition(read)) throw new BytesError("a service of unknown shape");
  if (stringifyDefinition(read) !== json) throw new BytesError("a service in another form than ours");
  return read;
}

function isDefinition(read: unknown): read is ServiceConfig {
  if (!isRecord(read) || Object.keys(read).join() !== "name,type,node") return false;
  const { name, type, node } = read;
  if (typeof name !== "string" || name.length === 0 || name.length > LIMITS.nameCharsMax) return false;
  if (!name.isWellFormed() || typeof type !== "string") return false;
  return Array.isArray(node) && node.length <= LIMITS.serviceNodesMax && node.every(isNode);
}

function isNode(read: unknown): boolean {
  if (!isRecord(read) || (read["status"] !== 0 && read["status"] !== 1)) return false;
  return Object.entries(read).every(([field, value]) => field === "status" || typeof value === "string");
}

function isRecord(read: unknown): read is Record<string, unknown> {
  return typeof read === "object" && read !== null && !Array.isArray(read);
}

/** The nodes of a new definition with the statuses of those nodes that the old definition had already. */
export function keepStatuses(wanted: readonly ServiceNode[], old: readonly ServiceNode[]): ServiceNode[] {
  const known = new Map<string, ServiceNode["status"][]>();
  for (const node of old) {
    const statuses = known.get(nodeIdentity(node));
    if (statuses === undefined) known.set(nodeIdentity(node), [node.status]);
    else statuses.push(node.status);
  }
  // Twins are matched in the order of the lists, one by one, so that each keeps a status of its own.
  return wanted.map((node) => ({ ...node, status: known.get(nodeIdentity(node))?.shift() ?? 0 }));
}
