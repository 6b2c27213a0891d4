import {
  type ChangeEvent,
  DisterError,
  type InstanceName,
  LIMITS,
  type ModeChange,
  type Service,
  type ServiceCommand,
  type ServiceConfig,
  type ServiceInstance,
  type StatusChange,
} from "@dister/types";
import { compareText } from "./key-range.ts";
import { protectedService } from "./protection.ts";
import { type Moment, registered, withInstances, withMode, withoutInstances, withStatus } from "./service-changes.ts";
import { rowOfService, stateRowOfService } from "./service-row.ts";
import type { State } from "./state.ts";
import type { ServiceRow, Tables } from "./tables.ts";

/**
 * Applies what is said of services. A refusal is an error of the catalogue, thrown before anything is changed.
 */
export class ApplyingServices {
  readonly #tables: Tables;
  readonly #state: State;
  readonly #events: ChangeEvent[];

  /** @param parts.events - what was changed is put behind these. */
  constructor(parts: { tables: Tables; state: State; events: ChangeEvent[] }) {
    this.#tables = parts.tables;
    this.#state = parts.state;
    this.#events = parts.events;
  }

  /** @returns how many services or instances were changed. */
  run(command: ServiceCommand): number {
    switch (command.type) {
      case "serviceSet":
        return this.#serviceSet(command.services);
      case "serviceDelete":
        return this.#serviceDelete(command.names);
      case "serviceStatus":
        return this.#serviceStatus(command.changes);
      case "instanceSet":
        return this.#instanceSet(command.services);
      case "instanceDelete":
        return this.#instanceDelete(command.instances);
      case "instanceMode":
        return this.#instanceMode(command.changes);
    }
  }

  #serviceSet(services: readonly ServiceConfig[]): number {
    const last = new Map(services.map((service) => [service.name, service]));
    const { services: known } = this.#state;
    const made = [...last.values()].map((given) => registered(given, known.get(given.name), this.#moment));
    this.#putDefined(made);
    return made.length;
  }

  #instanceSet(services: readonly ServiceConfig[]): number {
    const made = new Map<string, Service>();
    for (const given of services) {
      made.set(
        given.name,
        withInstances(given, made.get(given.name) ?? this.#state.services.get(given.name), this.#moment),
      );
    }
    this.#putDefined([...made.values()]);
    return services.reduce((sum, { node }) => sum + node.length, 0);
  }

  #instanceDelete(instances: readonly InstanceName[]): number {
    let changed = 0;
    for (const [name, ids] of idsByService(instances)) {
      const old = this.#state.services.get(name);
      if (old === undefined) continue;
      const left = withoutInstances(old, ids, this.#moment);
      const removed = old.node.length - (left?.node.length ?? 0);
      if (removed === 0) continue;
      changed += removed;
      if (left === undefined) this.#serviceDelete([name]);
      else this.#putService(left, rowOfService(left));
    }
    return changed;
  }

  #instanceMode(changes: readonly ModeChange[]): number {
    const known = new Map<string, ReadonlySet<string>>();
    for (const { service: name, id } of changes) {
      const ids = known.get(name) ?? new Set(this.#state.services.get(name)?.node.map((instance) => instance.id));
      if (!ids.has(id)) throw new DisterError("DISTER_ERR_INSTANCE_NOT_FOUND", { name, id });
      known.set(name, ids);
    }
    return this.#changeInstances(changes, (instance, { mode }) => withMode(instance, mode));
  }

  #serviceDelete(names: readonly string[]): number {
    let changed = 0;
    for (const name of names) {
      if (!this.#state.services.delete(name)) continue;
      this.#tables.serviceDelete(name);
      this.#serviceEvent(name, null);
      changed++;
    }
    return changed;
  }

  #serviceStatus(changes: readonly StatusChange[]): number {
    const isProtected = [...this.#state.services.values()].filter(({ protectedMs }) => protectedMs > 0);
    const changed = this.#changeInstances(changes, (instance, { definedIndex, status }) =>
      instance.definedIndex === definedIndex ? withStatus(instance, status, this.#moment) : undefined,
    );
    // Time has passed for the others as well. By name: the order of the map is another one after a restart.
    for (const { name } of isProtected.sort((a, b) => compareText(a.name, b.name))) this.#endProtection(name);
    return changed;
  }

  /**
   * Changes instances where they stand.
   * @param change - undefined for one that stays as it is.
   */
  #changeInstances<C extends InstanceName>(
    changes: readonly C[],
    change: (instance: ServiceInstance, change: C) => ServiceInstance | undefined,
  ): number {
    // Collected per service, so that a large service is copied, written and told once per command.
    const copies = new Map<string, Copy>();
    const touched = new Map<string, ServiceInstance[]>();
    let changed = 0;
    for (const one of changes) {
      const { service: name, id } = one;
      // Also of a service of which nothing turns out to change: there may be thousands of changes for it.
      const { node, places } = copies.get(name) ?? copyOf(this.#state.services.get(name));
      copies.set(name, { node, places });
      const at = places.get(id);
      const next = at === undefined ? undefined : change(node[at]!, one);
      if (at === undefined || next === undefined) continue;
      node[at] = next;
      touched.set(name, node);
      changed++;
    }
    const { index: modifyIndex, timeMs } = this.#moment;
    for (const [name, node] of touched) {
      const service = { ...this.#state.services.get(name)!, node, modifyIndex };
      this.#putState(protectedService(service, timeMs));
    }
    return changed;
  }

  /** Puts a service whose protection is over because time has passed; as long as it is on, time changes nothing else. */
  #endProtection(name: string): void {
    const { index: modifyIndex, timeMs } = this.#moment;
    const service = this.#state.services.get(name)!;
    if (service.protectedMs === 0) return;
    const reviewed = protectedService(service, timeMs);
    if (reviewed.protectedMs === 0) this.#putState({ ...reviewed, modifyIndex });
  }

  get #moment(): Moment {
    return { index: this.#state.applied.index, timeMs: this.#state.logTimeMs };
  }

  /** As below, for a service whose definition stays. */
  #putState(service: Service): void {
    this.#state.services.set(service.name, service);
    this.#tables.serviceStatePut(service.name, stateRowOfService(service));
    this.#serviceEvent(service.name, service);
  }

  /** Everything is made before anything is put: one refusal refuses the whole command. */
  #putDefined(services: readonly Service[]): void {
    const rows = services.map(rowWithinLimit);
    for (const [at, service] of services.entries()) this.#putService(service, rows[at]!);
  }

  #putService(service: Service, row: ServiceRow): void {
    this.#state.services.set(service.name, service);
    this.#tables.servicePut(row);
    this.#serviceEvent(service.name, service);
  }

  #serviceEvent(name: string, service: Service | null): void {
    this.#state.serviceLogId = this.#state.appliedLogId;
    this.#events.push({ type: "service", logId: this.#state.appliedLogId, name, service });
  }
}

/** The instances of a service, to be changed, and where each of them stands. */
interface Copy {
  readonly node: ServiceInstance[];
  readonly places: ReadonlyMap<string, number>;
}

function copyOf(service: Service | undefined): Copy {
  const node = [...(service?.node ?? [])];
  return { node, places: new Map(node.map(({ id }, at) => [id, at])) };
}

/** Secrets that stars stood for, and instances that came one by one, may have made it larger than any command. */
function rowWithinLimit(service: Service): ServiceRow {
  const row = rowOfService(service);
  const bytes = Buffer.byteLength(row.definition);
  const allowed = LIMITS.serviceBytesMax;
  if (bytes <= allowed) return row;
  throw new DisterError("DISTER_ERR_TOO_LARGE", { field: `service ${service.name}`, bytes, allowed });
}

function idsByService(instances: readonly InstanceName[]): Map<string, Set<string>> {
  const byService = new Map<string, Set<string>>();
  for (const { service, id } of instances) {
    const ids = byService.get(service) ?? new Set();
    byService.set(service, ids.add(id));
  }
  return byService;
}
