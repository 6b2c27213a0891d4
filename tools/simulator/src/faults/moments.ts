import type { CoreStatus } from "@dister/raft";
import { ENTRY_KIND, type LogWrite, type NodeId, type RaftMessage } from "@dister/types";
import type { Invariant } from "../invariants/invariant.ts";
import type { Process } from "../world/process.ts";

/** Moments in the life of a process at which losing it is worst. */
export const MOMENTS = [
  "sends a vote request",
  "grants a vote",
  "sends an append",
  "accepts an append",
  "refuses an append",
  "answers a heartbeat",
  "answers a read",
  "hands leadership over",
  "begins a sync",
  "begins to lead",
  "commits",
  "applies",
  "gets a piece of a snapshot",
  "has put a snapshot in use",
  "replaces its log",
  "compacts its log",
  "overwrites its log",
  "changes members",
] as const;

export type Moment = (typeof MOMENTS)[number];

/** Something that is done when a process comes to a moment. */
interface Trap {
  readonly moment: Moment;
  /** Nothing for whoever comes to it first. */
  readonly machine: NodeId | undefined;
  /** So many times it is let pass. */
  left: number;
  readonly spring: (process: Process) => void;
}

/** Sees every process come to its moments, and springs the traps that were set there. */
export class Moments implements Invariant {
  readonly name = "moments";
  #traps: Trap[] = [];
  readonly #before = new Map<Process, { role: CoreStatus["role"]; commit: number }>();

  /**
   * Does something at the n-th time, from now on, that this machine, or any, comes to a moment.
   * @returns takes the trap back.
   */
  at(
    moment: Moment,
    { machine, nth = 1 }: { machine?: NodeId | undefined; nth?: number },
    spring: (process: Process) => void,
  ): () => void {
    const trap: Trap = { moment, machine, left: nth, spring };
    this.#traps.push(trap);
    return () => {
      this.#traps = this.#traps.filter((each) => each !== trap);
    };
  }

  /** Takes back every trap that was not sprung. */
  clear(): void {
    this.#traps = [];
  }

  #come(process: Process, moment: Moment): void {
    for (const trap of this.#traps) {
      if (trap.moment !== moment || !process.isAlive) continue;
      if (trap.machine !== undefined && trap.machine !== process.machine.id) continue;
      if (--trap.left > 0) continue;
      this.#traps = this.#traps.filter((each) => each !== trap);
      process.machine.world.trace.line(`  ${process.name} ${moment}: a trap springs`);
      trap.spring(process);
    }
  }

  sent(process: Process, _to: NodeId, message: RaftMessage): void {
    if (this.#traps.length === 0) return;
    const moment = momentOf(message);
    if (moment !== undefined) this.#come(process, moment);
  }

  syncing(process: Process): void {
    this.#come(process, "begins a sync");
  }

  applied(process: Process): void {
    this.#come(process, "applies");
  }

  pieceArrived(process: Process): void {
    this.#come(process, "gets a piece of a snapshot");
  }

  restored(process: Process): void {
    this.#come(process, "has put a snapshot in use");
  }

  resetting(process: Process): void {
    this.#come(process, "replaces its log");
  }

  compacting(process: Process): void {
    this.#come(process, "compacts its log");
  }

  handedOver(process: Process, { entries }: LogWrite): void {
    if (this.#traps.length === 0) return;
    const first = entries[0];
    if (first !== undefined && first.index <= process.log.lastIndex()) this.#come(process, "overwrites its log");
    if (entries.some(({ kind }) => kind === ENTRY_KIND.membership)) this.#come(process, "changes members");
  }

  stepped(process: Process, { role, commitIndex }: CoreStatus): void {
    const before = this.#before.get(process);
    this.#before.set(process, { role, commit: commitIndex });
    if (role !== "leader") return;
    if (before?.role !== "leader") this.#come(process, "begins to lead");
    else if (commitIndex > before.commit) this.#come(process, "commits");
  }

  ended(process: Process): void {
    this.#before.delete(process);
  }
}

/** Undefined for a message that is no moment. */
function momentOf(message: RaftMessage): Moment | undefined {
  switch (message.type) {
    case "vote":
      return message.pre ? undefined : "sends a vote request";
    case "voteReply":
      return message.granted && !message.pre ? "grants a vote" : undefined;
    case "append":
      return "sends an append";
    case "appendReply":
      return message.ok ? "accepts an append" : "refuses an append";
    case "heartbeatReply":
      return "answers a heartbeat";
    case "readIndexReply":
      return "answers a read";
    case "timeoutNow":
      return "hands leadership over";
    default:
      return undefined;
  }
}
