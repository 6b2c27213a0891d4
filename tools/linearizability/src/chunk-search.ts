import { type Bits, flipBit, hasBit, isSubset } from "./bits.ts";
import type { Chunk } from "./chunk.ts";
import type { Model } from "./model.ts";
import type { Entry } from "./timeline.ts";

/** The entries that have taken effect, newest first. */
export interface Trail<I, O> {
  readonly entry: Entry<I, O>;
  readonly before: Trail<I, O> | undefined;
}

/** What can be the case at one point of the timeline. */
export interface Configuration<S, I, O> {
  readonly state: S;
  /** Slots of the pending entries that have taken effect. */
  readonly done: Bits;
  /** The open entries that have taken effect. */
  readonly used: Bits;
  /** The write that took effect last; as long as it lasts, no other one can take effect. */
  readonly last: Entry<I, O> | undefined;
  /** Only kept when the search was asked to. */
  readonly trail: Trail<I, O> | undefined;
}

/** Steps of the model that may still be taken. */
export interface Budget {
  stepsLeft: number;
}

/** How far a search came: the event of the timeline that no configuration gets past, and one configuration that stands before it. */
export interface Furthest<S, I, O> {
  readonly position: number;
  readonly configuration: Configuration<S, I, O>;
}

interface Frame<S, I, O> {
  readonly position: number;
  readonly configuration: Configuration<S, I, O>;
  /** The next candidate to try: first the entry whose return is due, then the pending writes, then the open entries. */
  cursor: number;
}

/**
 * Depth-first search through one chunk for all configurations in which it can be left (Wing and Gong's search with
 * Lowe's memory of configurations seen). An entry takes effect only when a return forces it: its own, or that of an entry
 * that needs it before. Reads take effect as soon as they fit, which loses nothing because they change nothing.
 */
export class ChunkSearch<S, I, O> {
  readonly #model: Model<S, I, O>;
  readonly #chunk: Chunk<I, O>;
  readonly #tracing: boolean;
  readonly #stack: Frame<S, I, O>[] = [];
  readonly #seen = new Map<string, Bits[]>();
  readonly #left: Configuration<S, I, O>[] = [];
  readonly isLast: boolean;
  /** Undefined as long as nothing had to be tried. */
  furthest: Furthest<S, I, O> | undefined;

  constructor(model: Model<S, I, O>, chunk: Chunk<I, O>, tracing: boolean) {
    this.#model = model;
    this.#chunk = chunk;
    this.#tracing = tracing;
    this.isLast = chunk.isLast;
  }

  /** A configuration in which the chunk is entered. */
  enter(configuration: Configuration<S, I, O>, budget: Budget): void {
    this.#advance(configuration, 0, budget);
  }

  /** The next configuration in which the chunk is left; undefined when there is none, or no budget to find it. */
  next(budget: Budget): Configuration<S, I, O> | undefined {
    while (this.#left.length === 0 && this.#stack.length > 0 && budget.stepsLeft > 0) this.#tryOne(budget);
    return this.#left.shift();
  }

  /** Finds every configuration in which the chunk is left. False when the budget ended before. */
  exhaust(budget: Budget): boolean {
    while (this.#stack.length > 0 && budget.stepsLeft > 0) this.#tryOne(budget);
    return this.#stack.length === 0;
  }

  /** The configurations that were found and not yet given away. */
  takeLeft(): Configuration<S, I, O>[] {
    return this.#left.splice(0);
  }

  #tryOne(budget: Budget): void {
    const frame = this.#stack.at(-1)!;
    const { writes, openCount } = this.#chunk.candidates[frame.position]!;
    const { at, entry: due } = this.#chunk.events[frame.position]!;
    const { done, used, last } = frame.configuration;
    if (last !== undefined && last.lastsUntil > at) {
      this.#stack.pop();
      return;
    }
    for (;;) {
      const cursor = frame.cursor++;
      if (cursor > writes.length + openCount) {
        this.#stack.pop();
        return;
      }
      if (cursor > writes.length) {
        const open = this.#chunk.openEntries[cursor - writes.length - 1]!;
        if (hasBit(used, open.open) || (open.twin >= 0 && !hasBit(used, open.twin))) continue;
        this.#take(frame, open, budget);
        return;
      }
      const entry = cursor === 0 ? due : writes[cursor - 1]!;
      // A read that is due has been tried in this state when the state came about.
      if (cursor === 0 ? due.readOnly : entry === due || hasBit(done, entry.slot)) continue;
      this.#take(frame, entry, budget);
      return;
    }
  }

  #take({ position, configuration }: Frame<S, I, O>, entry: Entry<I, O>, budget: Budget): void {
    const state = this.#step(configuration.state, entry, budget);
    if (state === null) return;
    const { writes, reads } = this.#chunk.candidates[position]!;
    let { done, used, trail } = configuration;
    for (const write of writes) {
      if (!write.hides || write === entry || hasBit(done, write.slot)) continue;
      done = flipBit(done, write.slot);
      if (this.#tracing) trail = { entry: write, before: trail };
    }
    if (entry.open >= 0) used = flipBit(used, entry.open);
    else done = flipBit(done, entry.slot);
    if (this.#tracing) trail = { entry, before: trail };
    for (const read of reads) {
      if (hasBit(done, read.slot) || this.#step(state, read, budget) === null) continue;
      done = flipBit(done, read.slot);
      if (this.#tracing) trail = { entry: read, before: trail };
    }
    this.#advance({ state, done, used, last: entry, trail }, position, budget);
  }

  /** Goes on to the next return that is due and has not taken effect, or to the end of the chunk. */
  #advance(start: Configuration<S, I, O>, from: number, budget: Budget): void {
    const { state, used, last } = start;
    let { done, trail } = start;
    const { events } = this.#chunk;
    let position = from;
    for (; position < events.length; position++) {
      const { isCall, entry } = events[position]!;
      if (isCall) {
        if (!entry.readOnly || this.#step(state, entry, budget) === null) continue;
        done = flipBit(done, entry.slot);
        if (this.#tracing) trail = { entry, before: trail };
      } else if (hasBit(done, entry.slot)) {
        done = flipBit(done, entry.slot);
      } else {
        break;
      }
    }
    const configuration = { state, done, used, last, trail };
    if (!this.#isNew(position, configuration)) return;
    if (position === events.length) {
      this.#left.push(configuration);
      return;
    }
    this.#stack.push({ position, configuration, cursor: 0 });
    const place = this.#chunk.offset + position;
    if (this.furthest === undefined || place > this.furthest.position)
      this.furthest = { position: place, configuration };
  }

  /** A configuration is not new when one was seen that differs only in having used up less. */
  #isNew(position: number, { state, done, used }: Configuration<S, I, O>): boolean {
    const key = `${position} ${done.length === 1 ? done[0] : done.join(",")} ${this.#model.key(state)}`;
    const known = this.#seen.get(key);
    if (known === undefined) this.#seen.set(key, [used]);
    else if (known.some((other) => isSubset(other, used))) return false;
    else known.push(used);
    return true;
  }

  #step(state: S, { operation, output }: Entry<I, O>, budget: Budget): S | null {
    budget.stepsLeft--;
    return this.#model.step(state, operation.input, output);
  }
}
