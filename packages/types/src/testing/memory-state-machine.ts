import type { CommandOutcome, StampedCommand } from "../command.ts";
import type {
  OutgoingSnapshot,
  SnapshotContent,
  SnapshotSink,
  SnapshotSource,
  StateMachine,
} from "../contracts/state-machine.ts";
import type { ChangeEvent, Changes, KvRecord, StateReader } from "../contracts/state-reader.ts";
import { DisterError, invariant } from "../errors.ts";
import type { LogId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { ENTRY_KIND, LOG_START, type LogEntry, type LogPosition } from "../log-entry.ts";
import { decodeMembership, type Membership, NO_MEMBERSHIP } from "../membership.ts";
import type { Service } from "../service.ts";
import { contentOf, PieceReader, piecesOf, refusal } from "./memory-snapshot.ts";
import { MemoryState } from "./memory-state.ts";
import { compareText } from "./text-order.ts";

/**
 * Reads the payload of a command entry.
 * @throws DisterError `DISTER_ERR_COMMAND` when it is not a command.
 */
export type CommandDecoder = (payload: Uint8Array) => StampedCommand;

/**
 * A state machine in memory. Durable means "survives {@link MemoryStateMachine.crash}": what the last checkpoint or
 * restored snapshot covers. Its snapshots can be read by its own kind only.
 */
export class MemoryStateMachine implements StateMachine<CommandOutcome>, StateReader {
  readonly #decode: CommandDecoder;
  readonly #listeners = new Set<(event: ChangeEvent) => void>();
  readonly #undelivered: ChangeEvent[] = [];
  #delivering = false;
  readonly #resetListeners = new Set<(logId: LogId) => void>();
  /** The newest events; everything behind `#historyFrom` is here. */
  #history: ChangeEvent[] = [];
  #historyFrom: LogId = 0;
  #state = new MemoryState();
  #durable = new MemoryState();
  #restoredFrom: LogPosition = LOG_START;
  #keys: string[] | undefined;
  #sink: MemorySnapshotSink | undefined;
  /** Pieces of a reception that was suspended, and whose. */
  #kept: { readonly announced: string; readonly pieces: readonly Uint8Array[] } | undefined;
  #outgoing: OutgoingSnapshot | undefined;
  #stopped: Error | undefined;

  /** @param decode - the codec is not part of the contracts, so whoever has one hands it in. */
  constructor(decode: CommandDecoder) {
    this.#decode = decode;
  }

  applied(): LogPosition {
    return this.#state.applied;
  }

  durable(): LogPosition {
    return this.#durable.applied;
  }

  restoredFrom(): LogPosition {
    return this.#restoredFrom;
  }

  membership(): Membership | undefined {
    return this.#state.membership;
  }

  async apply(entries: readonly LogEntry[]): Promise<readonly (CommandOutcome | undefined)[]> {
    this.#alive();
    let next = this.#state.applied.index;
    for (const entry of entries) {
      invariant(entry.index === ++next, `entry ${entry.index} is applied where ${next} is due`);
    }
    const steps = this.#decodeAll(entries);
    const events: ChangeEvent[] = [];
    const outcomes = steps.map(({ entry, stamped, membership }) => {
      if (stamped !== undefined) return this.#state.command(entry, stamped, events);
      this.#state.pass(entry, membership);
      return undefined;
    });
    if (events.length > 0) this.#keys = undefined;
    this.#remember(events);
    this.#publish(events);
    return outcomes;
  }

  /** Everything is decoded before anything is applied, so that a batch is applied whole or not at all. */
  #decodeAll(entries: readonly LogEntry[]) {
    try {
      return entries.map((entry) => ({
        entry,
        stamped: entry.kind === ENTRY_KIND.command ? this.#decode(entry.payload) : undefined,
        membership: entry.kind === ENTRY_KIND.membership ? decodeMembership(entry.payload) : undefined,
      }));
    } catch (error) {
      this.#stopped = error as Error;
      throw error;
    }
  }

  async checkpoint(): Promise<LogPosition> {
    this.#alive();
    this.#durable = this.#state.copy();
    return this.#durable.applied;
  }

  async snapshot(): Promise<SnapshotSource> {
    this.#alive();
    const position = this.#state.applied;
    const membership = this.#state.membership ?? NO_MEMBERSHIP;
    const pieces = piecesOf(this.#state, membership);
    async function* chunks() {
      yield* pieces;
    }
    return { position, membership, chunks: chunks(), close: () => {} };
  }

  async outgoing(from: number): Promise<OutgoingSnapshot> {
    this.#alive();
    if (this.#outgoing !== undefined && this.#outgoing.position.index >= from) return this.#outgoing;
    const position = this.#state.applied;
    const membership = this.#state.membership ?? NO_MEMBERSHIP;
    const pieces = piecesOf(this.#state, membership);
    const made: OutgoingSnapshot = {
      position,
      membership,
      content: contentOf(pieces),
      piecesFrom: (first) => this.#piecesOf(made, pieces.slice(first)),
    };
    this.#outgoing = made;
    return made;
  }

  async *#piecesOf(made: OutgoingSnapshot, pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      if (this.#outgoing !== made) throw refusal("it was discarded");
      yield piece;
    }
  }

  discardOutgoing(): void {
    this.#outgoing = undefined;
  }

  async restore(position: LogPosition, membership: Membership, content?: SnapshotContent): Promise<SnapshotSink> {
    this.#alive();
    this.#sink?.suspend();
    const announced = JSON.stringify({ position, membership, content });
    const kept = this.#kept?.announced === announced ? this.#kept.pieces : [];
    this.#kept = undefined;
    this.#sink = new MemorySnapshotSink({ position, membership }, kept, {
      use: (state) => {
        this.#alive();
        if (position.index < this.#state.applied.index) throw refusal("the state is already beyond it");
        this.#state = state;
        this.#durable = state.copy();
        this.#restoredFrom = position;
        this.#keys = undefined;
        this.#forgetHistory();
        this.#tellReset(state.appliedLogId);
      },
      keep: (pieces) => {
        if (content !== undefined) this.#kept = { announced, pieces };
      },
    });
    return this.#sink;
  }

  async close(): Promise<void> {
    this.#sink?.abort();
    this.#kept = undefined;
    this.#outgoing = undefined;
    this.#stopped ??= new DisterError("DISTER_ERR_STOPPED", { what: "the state machine" });
  }

  /** Loses everything that is not durable, as a power loss does, and can be used again. Listeners are gone. */
  crash(): void {
    this.#sink?.abort();
    this.#state = this.#durable.copy();
    this.#keys = undefined;
    this.#stopped = undefined;
    this.#listeners.clear();
    this.#resetListeners.clear();
    this.#undelivered.length = 0;
    this.#forgetHistory();
  }

  appliedLogId(): LogId {
    return this.#state.appliedLogId;
  }

  serviceLogId(): LogId {
    return this.#state.serviceLogId;
  }

  kv(key: string): KvRecord | undefined {
    return this.#state.kv.get(key);
  }

  kvPage({ prefix, after, limit }: { prefix: string; after: string; limit: number }): KvRecord[] {
    this.#keys ??= [...this.#state.kv.keys()].sort(compareText);
    const found = this.#keys.filter((key) => key.startsWith(prefix) && compareText(key, after) > 0);
    return found.slice(0, limit).map((key) => this.#state.kv.get(key)!);
  }

  kvCount(): number {
    return this.#state.kv.size;
  }

  services(): Service[] {
    return [...this.#state.services.values()].sort((a, b) => compareText(a.name, b.name));
  }

  service(name: string): Service | undefined {
    return this.#state.services.get(name);
  }

  outcome(requestId: string): CommandOutcome | undefined {
    return this.#state.requests.get(requestId)?.outcome;
  }

  onChange(listener: (event: ChangeEvent) => void): () => void {
    // A function of its own per call: the same listener may listen twice, and each ends for itself.
    const own = (event: ChangeEvent) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  onReset(listener: (logId: LogId) => void): () => void {
    const own = (logId: LogId) => listener(logId);
    this.#resetListeners.add(own);
    return () => this.#resetListeners.delete(own);
  }

  changesSince(logId: LogId, limit: number): Changes {
    if (logId < this.#historyFrom) return { compacted: true, oldestLogId: this.#historyFrom };
    const behind = this.#history.filter((event) => event.logId > logId);
    const next = behind[limit];
    if (next === undefined)
      return { compacted: false, events: behind, throughLogId: Math.max(logId, this.appliedLogId()) };
    // Whole entries: the one that goes beyond the limit waits, unless it is the first.
    const last = behind.slice(0, limit).findLast((event) => event.logId < next.logId) ?? behind[0]!;
    const events = behind.filter((event) => event.logId <= last.logId);
    return { compacted: false, events, throughLogId: last.logId };
  }

  #remember(events: readonly ChangeEvent[]): void {
    this.#history.push(...events);
    const over = this.#history.length - LIMITS.changesKeptMax;
    if (over <= 0) return;
    this.#historyFrom = this.#history[over - 1]!.logId;
    this.#history = this.#history.filter((event) => event.logId > this.#historyFrom);
  }

  #tellReset(logId: LogId): void {
    for (const listener of [...this.#resetListeners]) {
      try {
        listener(logId);
      } catch {
        // Its own affair, as above.
      }
    }
  }

  #forgetHistory(): void {
    this.#history = [];
    this.#historyFrom = this.#state.appliedLogId;
  }

  /** A listener may apply more: those events wait until every listener has got these. */
  #publish(events: readonly ChangeEvent[]): void {
    this.#undelivered.push(...events);
    if (this.#delivering) return;
    this.#delivering = true;
    for (let event = this.#undelivered.shift(); event !== undefined; event = this.#undelivered.shift()) {
      // Who comes while an event is told has already read it; who goes is not told any more.
      for (const listener of [...this.#listeners]) {
        try {
          if (this.#listeners.has(listener)) listener(event);
        } catch {
          // Its own affair: the others still get the event, and the state machine has nobody to tell.
        }
      }
    }
    this.#delivering = false;
  }

  #alive(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }
}

interface SinkOwner {
  use(state: MemoryState): void;
  keep(pieces: readonly Uint8Array[]): void;
}

class MemorySnapshotSink implements SnapshotSink {
  readonly #reader = new PieceReader();
  readonly #pieces: Uint8Array[] = [];
  readonly #wanted: { position: LogPosition; membership: Membership };
  readonly #owner: SinkOwner;
  #over: Error | undefined;

  constructor(
    wanted: { position: LogPosition; membership: Membership },
    kept: readonly Uint8Array[],
    owner: SinkOwner,
  ) {
    this.#wanted = wanted;
    this.#owner = owner;
    for (const piece of kept) this.#take(piece);
  }

  get pieceCount(): number {
    return this.#pieces.length;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#step(() => this.#take(chunk));
  }

  async commit(): Promise<void> {
    this.#step(() => this.#owner.use(this.#reader.finish(this.#wanted.position, this.#wanted.membership)));
    this.#over = refusal("it is already in use");
  }

  suspend(): void {
    if (this.#over !== undefined) return;
    this.#owner.keep(this.#pieces);
    this.abort();
  }

  #take(piece: Uint8Array): void {
    this.#reader.take(piece);
    this.#pieces.push(piece.slice());
  }

  abort(): void {
    this.#over ??= refusal("it was given up");
  }

  /** The first failure is the last step: nothing that comes later can heal the stream. */
  #step(run: () => void): void {
    if (this.#over !== undefined) throw this.#over;
    try {
      run();
    } catch (error) {
      this.#over = error as Error;
      throw error;
    }
  }
}
