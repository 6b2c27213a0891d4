import { decodeCommand } from "@dister/store";
import { type CommandOutcome, ENTRY_KIND, entryLogId, LIMITS, type LogEntry, type LogPosition } from "@dister/types";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** No index is applied twice to one state, none is left out, and a request takes effect once, whoever it was sent to. */
export class AppliedOnce implements Invariant {
  readonly name = "11-applied-once";
  /** Requests that took effect once more when they had been forgotten. */
  readonly forgotten = new Set<string>();
  readonly #appliedOf = new Map<Process, number>();
  readonly #effectOf = new Map<string, { logId: number; logTimeMs: number }>();
  /** Log time behind each index: the highest stamp so far. */
  readonly #logTimeMs: number[] = [];

  started(process: Process): void {
    this.#appliedOf.set(process, process.state.applied().index);
  }

  restored(process: Process, position: LogPosition): void {
    this.#appliedOf.set(process, position.index);
  }

  ended(process: Process): void {
    this.#appliedOf.delete(process);
  }

  applied(process: Process, entries: readonly LogEntry[], outcomes: readonly (CommandOutcome | undefined)[]): void {
    entries.forEach((entry, at) => {
      const before = this.#appliedOf.get(process);
      if (before !== undefined && entry.index !== before + 1) {
        throw new Error(`${process.name} applied ${entry.index} behind ${before}`);
      }
      this.#appliedOf.set(process, entry.index);
      const outcome = outcomes[at];
      if (entry.kind === ENTRY_KIND.command && outcome !== undefined) this.#effect(process, entry, outcome);
    });
  }

  #effect(process: Process, entry: LogEntry, outcome: CommandOutcome): void {
    const { requestId, timeMs } = decodeCommand(entry.payload);
    const logTimeMs = Math.max(timeMs, this.#logTimeMs.at(-1) ?? 0);
    // Whoever applies an entry first goes before everybody else, so that the highest stamp is that of all before it.
    if (entry.index >= this.#logTimeMs.length) this.#logTimeMs[entry.index] = logTimeMs;
    const known = this.#effectOf.get(requestId);
    if (known === undefined) this.#effectOf.set(requestId, { logId: outcome.logId, logTimeMs });
    const first = known?.logId ?? entryLogId(entry);
    if (outcome.logId === first) return;
    // What is forgotten is forgotten by log time, which jumps when leaders' clocks are apart (docs/internals/consensus.md, 9).
    const passedMs = this.#logTimeMs[entry.index]! - (known?.logTimeMs ?? 0);
    if (passedMs > LIMITS.requestIdKeptMs) {
      this.forgotten.add(requestId);
      return;
    }
    throw new Error(`request ${requestId} took effect at ${first} and, on ${process.name}, at ${outcome.logId}`);
  }
}
