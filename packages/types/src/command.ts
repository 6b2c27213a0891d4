import type { ErrorCode } from "./errors.ts";
import type { LogId } from "./ids.ts";
import type { Status } from "./node-info.ts";
import type { InstanceMode, ServiceConfig } from "./service.ts";

/** Sets every pair, all or none. */
export interface KvSetCommand {
  readonly type: "kvSet";
  /** Key and value; a key that comes twice keeps the last value. */
  readonly pairs: readonly (readonly [key: string, value: string])[];
}

/** Removes every key that exists, all or none. */
export interface KvDeleteCommand {
  readonly type: "kvDelete";
  readonly keys: readonly string[];
}

/** Registers or replaces whole services, all or none. */
export interface ServiceSetCommand {
  readonly type: "serviceSet";
  readonly services: readonly ServiceConfig[];
}

/** Removes services by name, all or none; a name that does not exist is passed over. */
export interface ServiceDeleteCommand {
  readonly type: "serviceDelete";
  readonly names: readonly string[];
}

/** Registers or replaces instances and leaves the others of their services as they are, all or none. */
export interface InstanceSetCommand {
  readonly type: "instanceSet";
  /** A service that does not exist is made; one that does has to be of the same type. */
  readonly services: readonly ServiceConfig[];
}

/** An instance, by the name of its service and its id. */
export interface InstanceName {
  readonly service: string;
  readonly id: string;
}

/** Removes instances, all or none; one that does not exist is passed over. A service goes with its last instance. */
export interface InstanceDeleteCommand {
  readonly type: "instanceDelete";
  readonly instances: readonly InstanceName[];
}

export interface ModeChange extends InstanceName {
  readonly mode: InstanceMode;
}

/** Takes instances out of use and back, all or none; one that does not exist is refused. */
export interface InstanceModeCommand {
  readonly type: "instanceMode";
  readonly changes: readonly ModeChange[];
}

/** What checks found out about one instance. */
export interface StatusChange extends InstanceName {
  /** `definedIndex` of the instance that was checked: a change for an older definition is passed over. */
  readonly definedIndex: number;
  /** Null: what was found out counts no more, as if it had never been checked. */
  readonly status: Status | null;
}

/** Changes the status of instances. Services that are protected are looked at anew, also those without a change. */
export interface ServiceStatusCommand {
  readonly type: "serviceStatus";
  readonly changes: readonly StatusChange[];
}

/** What the state machine can be told of services and their instances. */
export type ServiceCommand =
  | ServiceSetCommand
  | ServiceDeleteCommand
  | ServiceStatusCommand
  | InstanceSetCommand
  | InstanceDeleteCommand
  | InstanceModeCommand;

/** Everything that the state machine can be told. */
export type Command = KvSetCommand | KvDeleteCommand | ServiceCommand;

/** A command as it is put into the log: with what must be the same on every node. */
export interface StampedCommand {
  /** Unique id of the request, 1 to `LIMITS.requestIdCharsMax` characters; repeating it never applies twice. */
  readonly requestId: string;
  /** Wall clock of the leader when it proposed, in milliseconds since 1970; the state machine has no other clock. */
  readonly timeMs: number;
  readonly command: Command;
}

/** What applying a command came to; the same on every node, and given again when the request id is repeated. */
export interface CommandOutcome {
  readonly requestId: string;
  /** Log id of the entry that took effect. */
  readonly logId: LogId;
  /** Absent when the command was applied; present when the state machine refused it. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** How many keys, services or instances the command changed; 0 when it was refused. */
  readonly changed: number;
}
