import { INSTANCE_STATE_FIELDS, LIMITS, type ServiceConfig } from "@dister/types";
import { BytesError } from "./bytes.ts";

/** A service as it is written into commands, the database and snapshots: JSON, its fields in this order. */
export function stringifyDefinition({ name, type, protect, slowstart, node }: ServiceConfig): string {
  return JSON.stringify({ name, type, protect, slowstart, node });
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

const FIELDS: ReadonlySet<string> = new Set(["name", "type", "protect", "slowstart", "node"]);

function isDefinition(read: unknown): read is ServiceConfig {
  if (!isRecord(read) || !Object.keys(read).every((field) => FIELDS.has(field))) return false;
  const { name, type, protect, slowstart, node } = read;
  if (typeof name !== "string" || name.length === 0 || name.length > LIMITS.nameCharsMax) return false;
  if (!name.isWellFormed() || typeof type !== "string") return false;
  if (protect !== undefined && protect !== "off" && !isTexts(protect)) return false;
  if (slowstart !== undefined && typeof slowstart !== "string") return false;
  return Array.isArray(node) && node.length <= LIMITS.serviceNodesMax && node.every(isInstance) && areNamed(node);
}

function isInstance(read: unknown): read is { id: string } {
  if (!isRecord(read) || (read["status"] !== 0 && read["status"] !== 1)) return false;
  const { id, status: _status, tags, meta, ...texts } = read;
  if (typeof id !== "string" || id.length === 0 || id.length > LIMITS.instanceIdCharsMax) return false;
  // What becomes of an instance lies beside its definition, under these names.
  if (!id.isWellFormed() || INSTANCE_STATE_FIELDS.some((field) => Object.hasOwn(texts, field))) return false;
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === "string"))) return false;
  return (meta === undefined || isTexts(meta)) && isTexts(texts);
}

/** Ids name the instances of a service, so none comes twice. */
function areNamed(instances: readonly { readonly id: string }[]): boolean {
  return new Set(instances.map(({ id }) => id)).size === instances.length;
}

function isTexts(read: unknown): boolean {
  return isRecord(read) && Object.values(read).every((value) => typeof value === "string");
}

function isRecord(read: unknown): read is Record<string, unknown> {
  return typeof read === "object" && read !== null && !Array.isArray(read);
}
