import type { CoreStatus } from "@dister/raft";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** compacted <= durably applied <= applied <= commit <= last, and applied <= durable, on every node. */
export class OrderOfPositions implements Invariant {
  readonly name = "12-order-of-positions";

  stepped(process: Process, { appliedIndex, commitIndex, lastIndex, durableIndex, suspect }: CoreStatus): void {
    const { machine, name } = process;
    const base = process.log.base().index;
    const refuse = (what: string): never => {
      const positions = `applied ${appliedIndex}, commit ${commitIndex}, last ${lastIndex}, durable ${durableIndex}`;
      throw new Error(`${name}: ${what}; base ${base}, durably applied ${machine.appliedDurable.index}, ${positions}`);
    };
    if (base > machine.appliedDurable.index) refuse("the log begins behind what is durably applied");
    if (appliedIndex > commitIndex) refuse("applied beyond the commit index");
    if (commitIndex > lastIndex && !suspect) refuse("committed beyond the log");
    if (appliedIndex > durableIndex) refuse("applied beyond the durable log");
  }
}
