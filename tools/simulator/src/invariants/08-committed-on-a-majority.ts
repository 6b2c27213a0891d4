import type { CoreStatus } from "@dister/raft";
import { type NodeId, voterIds } from "@dister/types";
import { termIn } from "../world/log-model.ts";
import type { Machine } from "../world/machine.ts";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** What a leader commits is in the durable logs of a majority of the voters at that moment. */
export class CommittedOnMajority implements Invariant {
  readonly name = "08-committed-on-a-majority";
  readonly #machines: ReadonlyMap<NodeId, Machine>;
  readonly #commitOf = new Map<Process, { term: number; commit: number }>();

  constructor(machines: ReadonlyMap<NodeId, Machine>) {
    this.#machines = machines;
  }

  stepped(process: Process, { role, term, commitIndex, membership }: CoreStatus): void {
    if (role !== "leader") {
      this.#commitOf.delete(process);
      return;
    }
    const before = this.#commitOf.get(process);
    this.#commitOf.set(process, { term, commit: commitIndex });
    if (before?.term !== term || commitIndex <= before.commit) return;
    const entryTerm = process.log.termAt(commitIndex);
    const voters = voterIds(membership);
    const having = voters.filter((id) => this.#has(id, commitIndex, entryTerm));
    if (2 * having.length > voters.length) return;
    throw new Error(
      `${process.name} committed ${commitIndex} of term ${entryTerm}; of ${voters.join()} only ${having.join()} have it`,
    );
  }

  #has(id: NodeId, index: number, term: number | undefined): boolean {
    const machine = this.#machines.get(id);
    if (machine?.model === undefined || machine.model === null) return false;
    // What damage took away was there when it was acknowledged, and its machine helps nobody to be elected.
    if (machine.damage !== "none") return true;
    const { durable } = machine.model;
    return index < durable.base.index || termIn(durable, index) === term;
  }
}
