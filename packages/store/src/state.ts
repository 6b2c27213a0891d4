import {
  type CommandOutcome,
  DisterError,
  decodeMembership,
  isDisterError,
  type LogId,
  type LogPosition,
  type Membership,
  type Service,
} from "@dister/types";
import { BytesError } from "./bytes.ts";
import { RequestIds } from "./request-ids.ts";
import { parseDefinition, stringifyDefinition } from "./service-definition.ts";
import type { RequestRow, ServiceRow, Tables } from "./tables.ts";

/**
 * What of the state is kept in memory beside the tables, equal to them at every commit: everything but the keys.
 * Services are shared with readers and therefore replaced, never changed.
 */
export interface State {
  applied: LogPosition;
  appliedLogId: LogId;
  serviceLogId: LogId;
  /** The newest time that any command carried, milliseconds since 1970; never goes back. */
  logTimeMs: number;
  restoredFrom: LogPosition;
  membership: Membership | undefined;
  kvCount: number;
  readonly services: Map<string, Service>;
  readonly requests: RequestIds;
}

/**
 * Reads the state from the tables.
 * @throws DisterError `DISTER_ERR_STORE` when a row is not what was written.
 */
export function loadState(tables: Tables): State {
  try {
    const json = tables.membershipJson();
    const services = new Map<string, Service>();
    for (const row of tables.everyService()) services.set(row.name, serviceOf(row));
    const positions = tables.positions();
    return {
      ...positions,
      membership: json === undefined ? undefined : decodeMembership(Buffer.from(json)),
      kvCount: tables.kvCount(),
      services,
      requests: requestsOf(tables, positions.logTimeMs),
    };
  } catch (cause) {
    if (!(cause instanceof BytesError || isDisterError(cause, "DISTER_ERR_COMMAND"))) throw cause;
    throw new DisterError("DISTER_ERR_STORE", { reason: `it holds ${cause.message}` }, { cause });
  }
}

/** The row of a service, the reverse of {@link loadState}. */
export function rowOfService(service: Service): ServiceRow {
  const { name, definedIndex, modifyIndex } = service;
  return { name, definition: stringifyDefinition(service), defined_index: definedIndex, modify_index: modifyIndex };
}

/** The row of a request, the reverse of {@link loadState}. */
export function rowOfRequest({ logId, requestId, changed, error }: CommandOutcome, timeMs: number): RequestRow {
  const json = error === undefined ? null : JSON.stringify(error);
  return { log_id: logId, request_id: requestId, time_ms: timeMs, changed, error: json };
}

function serviceOf(row: ServiceRow): Service {
  const definition = parseDefinition(row.definition);
  if (definition.name !== row.name) throw new BytesError("a service under another name");
  return { ...definition, definedIndex: row.defined_index, modifyIndex: row.modify_index };
}

function requestsOf(tables: Tables, logTimeMs: number): RequestIds {
  const requests = new RequestIds();
  for (const row of tables.requestsFrom(0)) {
    if (requests.get(row.request_id) !== undefined) requests.forgetBefore(row.time_ms);
    if (requests.get(row.request_id) !== undefined) throw new BytesError("a request id twice");
    requests.remember(outcomeOf(row), row.time_ms);
  }
  // Rows outlast what they stand for; what is remembered follows from the log alone.
  requests.forgetBefore(logTimeMs);
  return requests;
}

function outcomeOf(row: RequestRow): CommandOutcome {
  const outcome = { requestId: row.request_id, logId: row.log_id, changed: row.changed };
  if (row.error === null) return outcome;
  try {
    return { ...outcome, error: JSON.parse(row.error) };
  } catch {
    throw new BytesError("a refusal that is not JSON");
  }
}
