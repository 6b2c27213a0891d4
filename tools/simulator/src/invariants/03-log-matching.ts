import type { LogWrite } from "@dister/types";
import { entryHash } from "../world/log-model.ts";
import type { Process } from "../world/process.ts";
import type { Facts } from "./facts.ts";
import type { Invariant } from "./invariant.ts";

/**
 * Two logs that have an entry of the same index and term have the same content there and everywhere before it (Raft
 * figure 3). The entry right before is enough to look at: the rest follows, one step at a time.
 */
export class LogMatching implements Invariant {
  readonly name = "03-log-matching";
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  handedOver(process: Process, { entries }: LogWrite): void {
    const first = entries[0];
    if (first === undefined) return;
    let previousTerm = process.log.termAt(first.index - 1);
    for (const entry of entries) {
      const { index, term } = entry;
      const known = this.#facts.entry(index, term)!;
      if (known.hash !== entryHash(entry))
        throw new Error(`${process.name} has another entry ${index} of term ${term}`);
      if (known.previousTerm !== previousTerm) {
        const terms = `${previousTerm} and ${known.previousTerm}`;
        throw new Error(`before entry ${index} of term ${term} there are terms ${terms}, the first on ${process.name}`);
      }
      previousTerm = term;
    }
  }
}
