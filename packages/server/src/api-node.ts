import type {
  Clock,
  Command,
  CommandOutcome,
  ErrorCode,
  KvRecord,
  LogId,
  NodeId,
  NodeInfo,
  ReplyMarks,
  Rng,
  Service,
  ServiceChecks,
  WatchersTold,
} from "@dister/types";
import type { ServiceReport } from "@dister/types/schemas";
import type { HelloAddress } from "./cluster/peer-address.ts";
import type { Metrics } from "./metrics/metrics.ts";

/** How fresh a read has to be: everything that was acknowledged anywhere, or what this node has. */
export type Consistency = "linearizable" | "local";

/** What was read. */
export interface Answer<T> {
  readonly value: T;
  /** The value holds everything up to this log id. */
  readonly logId: LogId;
  /** What the reply has to say of where the value comes from; nothing for a state that this node has applied. */
  readonly marks?: ReplyMarks;
}

/** Which keys to read: those that begin with `prefix` and lie behind `after`. */
export interface KvPageQuery {
  readonly prefix: string;
  readonly after: string;
  /** At most so many; a page may be shorter when its values are large. */
  readonly limit: number;
}

/** Keys in the order of their UTF-8 bytes. */
export interface KvPage {
  readonly records: readonly KvRecord[];
  /** True when there are more behind the last one. */
  readonly more: boolean;
}

/** Reads of keys and services. Linearizable ones fail rather than answer with what may be old. */
export interface Reads {
  kv(key: string, consistency: Consistency): Promise<Answer<KvRecord | undefined>>;
  kvPage(query: KvPageQuery, consistency: Consistency): Promise<Answer<KvPage>>;
  /** In the order of their names. */
  services(consistency: Consistency): Promise<Answer<readonly Service[]>>;
  service(name: string, consistency: Consistency): Promise<Answer<Service | undefined>>;
  /** Tells services that have changed, as they are then; null for one that is gone. */
  onServiceChanged(listener: (name: string, service: Service | null) => void): void;
}

/** How long checks take. */
export interface Latencies {
  /**
   * Of the nodes of a service, by position, in milliseconds; undefined, or nothing at all, where nothing is known. It does
   * not wait for long, and without an answer of whoever checks nothing is known.
   */
  of(service: Service): Promise<readonly (number | undefined)[]>;
}

/** Writes. */
export interface Writes {
  /** As {@link Gateway.write}: every error but `DISTER_ERR_UNKNOWN_OUTCOME` means that it is surely not done. */
  write(command: Command, requestId?: string): Promise<CommandOutcome>;
}

/** A node as `GET /node` shows it: the original's fields, and what the cluster knows of it. */
export interface ShownNode extends NodeInfo {
  readonly voter: boolean;
  /** Entries of the log that it has not stored yet, as far as known; null when it is not. */
  readonly lag: number | null;
  /** Milliseconds since the leader heard it, or, of the leader, since this node did; null when nobody leads. */
  readonly silentMs: number | null;
  /** What the leader has found out about its log; null when it is sound, or nobody leads. */
  readonly mark: "damaged" | "lost data" | null;
}

/** The members of the cluster. */
export interface Members {
  list(): Promise<readonly ShownNode[]>;
  add(addresses: readonly HelloAddress[]): Promise<void>;
  remove(names: readonly string[]): Promise<void>;
}

/** What `GET /health` says. */
export interface Health {
  readonly leader: NodeId | null;
  /** Why the node does not serve, null when it does. */
  readonly reason: string | null;
  /** The code that fits the reason. */
  readonly code: ErrorCode;
}

/** Operating the node and its cluster. */
export interface Operations {
  health(): Health;
  /** What the node is, knows and waits for; for people, fields may be added. */
  status(): Promise<object> | object;
  /**
   * Takes to the leader what applications report of themselves: all or none. It counts until the leader changes.
   * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`, `DISTER_ERR_INVALID` for a node that there is not,
   *   `DISTER_ERR_NO_LEADER`, `DISTER_ERR_NOT_LEADER`.
   */
  report(reports: readonly ServiceReport[]): Promise<void>;
  /**
   * What the checks of a service have found, as the leader has heard it.
   * @throws DisterError `DISTER_ERR_SERVICE_NOT_FOUND`, `DISTER_ERR_NO_LEADER`, `DISTER_ERR_NOT_LEADER`.
   */
  checks(name: string): Promise<ServiceChecks>;
  /**
   * Resolves when every connected watcher was sent everything up to a log id, or the wait is over. Never rejects: the change
   * is done, whoever knows it.
   */
  watchersTold(logId: LogId, waitMs: number): Promise<WatchersTold>;
  /** Begins to hand leadership over, wherever it is. @returns who is to lead. */
  transfer(to: NodeId | null): Promise<NodeId>;
}

/** A backup on its way. */
export interface Backup {
  /** Log id of the state. */
  readonly logId: LogId;
  /** The bytes of the file (docs/formats/backup.md), made as they are taken. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Lets go of what the backup holds; must be called, also at its end and after an error. */
  close(): void;
}

/** Backups of the state. */
export interface Backups {
  /** @throws DisterError `DISTER_ERR_BUSY` beyond `LIMITS.backupsAtOnceMax`; as the reads. */
  open(consistency: Consistency): Promise<Backup>;
}

/** What the routes of the API need of the node behind them, whatever its role. */
export interface ApiNode {
  readonly reads: Reads;
  readonly latencies: Latencies;
  readonly writes: Writes;
  readonly members: Members;
  readonly operations: Operations;
  /** Absent where the node keeps no state. */
  readonly backups?: Backups;
  readonly metrics: Pick<Metrics, "registry" | "request">;
  readonly rng: Rng;
  readonly clock: Clock;
}
