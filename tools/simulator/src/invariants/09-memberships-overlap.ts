import type { LogWrite, Membership } from "@dister/types";
import { decodeMembership, ENTRY_KIND, voterIds } from "@dister/types";
import type { Process } from "../world/process.ts";
import type { Facts } from "./facts.ts";
import type { Invariant } from "./invariant.ts";

/**
 * A membership that a leader appends, and the one that was committed last, cannot decide without each other: any two of
 * their majorities have a node in common. And no more than one change is under way.
 */
export class MembershipsOverlap implements Invariant {
  readonly name = "09-memberships-overlap";
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  handedOver(process: Process, { entries }: LogWrite): void {
    for (const entry of entries) {
      if (entry.kind !== ENTRY_KIND.membership || process.status.role !== "leader") continue;
      if (entry.term !== process.status.term) continue;
      const membership = decodeMembership(entry.payload);
      const committed = this.#facts.membership;
      if (canDecideApart(membership, committed.value)) {
        const [now, then] = [voterIds(membership).join(), voterIds(committed.value).join()];
        throw new Error(`${process.name}: ${now} can decide without ${then}, which is committed at ${committed.index}`);
      }
      this.#refuseSecond(process, entry.index);
    }
  }

  #refuseSecond(process: Process, index: number): void {
    const from = Math.max(process.status.commitIndex + 1, process.log.firstIndex());
    if (from >= index || from > process.log.lastIndex()) return;
    const before = process.log.read(from, Math.min(index - 1, process.log.lastIndex()), 1e9);
    const other = before.find(({ kind }) => kind === ENTRY_KIND.membership);
    if (other !== undefined)
      throw new Error(`${process.name} changes members at ${other.index} and at ${index} at once`);
  }
}

/** Is there a majority of one that shares nobody with some majority of the other? */
function canDecideApart(a: Membership, b: Membership): boolean {
  const [as, bs] = [new Set(voterIds(a)), new Set(voterIds(b))];
  const shared = [...as].filter((id) => bs.has(id)).length;
  const majority = (size: number): number => Math.floor(size / 2) + 1;
  const needed = (size: number): number => Math.max(0, majority(size) - (size - shared));
  return needed(as.size) + needed(bs.size) <= shared;
}
