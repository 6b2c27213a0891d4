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

/**
 * Reads of the applied state. All synchronous: what one turn of the event loop reads belongs to one log id.
 *
 * Duties:
 * 1. Nothing that is not applied is ever visible.
 * 2. Keys come in the order of their UTF-8 bytes, services in the order of their names.
 * 3. Change events come after they are visible, each once, in log order; a listener that throws does not disturb others.
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
}
