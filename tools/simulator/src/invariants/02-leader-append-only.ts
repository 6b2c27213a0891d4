import type { CoreStatus } from "@dister/raft";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** A leader never overwrites or removes what is in its log (Raft figure 3). */
export class LeaderAppendOnly implements Invariant {
  readonly name = "02-leader-append-only";
  readonly #seen = new Map<Process, { term: number; last: number; lastTerm: number | undefined }>();

  stepped(process: Process, { role, term, lastIndex }: CoreStatus): void {
    if (role !== "leader") {
      this.#seen.delete(process);
      return;
    }
    const before = this.#seen.get(process);
    if (before?.term === term) {
      const stillThere = lastIndex >= before.last && process.log.termAt(before.last) === before.lastTerm;
      if (!stillThere && process.log.base().index < before.last) {
        throw new Error(`${process.name} leads term ${term}, and its log of ${before.last} entries has changed`);
      }
    }
    // What is only decided is not in the store yet, so the store's end is what can be compared.
    const last = process.log.lastIndex();
    this.#seen.set(process, { term, last, lastTerm: process.log.termAt(last) });
  }
}
