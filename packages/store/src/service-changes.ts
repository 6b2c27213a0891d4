import {
  DisterError,
  type InstanceConfig,
  type InstanceMode,
  LIMITS,
  nodeIdentity,
  REDACTED,
  SECRET_NODE_FIELDS,
  type Service,
  type ServiceConfig,
  type ServiceInstance,
  type Status,
  secretAudience,
} from "@dister/types";
import { protectedService } from "./protection.ts";

/** The entry that changes something. */
export interface Moment {
  readonly index: number;
  /** Log time. */
  readonly timeMs: number;
}

/**
 * A service as it is after it was registered as a whole: instances that are the same as before keep what became of them.
 * @throws DisterError `DISTER_ERR_INVALID` for a secret that is not given and not known.
 */
export function registered(given: ServiceConfig, old: Service | undefined, moment: Moment): Service {
  const { node, ...config } = given;
  return defined({ ...config, node: instancesOf(given, node, old, moment) }, old, moment);
}

/**
 * A service as it is after some of its instances were registered; without `old` it is made of them.
 * @throws DisterError `DISTER_ERR_INVALID` as above, for another type, and for more instances than a service may have.
 */
export function withInstances(given: ServiceConfig, old: Service | undefined, moment: Moment): Service {
  if (old === undefined) return registered(given, old, moment);
  if (old.type !== given.type) throw refusal(`service ${given.name}, type`, given.type, `${old.type}, as registered`);
  const { node: added, ...settings } = given;
  const instances = instancesOf(given, added, old, moment);
  const byId = new Map(instances.map((instance) => [instance.id, instance]));
  const node = old.node.map((instance) => byId.get(instance.id) ?? instance);
  const known = new Set(old.node.map(({ id }) => id));
  node.push(...instances.filter(({ id }) => !known.has(id)));
  if (node.length > LIMITS.serviceNodesMax) {
    throw refusal(`service ${given.name}, node`, `${node.length} instances`, `at most ${LIMITS.serviceNodesMax}`);
  }
  const { definedIndex: _defined, modifyIndex: _modified, protectedMs: _protected, ...config } = old;
  return defined({ ...config, ...settings, node }, old, moment);
}

/** A service without some of its instances; undefined when none is left. */
export function withoutInstances(old: Service, ids: ReadonlySet<string>, moment: Moment): Service | undefined {
  const node = old.node.filter(({ id }) => !ids.has(id));
  return node.length === 0 ? undefined : defined({ ...old, node }, old, moment);
}

/** An instance after its checks have decided; null makes it unchecked. Undefined when that changes nothing. */
export function withStatus(
  old: ServiceInstance,
  status: Status | null,
  { timeMs }: Moment,
): ServiceInstance | undefined {
  if (status === null) return old.checked ? { ...old, ...unchecked(old) } : undefined;
  if (old.checked && old.status === status) return undefined;
  // One that an operator took out of use fails unnoticed: it is not missed when it comes back.
  const turned = old.status === 1 && old.mode === "active";
  const fellMs = status === 1 ? 0 : turned ? timeMs : old.fellMs;
  return { ...old, status, checked: true, sinceMs: timeMs, fellMs, kept: status === 0 && old.kept };
}

/** An instance after an operator has spoken. Out of use it has no part in a protection. Undefined when nothing changes. */
export function withMode(old: ServiceInstance, mode: InstanceMode): ServiceInstance | undefined {
  return old.mode === mode ? undefined : { ...old, mode, kept: false };
}

function instancesOf(
  { name, type }: ServiceConfig,
  wanted: readonly InstanceConfig[],
  old: Service | undefined,
  { index }: Moment,
): ServiceInstance[] {
  const known = new Map(old?.node.map((instance) => [instance.id, instance]));
  return wanted.map((given) => {
    const before = known.get(given.id);
    const config = withSecrets(given, before, { name, sameAudience: isSameAudience(type, given, old?.type, before) });
    if (before !== undefined && old?.type === type && nodeIdentity(config) === nodeIdentity(before)) {
      const { status, definedIndex, checked, sinceMs, fellMs, mode, kept } = before;
      // Until its checks have decided, how it is to be taken follows what is registered.
      const found = checked ? { status, checked, sinceMs, fellMs, kept } : unchecked(config);
      return { ...config, ...found, definedIndex, mode };
    }
    return { ...config, ...unchecked(config), definedIndex: index, mode: before?.mode ?? "active" };
  });
}

function unchecked({ start }: InstanceConfig) {
  const status: Status = start === "passing" ? 1 : 0;
  return { status, checked: false, sinceMs: 0, fellMs: 0, kept: false };
}

function isSameAudience(
  type: ServiceConfig["type"],
  given: InstanceConfig,
  oldType: ServiceConfig["type"] | undefined,
  before: InstanceConfig | undefined,
): boolean {
  if (oldType === undefined || before === undefined) return false;
  return secretAudience(type, given) === secretAudience(oldType, before);
}

/** The stars of a reply that is written back stand for what is stored, but only where it would go to the same place. */
function withSecrets(
  given: InstanceConfig,
  before: InstanceConfig | undefined,
  { name, sameAudience }: { name: string; sameAudience: boolean },
): InstanceConfig {
  let config = given;
  for (const field of SECRET_NODE_FIELDS) {
    if (given[field] !== REDACTED) continue;
    const stored = sameAudience ? before?.[field] : undefined;
    if (stored === undefined) {
      const allowed = `the value itself: ${REDACTED} stands for one that is stored for this id with the same address and user`;
      throw refusal(`service ${name}, instance ${given.id}, ${field}`, REDACTED, allowed);
    }
    config = { ...config, [field]: stored };
  }
  return config;
}

function defined(
  service: Omit<Service, "definedIndex" | "modifyIndex" | "protectedMs">,
  old: Service | undefined,
  { index, timeMs }: Moment,
): Service {
  const indexes = { definedIndex: index, modifyIndex: index, protectedMs: old?.protectedMs ?? 0 };
  return protectedService({ ...service, ...indexes }, timeMs);
}

function refusal(field: string, got: string, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
}
