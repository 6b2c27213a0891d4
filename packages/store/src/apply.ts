import {
  type ChangeEvent,
  type Command,
  type CommandOutcome,
  decodeMembership,
  ENTRY_KIND,
  type ErrorCode,
  entryLogId,
  isDisterError,
  type LogEntry,
  type StampedCommand,
} from "@dister/types";
import { ApplyingServices } from "./apply-services.ts";
import { decodeCommand } from "./command-codec.ts";
import { membershipJson } from "./membership-json.ts";
import { rowOfRequest, type State } from "./state.ts";
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

/** What the state may say of a command that nobody could judge before. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "DISTER_ERR_INVALID",
  "DISTER_ERR_TOO_LARGE",
  "DISTER_ERR_INSTANCE_NOT_FOUND",
]);

class Applying {
  readonly events: ChangeEvent[] = [];
  readonly #tables: Tables;
  readonly #state: State;
  readonly #services: ApplyingServices;

  constructor(tables: Tables, state: State) {
    this.#tables = tables;
    this.#state = state;
    this.#services = new ApplyingServices({ tables, state, events: this.events });
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

    const outcome = { requestId, logId: this.#state.appliedLogId, ...this.#runOrRefuse(command) };
    requests.remember(outcome, this.#state.logTimeMs);
    this.#tables.requestInsert(rowOfRequest(outcome, this.#state.logTimeMs));
    return outcome;
  }

  /** A refusal is an outcome like any other: the same on every node, and nothing is changed. */
  #runOrRefuse(command: Command): Pick<CommandOutcome, "changed" | "error"> {
    try {
      return { changed: this.#run(command) };
    } catch (error) {
      if (!isDisterError(error)) throw error;
      if (!REFUSALS.has(error.code)) throw error;
      return { changed: 0, error: { code: error.code, message: error.message } };
    }
  }

  /** @returns how many keys, services or instances were changed. */
  #run(command: Command): number {
    switch (command.type) {
      case "kvSet":
        return this.#kvSet(command.pairs);
      case "kvDelete":
        return this.#kvDelete(command.keys);
      default:
        return this.#services.run(command);
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
}
