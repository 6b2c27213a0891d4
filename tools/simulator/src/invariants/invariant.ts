import type { CoreStatus } from "@dister/raft";
import type {
  ChangeEvent,
  CommandOutcome,
  LogEntry,
  LogId,
  LogPosition,
  LogStore,
  LogWrite,
  NodeId,
  RaftMessage,
} from "@dister/types";
import type { LogImage } from "../world/log-model.ts";
import type { Process } from "../world/process.ts";

/** A rule that holds in every run. It is told what happens and throws when it is broken; it changes nothing. */
export interface Invariant {
  /** The name of its file. */
  readonly name: string;
  /** A log was opened; nothing has been done with it yet. */
  opened?(process: Process, log: LogStore, found: LogImage): void;
  started?(process: Process): void;
  ended?(process: Process): void;
  /** Right before a log store is given something. */
  handedOver?(process: Process, write: LogWrite): void;
  /** A state machine has applied. */
  applied?(process: Process, entries: readonly LogEntry[], outcomes: readonly (CommandOutcome | undefined)[]): void;
  /** A snapshot took the place of a state. */
  restored?(process: Process, position: LogPosition): void;
  changed?(process: Process, event: ChangeEvent): void;
  streamReset?(process: Process, logId: LogId): void;
  /** A sync begins that will take its time. */
  syncing?(process: Process): void;
  /** A piece of a snapshot was taken in. */
  pieceArrived?(process: Process): void;
  /** The log is about to begin anew behind a snapshot, or to let go of old entries. */
  resetting?(process: Process): void;
  compacting?(process: Process): void;
  /** A message leaves a process. */
  sent?(process: Process, to: NodeId, message: RaftMessage): void;
  /** A message is about to be handled. */
  received?(process: Process, message: RaftMessage): void;
  /** The process may have changed in the event that is over. */
  stepped?(process: Process, status: CoreStatus): void;
}
