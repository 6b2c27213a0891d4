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
import { serviceOf } from "./service-row.ts";
import type { Positions, RequestRow, ServiceRow, Tables } from "./tables.ts";

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
  return readable(() => {
    const builder = new StateBuilder();
    let both = 0;
    for (const row of tables.everyService()) {
      builder.service(row);
      both++;
    }
    const { services, states } = tables.serviceCounts();
    if (services !== both || states !== both) throw new BytesError("services and states that do not belong together");
    for (const row of tables.requestsFrom(0)) builder.request(row);
    return builder.finish(tables.positions(), tables.membershipJson(), tables.kvCount());
  });
}

/** Puts a state together row by row. What it throws goes through {@link readable}. */
export class StateBuilder {
  readonly #services = new Map<string, Service>();
  readonly #requests = new RequestIds();

  service(row: ServiceRow): void {
    this.#services.set(row.name, serviceOf(row));
  }

  /** Requests come in the order of the log. */
  request(row: RequestRow): void {
    const requests = this.#requests;
    if (requests.get(row.request_id) !== undefined) requests.forgetBefore(row.time_ms);
    if (requests.get(row.request_id) !== undefined) throw new BytesError("a request id twice");
    requests.remember(outcomeOf(row), row.time_ms);
  }

  finish(positions: Positions, membershipJson: string | undefined, kvCount: number): State {
    // Rows outlast what they stand for; what is remembered follows from the log alone.
    this.#requests.forgetBefore(positions.logTimeMs);
    const membership = membershipJson === undefined ? undefined : decodeMembership(Buffer.from(membershipJson));
    return { ...positions, membership, kvCount, services: this.#services, requests: this.#requests };
  }
}

/** Runs what reads rows. @throws DisterError `DISTER_ERR_STORE` when a row is not what was written. */
export function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof BytesError || isDisterError(cause, "DISTER_ERR_COMMAND"))) throw cause;
    throw new DisterError("DISTER_ERR_STORE", { reason: `it holds ${cause.message}` }, { cause });
  }
}

/** The row of a request, the reverse of {@link loadState}. */
export function rowOfRequest({ logId, requestId, changed, error }: CommandOutcome, timeMs: number): RequestRow {
  const json = error === undefined ? null : JSON.stringify(error);
  return { log_id: logId, request_id: requestId, time_ms: timeMs, changed, error: json };
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
