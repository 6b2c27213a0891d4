import {
  type ChangeEvent,
  type CommandOutcome,
  isDisterError,
  type LogEntry,
  type LogId,
  type LogPosition,
  type LogStore,
  type LogWrite,
  type NodeId,
  type RaftMessage,
} from "@dister/types";
import type { Invariant } from "../invariants/invariant.ts";
import type { LogImage } from "./log-model.ts";
import type { Process } from "./process.ts";
import { Violation } from "./violation.ts";

/** Hands everything that happens on, to all the rules, and looks at whoever moved after every event. */
export class Watch {
  readonly #rules: readonly Invariant[];
  readonly #moved = new Set<Process>();
  readonly #fail: (violation: Violation) => void;

  constructor(rules: readonly Invariant[], fail: (violation: Violation) => void) {
    this.#rules = rules;
    this.#fail = fail;
  }

  #each(tell: (rule: Invariant) => void): void {
    for (const rule of this.#rules) {
      try {
        tell(rule);
      } catch (error) {
        // A rule that looks into a log whose disk has just gone learns nothing; the process is about to end.
        if (isDisterError(error, "DISTER_ERR_DISK")) continue;
        // Thrown into the product it would be taken for a failure of a disk or a state machine.
        const { message } = error as Error;
        this.#fail(error instanceof Violation ? error : new Violation(rule.name, message));
      }
    }
  }

  opened(process: Process, log: LogStore, found: LogImage): void {
    this.#each((rule) => rule.opened?.(process, log, found));
  }

  started(process: Process): void {
    this.#each((rule) => rule.started?.(process));
  }

  ended(process: Process): void {
    this.#moved.delete(process);
    this.#each((rule) => rule.ended?.(process));
  }

  handedOver(process: Process, write: LogWrite): void {
    this.#each((rule) => rule.handedOver?.(process, write));
  }

  applied(process: Process, entries: readonly LogEntry[], outcomes: readonly (CommandOutcome | undefined)[]): void {
    this.#each((rule) => rule.applied?.(process, entries, outcomes));
  }

  restored(process: Process, position: LogPosition): void {
    this.#each((rule) => rule.restored?.(process, position));
  }

  syncing(process: Process): void {
    this.#each((rule) => rule.syncing?.(process));
  }

  pieceArrived(process: Process): void {
    this.#each((rule) => rule.pieceArrived?.(process));
  }

  resetting(process: Process): void {
    this.#each((rule) => rule.resetting?.(process));
  }

  compacting(process: Process): void {
    this.#each((rule) => rule.compacting?.(process));
  }

  changed(process: Process, event: ChangeEvent): void {
    this.#each((rule) => rule.changed?.(process, event));
  }

  streamReset(process: Process, logId: LogId): void {
    this.#each((rule) => rule.streamReset?.(process, logId));
  }

  sent(process: Process | null, to: NodeId, message: RaftMessage): void {
    if (process !== null) this.#each((rule) => rule.sent?.(process, to, message));
  }

  received(process: Process | null, message: RaftMessage): void {
    if (process?.raft) this.#each((rule) => rule.received?.(process, message));
  }

  stepped(process: Process): void {
    this.#moved.add(process);
  }

  /** After every event. */
  look(): void {
    for (const process of this.#moved) {
      if (!process.isAlive || process.raft === null) continue;
      const { status } = process;
      this.#each((rule) => rule.stepped?.(process, status));
    }
    this.#moved.clear();
  }
}
