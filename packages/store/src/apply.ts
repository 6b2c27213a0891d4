import {
  type ChangeEvent,
  type Command,
  type CommandOutcome,
  decodeMembership,
  ENTRY_KIND,
  entryLogId,
  type LogEntry,
  type Service,
  type ServiceConfig,
  type StampedCommand,
  type StatusChange,
} from "@dister/types";
import { decodeCommand } from "./command-codec.ts";
import { membershipJson } from "./membership-json.ts";
import { keepStatuses } from "./service-definition.ts";
import { rowOfRequest, rowOfService, type State } from "./state.ts";
import type { Tables } from "./tables.ts";

/** What applying a batch came to. */
export interface Applied {
  /** One for each entry, undefined for entries that are not commands. */
  readonly outcomes: readonly (CommandOutcome | undefined)[];
  readonly events: readonly ChangeEvent[];
}

/**
 * Applies entries to the tables and the state beside them. To be run inside one transaction; when it throws, the
 * transaction is to be rolled back and the state to be loaded again.
 * A function of state and entries alone: no clock, no random, nothing that differs between nodes, and no matter how
 * the entries are cut into batches.
 */
export function applyEntries(tables: Tables, state: State, entries: readonly LogEntry[]): Applied {
  const run = new Applying(tables, state);
  const outcomes = entries.map((entry) => run.entry(entry));
  run.finish();
  return { outcomes, events: run.events };
}

class Applying {
  readonly events: ChangeEvent[] = [];
  readonly #tables: Tables;
  readonly #state: State;

  constructor(tables: Tables, state: State) {
    this.#tables = tables;
    this.#state = state;
  }

  entry(entry: LogEntry): CommandOutcome | undefined {
    this.#state.applied = { index: entry.index, term: entry.term };
    this.#state.appliedLogId = entryLogId(entry);
    if (entry.kind === ENTRY_KIND.command) return this.#command(decodeCommand(entry.payload));
    if (entry.kind === ENTRY_KIND.membership) {
      const membership = decodeMembership(entry.payload);
      this.#state.membership = membership;
      this.#tables.membershipPut(membershipJson(membership));
    }
    return undefined;
  }

  /** Writes what is written once for all entries. */
  finish(): void {
    const { requests } = this.#state;
    if (requests.takeDue()) this.#tables.requestsRemoveBefore(requests.oldestLogId());
    this.#tables.positionsPut(this.#state);
  }

  #command({ requestId, timeMs, command }: StampedCommand): CommandOutcome {
    const { requests } = this.#state;
    // A leader with a slow clock must not make anything younger again, so log time only goes on.
    this.#state.logTimeMs = Math.max(this.#state.logTimeMs, timeMs);
    requests.forgetBefore(this.#state.logTimeMs);
    const known = requests.get(requestId);
    if (known !== undefined) return known;

    const changed = this.#run(command);
    const outcome = { requestId, logId: this.#state.appliedLogId, changed };
    requests.remember(outcome, this.#state.logTimeMs);
    this.#tables.requestInsert(rowOfRequest(outcome, this.#state.logTimeMs));
    return outcome;
  }

  /** @returns how many keys, services or statuses were changed. */
  #run(command: Command): number {
    switch (command.type) {
      case "kvSet":
        return this.#kvSet(command.pairs);
      case "kvDelete":
        return this.#kvDelete(command.keys);
      case "serviceSet":
        return this.#serviceSet(command.services);
      case "serviceDelete":
        return this.#serviceDelete(command.names);
      case "serviceStatus":
        return this.#serviceStatus(command.changes);
    }
  }

  #kvSet(pairs: readonly (readonly [string, string])[]): number {
    // A map keeps the place of a key's first coming and the value of its last.
    const last = pairs.length === 1 ? pairs : new Map(pairs);
    let changed = 0;
    for (const [key, value] of last) {
      const record = this.#tables.kvPut(key, value, this.#state.applied.index);
      if (record.version === 1) this.#state.kvCount++;
      this.events.push({ type: "kv", logId: this.#state.appliedLogId, key, record });
      changed++;
    }
    return changed;
  }

  #kvDelete(keys: readonly string[]): number {
    let changed = 0;
    for (const key of keys) {
      if (!this.#tables.kvDelete(key)) continue;
      this.#state.kvCount--;
      this.events.push({ type: "kv", logId: this.#state.appliedLogId, key, record: null });
      changed++;
    }
    return changed;
  }

  #serviceSet(services: readonly ServiceConfig[]): number {
    const { index } = this.#state.applied;
    const last = new Map(services.map((service) => [service.name, service]));
    for (const { name, type, node: wanted } of last.values()) {
      const node = keepStatuses(wanted, this.#state.services.get(name)?.node ?? []);
      this.#putService({ name, type, node, definedIndex: index, modifyIndex: index });
    }
    return last.size;
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
    // Collected per service, so that a large service is copied, written and told once per command.
    const touched = new Map<string, Service>();
    let changed = 0;
    for (const { service: name, definedIndex, node, status } of changes) {
      const service = touched.get(name) ?? this.#state.services.get(name);
      const old = service?.node[node];
      if (service === undefined || old === undefined) continue;
      if (service.definedIndex !== definedIndex || old.status === status) continue;
      const copy = touched.get(name) ?? { ...service, node: [...service.node], modifyIndex: this.#state.applied.index };
      copy.node[node] = { ...old, status };
      touched.set(name, copy);
      changed++;
    }
    for (const service of touched.values()) this.#putService(service);
    return changed;
  }

  #putService(service: Service): void {
    this.#state.services.set(service.name, service);
    this.#tables.servicePut(rowOfService(service));
    this.#serviceEvent(service.name, service);
  }

  #serviceEvent(name: string, service: Service | null): void {
    this.#state.serviceLogId = this.#state.appliedLogId;
    this.events.push({ type: "service", logId: this.#state.appliedLogId, name, service });
  }
}
