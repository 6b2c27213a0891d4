import {
  type ChangeEvent,
  type Changes,
  type CommandOutcome,
  DisterError,
  invariant,
  type KvRecord,
  LIMITS,
  type LogEntry,
  type Logger,
  type LogId,
  type LogPosition,
  type Membership,
  type OutgoingSnapshot,
  type Service,
  type SnapshotContent,
  type SnapshotSink,
  type SnapshotSource,
  type StateMachine,
  type StateReader,
} from "@dister/types";
import { type Applied, applyEntries } from "./apply.ts";
import { ChangeFeed } from "./change-feed.ts";
import {
  copyBack,
  type Database,
  databaseError,
  MEMORY_PATH,
  openForReading,
  openForWriting,
  useWriteAheadLog,
} from "./database.ts";
import { incomingPath, prepareFile, replaceDatabase } from "./database-file.ts";
import { IncomingPieces } from "./incoming-pieces.ts";
import { compareText, rangeOf } from "./key-range.ts";
import { StoreOutgoing } from "./outgoing.ts";
import { checkFormat, checkWhole, createTables, isEmpty } from "./schema.ts";
import { refusal } from "./snapshot-chunks.ts";
import type { Filled } from "./snapshot-filler.ts";
import { StoreSnapshotSink } from "./snapshot-sink.ts";
import { StoreSnapshotSource } from "./snapshot-source.ts";
import { loadState, type State } from "./state.ts";
import { Tables } from "./tables.ts";

export interface StoreOptions {
  /**
   * The database file, in a folder that exists; `:memory:` for a state that ends with the store. The caller makes sure
   * that no other process opens it.
   */
  readonly path: string;
  /**
   * Bytes of database pages that are kept in memory, per connection. Default 16 MiB. Less makes reads of many keys
   * slower; more is memory that the operating system keeps a second time.
   */
  readonly cacheBytesMax?: number;
  /** With `:memory:`: what the state begins with, as {@link Store.image} gave it; an empty state unless given. */
  readonly image?: Uint8Array;
  /**
   * With `:memory:`: size of the pieces that a snapshot is cut into, 64 bytes to `LIMITS.snapshotChunkBytes`, which is the
   * default; equal for all nodes of a cluster, whose snapshots of one position are equal piece by piece.
   */
  readonly pieceBytes?: number;
}

export interface StoreComponents {
  readonly logger: Logger;
}

export const STORE_DEFAULTS = Object.freeze({
  cacheBytesMax: 16 * 1024 * 1024,
  pieceBytes: LIMITS.snapshotChunkBytes as number,
});

/**
 * Opens the database, makes it when there is none, and makes what it holds durable. Blocks while it reads the whole
 * file once to see whether it is sound.
 * @throws DisterError `DISTER_ERR_STORE` for damage, a foreign database or a format of another version,
 *   `DISTER_ERR_DISK`, `DISTER_ERR_DISK_FULL`.
 */
export async function openStore(given: { components: StoreComponents; options: StoreOptions }): Promise<Store> {
  const store = Store.open(given.components, { ...STORE_DEFAULTS, ...given.options });
  await store.adoptPieces();
  return store;
}

/** After so much the write-ahead log is copied back, some 4 MiB of it: larger pieces make longer stalls. */
const ENTRIES_BEHIND_MAX = 500;
const BYTES_BEHIND_MAX = 2 * 1024 * 1024;

/** Every option is set but the one that has no default. */
type OpenOptions = Required<Omit<StoreOptions, "image">> & Pick<StoreOptions, "image">;

/** One connection to the database in use and the state beside it. */
interface Connection {
  readonly db: Database;
  readonly tables: Tables;
  readonly state: State;
}

/** The state machine of a node: keys, services and request ids in SQLite. Made by {@link openStore}. */
export class Store implements StateMachine<CommandOutcome>, StateReader {
  readonly #logger: Logger;
  readonly #options: OpenOptions;
  readonly #feed: ChangeFeed;
  readonly #snapshots = new Set<StoreSnapshotSource>();
  #db: Database;
  #tables: Tables;
  #state: State;
  #applyInOneTransaction: (entries: readonly LogEntry[]) => Applied;
  #durable: LogPosition;
  #sink: StoreSnapshotSink | undefined;
  readonly #incoming: IncomingPieces;
  #outgoing: StoreOutgoing | undefined;
  /** The outgoing snapshot that is being put together: whoever asks meanwhile waits for it. */
  #puttingTogether: Promise<StoreOutgoing> | undefined;
  #restoring: Promise<unknown> = Promise.resolve();
  /** What was applied since the write-ahead log was last copied back. */
  #entriesBehind = 0;
  #bytesBehind = 0;
  #servicesByName: { readonly logId: LogId; readonly list: readonly Service[] } | undefined;
  /** Why nothing more can be applied. */
  #stopped: Error | undefined;
  #closed = false;

  /** What {@link openStore} does, with every option set. */
  static open(components: StoreComponents, options: OpenOptions): Store {
    if (options.image !== undefined) invariant(options.path === MEMORY_PATH, "only a state in memory has an image");
    prepareFile(options.path);
    return new Store(components, options, connect(options));
  }

  private constructor({ logger }: StoreComponents, options: OpenOptions, connection: Connection) {
    this.#logger = logger;
    this.#options = options;
    this.#incoming = new IncomingPieces(options.path, logger);
    ({ db: this.#db, tables: this.#tables, state: this.#state } = connection);
    this.#applyInOneTransaction = this.#transaction();
    this.#durable = this.#state.applied;
    this.#feed = new ChangeFeed(logger, this.#state.appliedLogId);
    logger.info("store opened", { path: options.path, applied: this.#state.applied.index, keys: this.#state.kvCount });
  }

  /** Takes over what an earlier process has left of snapshots in both directions; before anything else is called. */
  async adoptPieces(): Promise<void> {
    await this.#incoming.adopt(this.#state.applied.index);
    this.#outgoing = await StoreOutgoing.adopt(this.#options.path, this.#state.applied);
  }

  applied(): LogPosition {
    return this.#state.applied;
  }

  durable(): LogPosition {
    return this.#durable;
  }

  restoredFrom(): LogPosition {
    return this.#state.restoredFrom;
  }

  membership(): Membership | undefined {
    return this.#state.membership;
  }

  /**
   * Applies entries in one transaction; when it resolves they are visible, not yet durable.
   * Any failure is final: the whole batch is undone, and the store applies nothing more.
   * @throws DisterError `DISTER_ERR_COMMAND`, `DISTER_ERR_DISK_FULL`, `DISTER_ERR_DISK`, `DISTER_ERR_STORE`;
   *   `DISTER_ERR_STOPPED` after a failure or after close.
   */
  async apply(entries: readonly LogEntry[]): Promise<readonly (CommandOutcome | undefined)[]> {
    this.#alive();
    if (entries.length === 0) return [];
    let due = this.#state.applied.index;
    for (const { index } of entries) invariant(index === ++due, `entry ${index} is applied where ${due} is due`);
    const { outcomes, events } = this.#applyOrStop(entries);
    this.#countBehind(entries);
    this.#feed.publish(events, this.#state.appliedLogId);
    return outcomes;
  }

  /**
   * Syncs everything that is applied. While a snapshot is being read the database cannot be brought up to date, and
   * the durable position stays where it was.
   * @throws DisterError `DISTER_ERR_DISK` and others of SQLite; final, because a second sync may lie.
   */
  async checkpoint(): Promise<LogPosition> {
    this.#alive();
    if (this.#copyBack()) this.#durable = this.#state.applied;
    this.#incoming.removeUpTo(this.#durable.index);
    return this.#durable;
  }

  /** Copies the write-ahead log back from time to time. SQLite would do it as well, and pass over a sync that failed. */
  #countBehind(entries: readonly LogEntry[]): void {
    this.#entriesBehind += entries.length;
    for (const { payload } of entries) this.#bytesBehind += payload.length;
    if (this.#entriesBehind >= ENTRIES_BEHIND_MAX || this.#bytesBehind >= BYTES_BEHIND_MAX) this.#copyBack();
  }

  #copyBack(): boolean {
    [this.#entriesBehind, this.#bytesBehind] = [0, 0];
    try {
      return copyBack(this.#db);
    } catch (error) {
      throw this.#stop(error);
    }
  }

  /** A snapshot of the state as it is now. It is cut off, with an error for who reads it, by `close` and by a restore. */
  async snapshot(): Promise<SnapshotSource> {
    return this.#source();
  }

  async outgoing(from: number): Promise<OutgoingSnapshot> {
    this.#alive();
    const ready = this.#outgoing;
    if (ready !== undefined && !ready.removed && ready.position.index >= from) return ready;
    this.#puttingTogether ??= this.#putTogether().finally(() => {
      this.#puttingTogether = undefined;
    });
    return this.#puttingTogether;
  }

  discardOutgoing(): void {
    this.#outgoing?.remove();
    this.#outgoing = undefined;
  }

  async #putTogether(): Promise<StoreOutgoing> {
    this.discardOutgoing();
    const source = this.#source();
    try {
      const made = await StoreOutgoing.putTogether(this.#options.path, source);
      if (this.#closed) made.close();
      else this.#outgoing = made;
      this.#alive();
      return made;
    } catch (error) {
      throw databaseError(error, this.#options.path);
    } finally {
      source.close();
    }
  }

  #source(): StoreSnapshotSource {
    this.#alive();
    let reader: Database | undefined;
    try {
      reader = openForReading(this.#db, this.#options.cacheBytesMax);
      const source = new StoreSnapshotSource(reader, this.#state, {
        pieceBytes: this.#options.pieceBytes,
        onClose: (closed) => this.#snapshots.delete(closed),
      });
      this.#snapshots.add(source);
      return source;
    } catch (error) {
      reader?.close();
      throw databaseError(error, this.#options.path);
    }
  }

  async restore(position: LogPosition, membership: Membership, content?: SnapshotContent): Promise<SnapshotSink> {
    this.#alive();
    const announced = { position, membership, content };
    const next = this.#restoring.then(async () => {
      this.#sink?.suspend();
      const pieces = await this.#incoming.of(announced);
      this.#alive();
      const use = (filled: Filled): void => this.#replace(position, filled);
      this.#sink = new StoreSnapshotSink({ path: this.#options.path, announced, pieces, use });
      return this.#sink;
    });
    this.#restoring = next.catch(() => undefined);
    return next;
  }

  /**
   * The whole database as the bytes of a file, as of now; for a state in memory, to go on with later. A copy.
   * @throws DisterError `DISTER_ERR_STOPPED` when the store is closed.
   */
  image(): Uint8Array {
    return this.#read(() => this.#db.serialize());
  }

  /** Ends snapshots in both directions, makes what is applied durable and closes; a second call does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopped ??= new DisterError("DISTER_ERR_STOPPED", { what: "the store" });
    this.#sink?.suspend();
    this.#incoming.close();
    this.#outgoing?.close();
    this.#endSnapshots();
    // The last connection that closes copies the write-ahead log back, syncs and removes it.
    this.#db.close();
  }

  appliedLogId(): LogId {
    return this.#state.appliedLogId;
  }

  serviceLogId(): LogId {
    return this.#state.serviceLogId;
  }

  kv(key: string): KvRecord | undefined {
    // SQLite would read half of a surrogate pair as U+FFFD, which is another key.
    return key.isWellFormed() ? this.#read(() => this.#tables.kv(key)) : undefined;
  }

  kvPage({ prefix, after, limit }: { prefix: string; after: string; limit: number }): KvRecord[] {
    invariant(Number.isSafeInteger(limit) && limit >= 0, `a page of ${limit} keys`);
    if (!prefix.isWellFormed()) return [];
    return this.#read(() => this.#tables.kvRange({ ...rangeOf(prefix, after.toWellFormed()), limit }));
  }

  kvCount(): number {
    return this.#state.kvCount;
  }

  /** The services share their nodes with the state: nobody writes to them. */
  services(): Service[] {
    const { serviceLogId: logId, services } = this.#state;
    if (this.#servicesByName?.logId !== logId) {
      const list = [...services.values()].sort((a, b) => compareText(a.name, b.name));
      this.#servicesByName = { logId, list };
    }
    return [...this.#servicesByName.list];
  }

  service(name: string): Service | undefined {
    return this.#state.services.get(name);
  }

  outcome(requestId: string): CommandOutcome | undefined {
    return this.#state.requests.get(requestId);
  }

  onChange(listener: (event: ChangeEvent) => void): () => void {
    return this.#feed.listen(listener);
  }

  onReset(listener: (logId: LogId) => void): () => void {
    return this.#feed.listenReset(listener);
  }

  /** Reaches back to when the store was opened, at the most. */
  changesSince(logId: LogId, limit: number): Changes {
    return this.#feed.since(logId, limit);
  }

  #applyOrStop(entries: readonly LogEntry[]): Applied {
    try {
      return this.#applyInOneTransaction(entries);
    } catch (error) {
      throw this.#stop(error);
    }
  }

  #transaction(): (entries: readonly LogEntry[]) => Applied {
    const run = this.#db.transaction((entries: readonly LogEntry[]) =>
      applyEntries(this.#tables, this.#state, entries),
    );
    return (entries) => run.immediate(entries);
  }

  /** Closes the database in use and goes on with another. From here on a failure is final. */
  #replace(position: LogPosition, { db, state }: Filled): void {
    this.#alive();
    if (position.index < this.#state.applied.index) throw refusal("the state is beyond it already");
    this.#endSnapshots();
    this.discardOutgoing();
    try {
      this.#db.close();
      const { path } = this.#options;
      if (!db.memory) replaceDatabase(path, incomingPath(path));
      this.#db = db.memory ? db : openDatabase(this.#options, "known");
      this.#tables = new Tables(this.#db);
      this.#state = state;
    } catch (error) {
      this.#closed = true;
      throw this.#stop(error);
    }
    this.#applyInOneTransaction = this.#transaction();
    this.#durable = this.#state.applied;
    this.#servicesByName = undefined;
    this.#logger.info("store restored from a snapshot", { index: position.index, keys: this.#state.kvCount });
    this.#feed.reset(this.#state.appliedLogId);
  }

  #endSnapshots(): void {
    if (this.#snapshots.size > 0) this.#logger.warn("snapshots cut off", { count: this.#snapshots.size });
    for (const source of [...this.#snapshots]) source.close();
  }

  /** Takes note of the failure that ends applying, and goes back to what was committed. */
  #stop(thrown: unknown): unknown {
    const cause = databaseError(thrown, this.#options.path);
    this.#stopped = new DisterError("DISTER_ERR_STOPPED", { what: "the store" }, { cause });
    this.#logger.error("the store stopped", { applied: this.#state.applied.index, error: cause });
    try {
      if (!this.#closed) this.#state = loadState(this.#tables);
    } catch {
      // Not even reading works. Better no answers than answers that were never committed.
      this.#closed = true;
      this.#db.close();
    }
    return cause;
  }

  #alive(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  #read<T>(read: () => T): T {
    if (this.#closed) throw new DisterError("DISTER_ERR_STOPPED", { what: "the store" });
    try {
      return read();
    } catch (error) {
      throw databaseError(error, this.#options.path);
    }
  }
}

/** Opens the database at the path; what comes from elsewhere is checked, what was just made here is known. */
function openDatabase({ path, cacheBytesMax, image }: OpenOptions, content: "check" | "known"): Database {
  const db = openForWriting(path, cacheBytesMax, image);
  try {
    const empty = isEmpty(db);
    if (!empty) checkFormat(db);
    useWriteAheadLog(db);
    if (empty) createTables(db);
    else if (content === "check") checkWhole(db);
    // After a crash there may be transactions that were never synced; only what is durable may be called so.
    if (!copyBack(db)) throw new DisterError("DISTER_ERR_STORE", { reason: `${path}: another process is reading it` });
    return db;
  } catch (error) {
    db.close();
    throw databaseError(error, path);
  }
}

function connect(options: OpenOptions): Connection {
  const db = openDatabase(options, "check");
  try {
    const tables = new Tables(db);
    return { db, tables, state: loadState(tables) };
  } catch (error) {
    db.close();
    throw databaseError(error, options.path);
  }
}
