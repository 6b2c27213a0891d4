import type { CommandOutcome, LogEntry } from "@dister/types";
import { entryHash } from "../world/log-model.ts";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** One entry for every index that is applied, with one outcome, over all nodes and all time (Raft figure 3). */
export class StateMachineSafety implements Invariant {
  readonly name = "05-state-machine-safety";
  readonly #appliedAt: { readonly entry: string; readonly outcome: string; readonly by: string }[] = [];

  applied(process: Process, entries: readonly LogEntry[], outcomes: readonly (CommandOutcome | undefined)[]): void {
    entries.forEach((entry, at) => {
      const told = { entry: `${entry.term} ${entryHash(entry)}`, outcome: shown(outcomes[at]), by: process.name };
      const known = this.#appliedAt[entry.index];
      if (known === undefined) this.#appliedAt[entry.index] = told;
      else if (known.entry !== told.entry) {
        throw new Error(`${known.by} and ${told.by} applied different entries ${entry.index}`);
      } else if (known.outcome !== told.outcome) {
        throw new Error(
          `entry ${entry.index} came to ${known.outcome} on ${known.by}, to ${told.outcome} on ${told.by}`,
        );
      }
    });
  }
}

function shown(outcome: CommandOutcome | undefined): string {
  return outcome === undefined ? "" : `${outcome.logId}/${outcome.changed}/${outcome.error?.code ?? ""}`;
}
