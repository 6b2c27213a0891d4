import type { Status } from "./node-info.ts";
import { REDACTED } from "./redacted.ts";
import type { InstanceConfig, ServiceConfig, ServiceNode, ServiceType } from "./schemas/service.ts";

export type { InstanceConfig, ServiceConfig, ServiceNode, ServiceType } from "./schemas/service.ts";

/** What an operator has said of an instance; neither is ever chosen. */
export const INSTANCE_MODES = Object.freeze(["active", "draining", "maintenance"] as const);
export type InstanceMode = (typeof INSTANCE_MODES)[number];

/** What an instance is to its users: what an operator has said of it, else what its checks have found. */
export type InstanceState = "passing" | "critical" | "unknown" | "draining" | "maintenance";

/** An instance of a service as the state machine keeps it: its definition and what became of it. */
export interface ServiceInstance extends InstanceConfig {
  /** What the checks say, or, before they have, how it is to be taken until then. */
  readonly status: Status;
  /** Index of the entry that defined what is checked: what is found out about another one does not count. */
  readonly definedIndex: number;
  /** False until checks have decided for the first time. */
  readonly checked: boolean;
  /** Log time at which the checks last decided another status, milliseconds since 1970; 0 before. */
  readonly sinceMs: number;
  /** Log time at which it turned critical while it was in use; 0 while it has not, or has recovered. */
  readonly fellMs: number;
  readonly mode: InstanceMode;
  /** Critical, and used all the same: the protection of its service is on. */
  readonly kept: boolean;
}

/** A service as the state machine keeps it. */
export interface Service extends Omit<ServiceConfig, "node"> {
  readonly node: readonly ServiceInstance[];
  /** Index of the entry that last changed what is registered. */
  readonly definedIndex: number;
  /** Index of the entry that last changed the definition or a status. */
  readonly modifyIndex: number;
  /** Log time since when the service is protected against a mass failure, milliseconds since 1970; 0 while it is not. */
  readonly protectedMs: number;
}

export function stateOf({ mode, checked, status }: ServiceInstance): InstanceState {
  if (mode !== "active") return mode;
  if (!checked) return "unknown";
  return status === 1 ? "passing" : "critical";
}

/** Whether an instance may be chosen, as far as its state goes. */
export function isServed({ mode, status, kept }: ServiceInstance): boolean {
  return mode === "active" && (status === 1 || kept);
}

/** Mass-failure protection as a service has it, with the defaults; null where it is off. */
export interface Protection {
  /** It begins when more than this part of those in use has turned critical within the window, 1 to 99 of a hundred. */
  readonly percent: number;
  readonly windowMs: number;
  /** It ends after this at the latest, if checks get through. */
  readonly limitMs: number;
}

/** Services of fewer instances are not protected: one of two is no mass. */
export const PROTECTED_INSTANCES_MIN = 3;

export function protectionOf({ protect }: Pick<ServiceConfig, "protect">): Protection | null {
  if (protect === "off") return null;
  const { percent = "50", window = "60000", limit = "300000" } = protect ?? {};
  return { percent: Number(percent), windowMs: Number(window), limitMs: Number(limit) };
}

/**
 * Whether a protection that is on has lasted long enough: for its limit, and checks get through, as one of those in use was
 * found passing and has been for a window, or for the limit where that is shorter. The first that recovers proves nothing of
 * the others, which are checked in their turn, and would get all that they are spared.
 * @param nowMs - log time.
 */
export function isProtectionOver({ protectedMs, node }: Service, settings: Protection, nowMs: number): boolean {
  const { windowMs, limitMs } = settings;
  if (nowMs - protectedMs <= limitMs) return false;
  const steadyMs = Math.min(windowMs, limitMs);
  return node.some(
    ({ mode, checked, status, sinceMs }) => mode === "active" && checked && status === 1 && nowMs - sinceMs >= steadyMs,
  );
}

/** Fields of an instance that never leave the node in a reply, an event or a log line. */
export const SECRET_NODE_FIELDS = Object.freeze(["pass", "headers"] as const);

/**
 * Fields of an instance that say how it is named, checked and chosen, not what it is: registered again with these changed
 * alone, it is still the same one and keeps its status.
 */
const SETTINGS: readonly string[] = [
  ...(["id", "tags", "meta", "status", "start", "priority"] as const),
  ...(["interval", "timeout", "rise", "fall", "jitter"] as const),
] satisfies (keyof InstanceConfig)[];

/** Fields that say what became of an instance: its definition has none of them. */
export const INSTANCE_STATE_FIELDS = Object.freeze([
  ...(["definedIndex", "checked", "sinceMs", "fellMs", "mode", "kept"] as const),
] satisfies (keyof ServiceInstance)[]);

const NO_IDENTITY: ReadonlySet<string> = new Set([...SETTINGS, ...INSTANCE_STATE_FIELDS]);

/** What makes two definitions of an instance one and the same, as text that does not depend on the order of the fields. */
export function nodeIdentity(node: ServiceNode): string {
  const fields = Object.entries(node).filter(([field, value]) => !NO_IDENTITY.has(field) && value !== undefined);
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whom a check talks to and as whom: only there may a stored secret go that a definition does not bring itself. */
export function secretAudience(type: ServiceType, { host, port, url, user, script }: ServiceNode): string {
  return JSON.stringify([type, host, port, url, user, script]);
}

/** A copy of an instance's definition that may be shown. */
export function redactNode<T extends ServiceNode>(node: T): T {
  const shown: Record<string, unknown> = { ...node };
  for (const field of SECRET_NODE_FIELDS) if (shown[field] !== undefined) shown[field] = REDACTED;
  return shown as T;
}

/** An instance as replies show it: what was registered, secrets taken out, and its state. */
export interface ShownInstance extends InstanceConfig {
  /** 1: may be chosen. */
  readonly status: Status;
  readonly state: InstanceState;
  /** When the checks last decided another status, ISO 8601 in UTC; absent before they have. */
  readonly since?: string;
}

/** A service as replies show it: the form of the original, and what is new. */
export interface ShownService extends Omit<ServiceConfig, "node"> {
  /** Present while the service is protected against a mass failure. */
  readonly protection?: {
    /** ISO 8601 in UTC. */
    readonly since: string;
    /** Ids of instances that are critical and used all the same. */
    readonly kept: readonly string[];
  };
  readonly node: readonly ShownInstance[];
}

export function showInstance(instance: ServiceInstance): ShownInstance {
  const {
    definedIndex: _index,
    checked: _checked,
    sinceMs,
    fellMs: _fell,
    mode: _mode,
    kept: _kept,
    ...node
  } = instance;
  return {
    ...redactNode(node),
    status: isServed(instance) ? 1 : 0,
    state: stateOf(instance),
    ...(sinceMs === 0 ? {} : { since: new Date(sinceMs).toISOString() }),
  };
}

export function showService(service: Service): ShownService {
  const { definedIndex: _defined, modifyIndex: _modified, protectedMs, node, ...config } = service;
  const kept = node.filter((instance) => instance.kept).map(({ id }) => id);
  const protection = { since: new Date(protectedMs).toISOString(), kept };
  return { ...config, ...(protectedMs === 0 ? {} : { protection }), node: node.map(showInstance) };
}
