import type {
  Command,
  InstanceDeleteCommand,
  InstanceModeCommand,
  InstanceSetCommand,
  ServiceCommand,
  ServiceDeleteCommand,
  ServiceSetCommand,
  ServiceStatusCommand,
} from "../command.ts";
import { DisterError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { Status } from "../node-info.ts";
import { REDACTED } from "../redacted.ts";
import type { InstanceConfig, Service, ServiceConfig, ServiceInstance } from "../service.ts";
import { reviewed } from "./memory-protection.ts";
import { compareText } from "./text-order.ts";

/** How an instance is named, checked and chosen. With all else equal it is the same instance. */
const SETTINGS = ["id", "tags", "meta", "status", "start", "priority", "interval", "timeout", "rise", "fall", "jitter"];
/** What became of it. */
const FOUND = ["definedIndex", "checked", "sinceMs", "fellMs", "mode", "kept"];

export function isServiceCommand(command: Command): command is ServiceCommand {
  return command.type !== "kvSet" && command.type !== "kvDelete";
}

/**
 * The services as one command leaves them, by the plain rules: one instance after the other, each looked up anew, in a copy
 * that is thrown away when the command is refused.
 */
export class MemoryServices {
  readonly all: Map<string, Service>;
  /** Names of the services that are told of, in this order. */
  readonly told = new Set<string>();
  changed = 0;
  readonly #index: number;
  readonly #nowMs: number;

  /** @param nowMs - log time. */
  constructor(before: ReadonlyMap<string, Service>, entry: { readonly index: number; readonly nowMs: number }) {
    this.all = new Map(before);
    this.#index = entry.index;
    this.#nowMs = entry.nowMs;
  }

  /** @throws DisterError `DISTER_ERR_INVALID`, `DISTER_ERR_TOO_LARGE`, `DISTER_ERR_INSTANCE_NOT_FOUND` for a command that is refused. */
  run(command: ServiceCommand): void {
    switch (command.type) {
      case "serviceSet":
        return this.#serviceSet(command);
      case "serviceDelete":
        return this.#serviceDelete(command);
      case "serviceStatus":
        return this.#serviceStatus(command);
      case "instanceSet":
        return this.#instanceSet(command);
      case "instanceDelete":
        return this.#instanceDelete(command);
      case "instanceMode":
        return this.#instanceMode(command);
    }
  }

  #serviceSet({ services }: ServiceSetCommand): void {
    const last = new Map(services.map((service) => [service.name, service]));
    for (const given of last.values()) {
      const old = this.all.get(given.name);
      const node = given.node.map((wanted) => this.#instance(given, wanted, old));
      this.#define({ ...given, node }, old);
      this.changed++;
    }
    this.#refuseTooLarge();
  }

  #serviceDelete({ names }: ServiceDeleteCommand): void {
    for (const name of names) {
      if (!this.all.delete(name)) continue;
      this.told.add(name);
      this.changed++;
    }
  }

  #instanceSet({ services }: InstanceSetCommand): void {
    for (const given of services) {
      const old = this.all.get(given.name);
      if (old !== undefined && old.type !== given.type) {
        throw refusal(`service ${given.name}, type`, given.type, `${old.type}, as registered`);
      }
      const node = [...(old?.node ?? [])];
      for (const wanted of given.node) {
        const at = node.findIndex(({ id }) => id === wanted.id);
        node.splice(at < 0 ? node.length : at, 1, this.#instance(given, wanted, old));
      }
      if (node.length > LIMITS.serviceNodesMax) {
        throw refusal(`service ${given.name}, node`, `${node.length} instances`, `at most ${LIMITS.serviceNodesMax}`);
      }
      this.#define({ ...old, ...given, node }, old);
      this.changed += given.node.length;
    }
    this.#refuseTooLarge();
  }

  /** Of those that were registered, when all of the command is done. */
  #refuseTooLarge(): void {
    for (const service of this.told) {
      const { name, type, protect, slowstart, node } = this.all.get(service)!;
      const given = node.map((one) =>
        Object.entries({ ...one, status: 0 }).filter(([field]) => !FOUND.includes(field)),
      );
      const text = JSON.stringify({ name, type, protect, slowstart, node: given.map(Object.fromEntries) });
      const bytes = new TextEncoder().encode(text).length;
      const allowed = LIMITS.serviceBytesMax;
      if (bytes > allowed)
        throw new DisterError("DISTER_ERR_TOO_LARGE", { field: `service ${service}`, bytes, allowed });
    }
  }

  #instanceDelete({ instances }: InstanceDeleteCommand): void {
    const names = new Set(instances.map(({ service }) => service));
    for (const name of names) {
      const gone = instances.filter(({ service }) => service === name).map(({ id }) => id);
      const old = this.all.get(name);
      const node = old?.node.filter(({ id }) => !gone.includes(id)) ?? [];
      if (old === undefined || node.length === old.node.length) continue;
      this.changed += old.node.length - node.length;
      if (node.length > 0) this.#define({ ...old, node }, old);
      else {
        this.all.delete(name);
        this.told.add(name);
      }
    }
  }

  #instanceMode({ changes }: InstanceModeCommand): void {
    for (const { service, id } of changes) {
      if (this.#find(service, id) === undefined) {
        throw new DisterError("DISTER_ERR_INSTANCE_NOT_FOUND", { name: service, id });
      }
    }
    const touched = new Set<string>();
    for (const { service, id, mode } of changes) {
      const old = this.#find(service, id)!;
      if (old.mode === mode) continue;
      this.#replace(service, { ...old, mode });
      touched.add(service);
      this.changed++;
    }
    for (const name of touched) this.#look(name);
  }

  #serviceStatus({ changes }: ServiceStatusCommand): void {
    const touched = new Set<string>();
    for (const { service, id, definedIndex, status } of changes) {
      const old = this.#find(service, id);
      if (old === undefined || old.definedIndex !== definedIndex) continue;
      if (status === null ? !old.checked : old.checked && old.status === status) continue;
      this.#replace(service, status === null ? { ...old, ...unchecked(old) } : checked(old, status, this.#nowMs));
      touched.add(service);
      this.changed++;
    }
    for (const name of touched) this.#look(name);
    // Time has passed for the others as well: a protection may be over that nothing is said of.
    for (const name of [...this.all.keys()].sort(compareText)) {
      const service = this.all.get(name)!;
      if (touched.has(name) || service.protectedMs === 0) continue;
      if (reviewed(service, this.#nowMs).protectedMs === 0) this.#look(name);
    }
  }

  /** An instance as it is after it was registered. */
  #instance({ name, type }: ServiceConfig, wanted: InstanceConfig, old: Service | undefined): ServiceInstance {
    const before = old?.node.find(({ id }) => id === wanted.id);
    let config = wanted;
    for (const field of ["pass", "headers"] as const) {
      if (wanted[field] !== REDACTED) continue;
      const stored = old?.type === type && before !== undefined && goToOnePlace(wanted, before) && before[field];
      if (typeof stored !== "string") {
        const allowed = `the value itself: ${REDACTED} stands for one that is stored for this id with the same address and user`;
        throw refusal(`service ${name}, instance ${wanted.id}, ${field}`, REDACTED, allowed);
      }
      config = { ...config, [field]: stored };
    }
    const mode = before?.mode ?? "active";
    if (before === undefined || old?.type !== type || !isSame(config, before)) {
      return { ...config, ...unchecked(config), mode, definedIndex: this.#index };
    }
    const { status, sinceMs, fellMs, definedIndex } = before;
    if (!before.checked) return { ...config, ...unchecked(config), mode, definedIndex };
    return { ...config, status, sinceMs, fellMs, definedIndex, mode, checked: true, kept: before.kept };
  }

  #define(given: Omit<Service, "definedIndex" | "modifyIndex" | "protectedMs">, old: Service | undefined): void {
    const protectedMs = old?.protectedMs ?? 0;
    this.all.set(given.name, { ...given, protectedMs, definedIndex: this.#index, modifyIndex: this.#index });
    this.#look(given.name);
  }

  /** What follows whatever changes a service: its protection is looked at, and it is told of. */
  #look(name: string): void {
    const service = reviewed(this.all.get(name)!, this.#nowMs);
    this.all.set(name, { ...service, modifyIndex: this.#index });
    this.told.add(name);
  }

  #find(service: string, id: string): ServiceInstance | undefined {
    return this.all.get(service)?.node.find((instance) => instance.id === id);
  }

  #replace(name: string, instance: ServiceInstance): void {
    const service = this.all.get(name)!;
    this.all.set(name, { ...service, node: service.node.map((one) => (one.id === instance.id ? instance : one)) });
  }
}

function unchecked({ start }: InstanceConfig) {
  const status: Status = start === "passing" ? 1 : 0;
  return { status, checked: false, sinceMs: 0, fellMs: 0, kept: false };
}

function checked(old: ServiceInstance, status: Status, nowMs: number): ServiceInstance {
  const turned = old.status === 1 && status === 0;
  // One that an operator took out was not in use, so it is not missed.
  const fellMs = status === 1 ? 0 : turned && old.mode === "active" ? nowMs : old.fellMs;
  return { ...old, status, checked: true, sinceMs: nowMs, fellMs };
}

function goToOnePlace(a: InstanceConfig, b: InstanceConfig): boolean {
  return (["host", "port", "url", "user", "script"] as const).every((field) => a[field] === b[field]);
}

function isSame(given: InstanceConfig, before: ServiceInstance): boolean {
  const what = (one: object) =>
    new Map(Object.entries(one).filter(([field]) => !SETTINGS.includes(field) && !FOUND.includes(field)));
  const [a, b] = [what(given), what(before)];
  return a.size === b.size && [...a].every(([field, value]) => b.has(field) && b.get(field) === value);
}

function refusal(field: string, got: string, allowed: string): DisterError {
  return new DisterError("DISTER_ERR_INVALID", { field, got, allowed });
}
