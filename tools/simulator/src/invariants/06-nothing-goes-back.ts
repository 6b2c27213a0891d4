import type { CoreStatus } from "@dister/raft";
import type { LogStore } from "@dister/types";
import type { LogImage } from "../world/log-model.ts";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** Term, commit index and applied index never go back while a node runs; the durable term not even over restarts. */
export class NothingGoesBack implements Invariant {
  readonly name = "06-nothing-goes-back";
  readonly #seen = new Map<Process, { term: number; commit: number; applied: number }>();

  opened({ machine, name }: Process, _log: LogStore, found: LogImage): void {
    const before = machine.model?.durable.hardState.term ?? 0;
    if (found.hardState.term < before) throw new Error(`${name} had term ${before}, now ${found.hardState.term}`);
  }

  started({ machine, state, name }: Process): void {
    const applied = state.applied().index;
    if (applied < machine.appliedDurable.index) {
      throw new Error(`${name} had applied ${machine.appliedDurable.index} durably, now ${applied}`);
    }
  }

  stepped(process: Process, { term, commitIndex: commit, appliedIndex: applied }: CoreStatus): void {
    const before = this.#seen.get(process);
    if (before !== undefined) {
      if (term < before.term) throw new Error(`${process.name} went back from term ${before.term} to ${term}`);
      if (commit < before.commit)
        throw new Error(`${process.name} went back from commit ${before.commit} to ${commit}`);
      if (applied < before.applied)
        throw new Error(`${process.name} went back from ${before.applied} to ${applied} applied`);
    }
    this.#seen.set(process, { term, commit, applied });
  }

  ended(process: Process): void {
    this.#seen.delete(process);
  }
}
