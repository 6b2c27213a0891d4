import type { CoreStatus } from "@dister/raft";
import { type LogStore, type LogWrite, type NodeId, voterIds } from "@dister/types";
import type { Facts } from "../invariants/facts.ts";
import type { Invariant } from "../invariants/invariant.ts";
import type { Coverage, Interesting } from "./coverage.ts";
import type { LogImage } from "./log-model.ts";
import { lastIn } from "./log-model.ts";
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

  constructor(coverage: Coverage, facts: Facts, machines: ReadonlyMap<NodeId, Machine>) {
    this.#coverage = coverage;
    this.#facts = facts;
    this.#machines = machines;
  }

  opened({ machine, state }: Process, log: LogStore, found: LogImage): void {
    const { recovery } = log;
    if (machine.starts > 1) this.#coverage.reached("node restarted");
    if (recovery.tornBytes > 0) this.#coverage.reached("torn log recovered");
    if (log.suspect().index > 0) this.#coverage.reached("suspect node");
    if (machine.model !== null && lastIn(found) > lastIn(machine.model.durable)) return;
    if (state !== undefined && state.applied().index < found.base.index)
      this.#coverage.reached("restart behind the log");
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
      if (term !== undefined && this.#facts.entry(index, term)?.membership) {
        this.#coverage.reached("membership rolled back");
      }
    }
  }

  stepped(process: Process, status: CoreStatus): void {
    const before = this.#before.get(process);
    this.#before.set(process, status);
    if (before === undefined) return;
    this.#role(process, before, status);
    if (before.suspect && !status.suspect) this.#coverage.reached("suspect node healed");
    if (status.firstIndex > before.firstIndex) this.#coverage.reached("log compacted");
    if (status.role !== "leader") return;
    if (status.commitIndex > before.commitIndex) {
      const isOlder = (process.log.termAt(before.commitIndex + 1) ?? status.term) < status.term;
      if (isOlder) this.#coverage.reached("committed entry of an older term");
      const { membershipIndex } = status;
      if (membershipIndex > before.commitIndex && membershipIndex <= status.commitIndex) this.#changed(status);
    }
  }

  #changed({ membership }: CoreStatus): void {
    this.#coverage.reached("membership changed");
    const voters = voterIds(membership).length;
    if (voters > this.#voters) this.#coverage.reached("learner promoted");
    if (voters < this.#voters) this.#coverage.reached("node removed");
    this.#voters = voters;
  }
  #voters = Number.NaN;

  #role(process: Process, before: CoreStatus, status: CoreStatus): void {
    if (Number.isNaN(this.#voters)) this.#voters = voterIds(status.membership).length;
    if (before.role !== "leader" && status.role === "leader") {
      this.#coverage.reached("leader elected");
      if (status.reason === "leadership was handed over") this.#coverage.reached("leadership handed over");
      const isAlone = [...this.#machines.values()].some(({ process: other }) => {
        return other?.raft && other !== process && other.status.role === "leader";
      });
      if (isAlone) this.#coverage.reached("minority leader");
    }
    if (before.role === "leader" && status.role !== "leader") {
      const reason = OF_REASON[status.reason];
      if (reason !== undefined) this.#coverage.reached(reason);
      else this.#coverage.reached("leader deposed by a higher term");
    }
  }
}
