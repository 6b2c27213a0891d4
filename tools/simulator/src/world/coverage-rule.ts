import type { CoreStatus } from "@dister/raft";
import { type LogStore, type LogWrite, type Membership, type NodeId, type RaftMessage, voterIds } from "@dister/types";
import type { Facts } from "../invariants/facts.ts";
import type { Invariant } from "../invariants/invariant.ts";
import type { Coverage, Interesting } from "./coverage.ts";
import { type LogImage, termIn } from "./log-model.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";

const OF_REASON: Partial<Record<CoreStatus["reason"], Interesting>> = {
  "lost touch with a majority": "leader lost touch with a majority",
  "own disk does not answer": "leader left because its disk was silent",
  "removed from the membership": "leader removed itself",
};

/** Notices which interesting states a run reaches. */
export class CoverageRule implements Invariant {
  readonly name = "coverage";
  readonly #coverage: Coverage;
  readonly #facts: Facts;
  readonly #machines: ReadonlyMap<NodeId, Machine>;
  readonly #before = new Map<Process, CoreStatus>();
  /** Where the log began that a process found. */
  readonly #foundBase = new Map<Process, number>();
  /** Where the last snapshot of a process ended. */
  readonly #restoredTo = new Map<Process, number>();
  /** The membership whose commit was noticed last. */
  #members: { readonly index: number; readonly value: Membership };

  constructor(coverage: Coverage, facts: Facts, machines: ReadonlyMap<NodeId, Machine>) {
    this.#coverage = coverage;
    this.#facts = facts;
    this.#machines = machines;
    this.#members = facts.membership;
  }

  opened(process: Process, log: LogStore, found: LogImage): void {
    if (process.machine.starts > 1) this.#coverage.reached("node restarted");
    if (log.recovery.tornBytes > 0) this.#coverage.reached("torn log recovered");
    if (log.suspect().index > 0) this.#coverage.reached("suspect node");
    this.#foundBase.set(process, found.base.index);
  }

  started(process: Process): void {
    const restored = process.state.restoredFrom().index;
    const isFinished = restored > (this.#foundBase.get(process) ?? 0) && process.log.base().index === restored;
    if (isFinished) this.#coverage.reached("installation of a snapshot finished at a start");
  }

  restored(process: Process, { index }: { readonly index: number }): void {
    this.#restoredTo.set(process, index);
  }

  ended(process: Process): void {
    this.#before.delete(process);
    const isLast = [...this.#machines.values()].every((machine) => !machine.process?.isAlive);
    if (isLast && this.#machines.size > 1 && !process.machine.world.isOver)
      this.#coverage.reached("all nodes down at once");
  }

  handedOver(process: Process, { entries }: LogWrite): void {
    const from = entries[0]?.index;
    if (from === undefined || from > process.log.lastIndex()) return;
    this.#coverage.reached("log overwritten");
    for (let index = from; index <= process.log.lastIndex(); index++) {
      const term = process.log.termAt(index);
      if (term === undefined) continue;
      if (this.#facts.entry(index, term)?.membership) this.#coverage.reached("membership rolled back");
    }
  }

  #isOnMajority(index: number, term: number): boolean {
    const voters = voterIds(this.#facts.membership.value);
    const having = voters.filter((id) => {
      const model = this.#machines.get(id)?.model;
      return model && termIn(model.durable, index) === term;
    });
    return 2 * having.length > voters.length;
  }

  received(process: Process, message: RaftMessage): void {
    if (message.type !== "voteReply" && message.type !== "appendReply") return;
    const { status } = process;
    // Of an election that is over; the votes of those who answer a winner last are no news.
    const isVote = message.type === "voteReply" && message.granted && !message.pre;
    if (isVote && message.asked < status.term) this.#coverage.reached("late vote passed over");
    if (message.type === "appendReply" && message.term < status.term)
      this.#coverage.reached("append answered in another term");
  }

  stepped(process: Process, status: CoreStatus): void {
    const before = this.#before.get(process);
    this.#before.set(process, status);
    if (before === undefined) return;
    this.#role(process, before, status);
    if (before.suspect && !status.suspect) this.#coverage.reached("suspect node healed");
    const isNewLog = status.firstIndex - 1 === this.#restoredTo.get(process);
    if (status.firstIndex > before.firstIndex && !isNewLog) this.#coverage.reached("log compacted");
    if (status.role !== "leader") return;
    if (status.progress.some(({ suspect }) => suspect)) this.#coverage.reached("suspect node probed");
    if (status.commitIndex > before.commitIndex) {
      const isOlder = (process.log.termAt(before.commitIndex + 1) ?? status.term) < status.term;
      if (isOlder) this.#coverage.reached("committed entry of an older term");
    }
    // As in Figure 8 (c) of the Raft paper: what a majority has is not committed by that alone.
    const next = status.commitIndex + 1;
    const term = process.log.termAt(next) ?? status.term;
    if (term < status.term && this.#isOnMajority(next, term))
      this.#coverage.reached("old entry on a majority, not committed");
    if (this.#facts.membership.index > this.#members.index) this.#changed();
  }

  #changed(): void {
    const before = this.#members.value;
    this.#members = this.#facts.membership;
    this.#coverage.reached("membership changed");
    const now = new Map(this.#members.value.members.map(({ id, voter }) => [id, voter]));
    for (const { id, voter } of before.members) {
      if (!now.has(id)) this.#coverage.reached("node removed");
      else if (now.get(id) && !voter) this.#coverage.reached("learner promoted");
      else if (!now.get(id) && voter) this.#coverage.reached("voter demoted");
    }
  }

  #role(process: Process, before: CoreStatus, status: CoreStatus): void {
    if (before.role !== "leader" && status.role === "leader") {
      this.#coverage.reached("leader elected");
      if (status.reason === "leadership was handed over") this.#coverage.reached("leadership handed over");
      const hasOther = [...this.#machines.values()].some(({ process: other }) => {
        return other?.raft && other !== process && other.status.role === "leader";
      });
      if (hasOther) this.#coverage.reached("minority leader");
    }
    if (before.role === "leader" && status.role !== "leader") {
      const reason = OF_REASON[status.reason];
      if (reason !== undefined) this.#coverage.reached(reason);
      else this.#coverage.reached("leader deposed by a higher term");
    }
  }
}
