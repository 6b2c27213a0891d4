import type { CommandOutcome } from "../command.ts";
import type { LogId } from "../ids.ts";
import type { Service } from "../service.ts";

/** A key with its history. Indexes are log indexes. */
export interface KvRecord {
  readonly key: string;
  readonly value: string;
  /** Entry that made the key since it was last missing. */
  readonly createIndex: number;
  /** Entry that last wrote the key. */
  readonly modifyIndex: number;
  /** How often the key was written since it was made, from 1. */
  readonly version: number;
}

/** What changed, in the order of the log. */
export type ChangeEvent =
  | { readonly type: "kv"; readonly logId: LogId; readonly key: string; readonly record: KvRecord | null }
  | { readonly type: "service"; readonly logId: LogId; readonly name: string; readonly service: Service | null };

/** What changed behind a log id. */
export type Changes =
  | {
      readonly compacted: false;
      /** In log order; always all events of an entry or none. */
      readonly events: readonly ChangeEvent[];
      /** Where to go on: nothing up to this log id is missing. */
      readonly throughLogId: LogId;
    }
  | {
      /** The history no longer reaches back to there: the caller has to read the state anew. */
      readonly compacted: true;
      /** Oldest log id that can be asked for. */
      readonly oldestLogId: LogId;
    };

/**
 * Reads of the applied state. All synchronous: what one turn of the event loop reads belongs to one log id.
 *
 * Duties:
 * 1. Nothing that is not applied is ever visible.
 * 2. Keys come in the order of their UTF-8 bytes, services in the order of their names.
 * 3. Change events come after they are visible, each once, in log order; a listener that throws does not disturb others.
 * 4. Changes behind a log id are all of them or `compacted`, never some. A restored snapshot tells no events: its listeners
 *    hear of it, and everything before it is compacted.
 */
export interface StateReader {
  /** Log id of the last entry that was applied, 0 for none. */
  appliedLogId(): LogId;
  /** Log id of the last entry that changed a service, 0 for none. */
  serviceLogId(): LogId;
  kv(key: string): KvRecord | undefined;
  /** Keys that begin with `prefix` and lie behind `after`, at most `limit`. */
  kvPage(query: { prefix: string; after: string; limit: number }): KvRecord[];
  kvCount(): number;
  services(): Service[];
  service(name: string): Service | undefined;
  /** Outcome of a request that was applied and is still remembered. */
  outcome(requestId: string): CommandOutcome | undefined;
  /** Listens to changes; the returned function ends it. */
  onChange(listener: (event: ChangeEvent) => void): () => void;
  /** Listens to restores, with the log id that the state then has; the returned function ends it. */
  onReset(listener: (logId: LogId) => void): () => void;
  /**
   * What changed behind a log id, from memory: the newest `LIMITS.changesKeptMax` events, less when they are large.
   * @param logId - 0 or a log id of this cluster's log, which this node need not have applied yet.
   * @param limit - about how many events at once; the events of one entry are never cut apart.
   */
  changesSince(logId: LogId, limit: number): Changes;
}
