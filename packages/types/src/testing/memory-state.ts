import type { Command, CommandOutcome, ServiceCommand, StampedCommand } from "../command.ts";
import type { ChangeEvent, KvRecord } from "../contracts/state-reader.ts";
import { isDisterError } from "../errors.ts";
import type { LogId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { entryLogId, LOG_START, type LogEntry, type LogPosition } from "../log-entry.ts";
import type { Membership } from "../membership.ts";
import type { Service } from "../service.ts";
import { isServiceCommand, MemoryServices } from "./memory-services.ts";

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

    const result = this.#run(entry.index, stamped.command, events);
    const outcome = { requestId: stamped.requestId, logId: this.appliedLogId, ...result };
    this.requests.set(stamped.requestId, { timeMs: this.logTimeMs, outcome });
    for (const id of this.requests.keys()) {
      if (this.requests.size <= LIMITS.requestIdsKeptMax) break;
      this.requests.delete(id);
    }
    return outcome;
  }

  #run(index: number, command: Command, events: ChangeEvent[]): Pick<CommandOutcome, "changed" | "error"> {
    if (isServiceCommand(command)) return this.#services(index, command, events);
    if (command.type === "kvSet") {
      const pairs = new Map(command.pairs);
      for (const [key, value] of pairs) this.#kvSet(index, key, value, events);
      return { changed: pairs.size };
    }
    const keys = [...new Set(command.keys)].filter((key) => this.kv.delete(key));
    for (const key of keys) events.push({ type: "kv", logId: this.appliedLogId, key, record: null });
    return { changed: keys.length };
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

  #services(index: number, command: ServiceCommand, events: ChangeEvent[]): Pick<CommandOutcome, "changed" | "error"> {
    const after = new MemoryServices(this.services, { index, nowMs: this.logTimeMs });
    try {
      after.run(command);
    } catch (error) {
      if (!isDisterError(error)) throw error;
      return { changed: 0, error: { code: error.code, message: error.message } };
    }
    this.services = after.all;
    for (const name of after.told) {
      events.push({ type: "service", logId: this.appliedLogId, name, service: after.all.get(name) ?? null });
      this.serviceLogId = this.appliedLogId;
    }
    return { changed: after.changed };
  }
}
