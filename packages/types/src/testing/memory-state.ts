import type { Command, CommandOutcome, StampedCommand, StatusChange } from "../command.ts";
import type { ChangeEvent, KvRecord } from "../contracts/state-reader.ts";
import type { LogId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { entryLogId, LOG_START, type LogEntry, type LogPosition } from "../log-entry.ts";
import type { Membership } from "../membership.ts";
import { nodeIdentity, type Service, type ServiceConfig } from "../service.ts";

/** A request that was applied, and the log time of that. */
export interface RememberedRequest {
  readonly timeMs: number;
  readonly outcome: CommandOutcome;
}

/**
 * The state that the log is applied to, in plain maps, written as literally as the rules are told: this is what faster
 * state machines are compared with. Applying cannot fail; whoever calls has decoded everything before.
 */
export class MemoryState {
  applied: LogPosition = LOG_START;
  appliedLogId: LogId = 0;
  serviceLogId: LogId = 0;
  /** The newest time that any command carried: the clock of the state machine, which never goes back. */
  logTimeMs = 0;
  membership: Membership | undefined;
  kv = new Map<string, KvRecord>();
  services = new Map<string, Service>();
  /** Oldest first. */
  requests = new Map<string, RememberedRequest>();

  /** A state that goes its own way from here on; records are shared, for nobody writes to them. */
  copy(): MemoryState {
    const copy = new MemoryState();
    Object.assign(copy, this);
    copy.kv = new Map(this.kv);
    copy.services = new Map(this.services);
    copy.requests = new Map(this.requests);
    return copy;
  }

  /** Moves the applied position over an entry that is not a command. */
  pass(entry: LogEntry, membership?: Membership): void {
    this.applied = { index: entry.index, term: entry.term };
    this.appliedLogId = entryLogId(entry);
    if (membership !== undefined) this.membership = membership;
  }

  /** Applies a command entry; the events of what it changed go into `events`. */
  command(entry: LogEntry, stamped: StampedCommand, events: ChangeEvent[]): CommandOutcome {
    this.pass(entry);
    this.logTimeMs = Math.max(this.logTimeMs, stamped.timeMs);
    for (const [id, request] of this.requests) {
      if (this.logTimeMs - request.timeMs <= LIMITS.requestIdKeptMs) break;
      this.requests.delete(id);
    }
    const known = this.requests.get(stamped.requestId);
    if (known !== undefined) return known.outcome;

    const before = events.length;
    const changed = this.#run(entry.index, stamped.command, events);
    if (events.slice(before).some((event) => event.type === "service")) this.serviceLogId = this.appliedLogId;
    const outcome = { requestId: stamped.requestId, logId: this.appliedLogId, changed };
    this.requests.set(stamped.requestId, { timeMs: this.logTimeMs, outcome });
    for (const id of this.requests.keys()) {
      if (this.requests.size <= LIMITS.requestIdsKeptMax) break;
      this.requests.delete(id);
    }
    return outcome;
  }

  #run(index: number, command: Command, events: ChangeEvent[]): number {
    switch (command.type) {
      case "kvSet": {
        const pairs = new Map(command.pairs);
        for (const [key, value] of pairs) this.#kvSet(index, key, value, events);
        return pairs.size;
      }
      case "kvDelete": {
        const keys = [...new Set(command.keys)].filter((key) => this.kv.delete(key));
        for (const key of keys) events.push({ type: "kv", logId: this.appliedLogId, key, record: null });
        return keys.length;
      }
      case "serviceSet": {
        const services = new Map(command.services.map((service) => [service.name, service]));
        for (const service of services.values()) this.#serviceSet(index, service, events);
        return services.size;
      }
      case "serviceDelete": {
        const names = [...new Set(command.names)].filter((name) => this.services.delete(name));
        for (const name of names) events.push({ type: "service", logId: this.appliedLogId, name, service: null });
        return names.length;
      }
      case "serviceStatus":
        return this.#serviceStatus(index, command.changes, events);
    }
  }

  #kvSet(index: number, key: string, value: string, events: ChangeEvent[]): void {
    const old = this.kv.get(key);
    const record: KvRecord = {
      key,
      value,
      createIndex: old?.createIndex ?? index,
      modifyIndex: index,
      version: (old?.version ?? 0) + 1,
    };
    this.kv.set(key, record);
    events.push({ type: "kv", logId: this.appliedLogId, key, record });
  }

  #serviceSet(index: number, given: ServiceConfig, events: ChangeEvent[]): void {
    const { name, type } = given;
    // Equal nodes of the old list are used up one after the other, so that twins keep their own status.
    const old = [...(this.services.get(name)?.node ?? [])];
    const node = given.node.map((wanted) => {
      const found = old.findIndex((candidate) => nodeIdentity(candidate) === nodeIdentity(wanted));
      const [kept] = found < 0 ? [] : old.splice(found, 1);
      return { ...wanted, status: kept?.status ?? 0 };
    });
    const service: Service = { name, type, node, definedIndex: index, modifyIndex: index };
    this.services.set(name, service);
    events.push({ type: "service", logId: this.appliedLogId, name, service });
  }

  #serviceStatus(index: number, changes: readonly StatusChange[], events: ChangeEvent[]): number {
    let changed = 0;
    const touched = new Set<string>();
    for (const change of changes) {
      const service = this.services.get(change.service);
      const old = service?.node[change.node];
      if (service === undefined || old === undefined) continue;
      if (service.definedIndex !== change.definedIndex || old.status === change.status) continue;
      const node = service.node.with(change.node, { ...old, status: change.status });
      this.services.set(service.name, { ...service, node, modifyIndex: index });
      touched.add(service.name);
      changed++;
    }
    for (const name of touched) {
      events.push({ type: "service", logId: this.appliedLogId, name, service: this.services.get(name)! });
    }
    return changed;
  }
}

/** Orders text as its UTF-8 bytes are ordered: by code points, which UTF-16 units beyond U+FFFF are not. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x === y) continue;
    const [xIsHalf, yIsHalf] = [isSurrogate(x), isSurrogate(y)];
    // A surrogate stands for a code point above U+FFFF, though units from U+E000 on are greater numbers.
    if (xIsHalf !== yIsHalf) return xIsHalf ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
