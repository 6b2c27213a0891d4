import type { CoreStatus } from "@dister/raft";
import type { NodeId } from "@dister/types";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** At most one node ever leads a term (Raft figure 3). */
export class ElectionSafety implements Invariant {
  readonly name = "01-election-safety";
  readonly #leaderOf = new Map<number, NodeId>();

  stepped({ machine }: Process, { role, term }: CoreStatus): void {
    if (role !== "leader") return;
    const known = this.#leaderOf.get(term);
    if (known === undefined) this.#leaderOf.set(term, machine.id);
    else if (known !== machine.id) throw new Error(`${known} and ${machine.id} both lead term ${term}`);
  }
}
