import type { CoreStatus } from "@dister/raft";
import type { Process } from "../world/process.ts";
import type { Facts } from "./facts.ts";
import type { Invariant } from "./invariant.ts";

/**
 * Whoever begins to lead has every entry that was committed in an earlier term (Raft figure 3). What a later leader has
 * committed it may lack: votes that waited while its process was paused make it the leader of a term that is long over.
 */
export class LeaderCompleteness implements Invariant {
  readonly name = "04-leader-completeness";
  readonly #facts: Facts;
  readonly #checked = new Set<number>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  stepped(process: Process, { role, term, appliedIndex }: CoreStatus): void {
    if (role !== "leader" || this.#checked.has(term)) return;
    this.#checked.add(term);
    const { committed, committedIn, committedLast } = this.#facts;
    // The last one is enough where its term is known: the rest follows from log matching. What is applied was compared then.
    for (let index = committedLast; index > Math.max(appliedIndex, process.log.base().index); index--) {
      const wanted = committed[index];
      if (wanted === undefined || committedIn[index]! >= term) continue;
      const found = process.log.termAt(index);
      if (found === wanted) return;
      throw new Error(
        `${process.name} leads term ${term}; entry ${index} of term ${wanted} was committed, it has ${found}`,
      );
    }
  }
}
