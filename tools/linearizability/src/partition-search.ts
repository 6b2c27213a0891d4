import { noBits } from "./bits.ts";
import { type Chunk, type ChunkSizes, chunksOf } from "./chunk.ts";
import { type Budget, ChunkSearch, type Configuration, type Furthest } from "./chunk-search.ts";
import type { Model } from "./model.ts";
import type { Timeline } from "./timeline.ts";

/** What a search may cost and how it is divided. Only the budget can change a verdict. */
export interface SearchOptions {
  readonly budget: Budget;
  /** Keeps the order of every configuration; for small histories. */
  readonly tracing?: boolean;
  /** A chunk that is left in every possible way within so many steps is never looked at again, and its memory is freed. */
  readonly sealStepsMax?: number;
  readonly chunks?: ChunkSizes;
}

/** Small enough to seal most chunks, large enough that the memory of a search is not thrown away all the time. */
const DEFAULTS = { tracing: false, sealStepsMax: 16_384, chunks: { eventsMin: 64, eventsMax: 512 } };

/** What came out for one partition. `stuck` is the event of the timeline that no order gets past. */
export type PartitionVerdict<S, I, O> =
  | { readonly verdict: "linearizable" }
  | { readonly verdict: "undecided" }
  | { readonly verdict: "violation"; readonly stuck: Furthest<S, I, O> };

/**
 * Searches the chunks of one timeline in their order. As long as every earlier chunk is sealed, a violation is found where
 * it is; behind a chunk that is too wide to be sealed the search goes back and forth between the chunks.
 */
export class PartitionSearch<S, I, O> {
  readonly #model: Model<S, I, O>;
  readonly #timeline: Timeline<I, O>;
  readonly #budget: Budget;
  readonly #tracing: boolean;
  readonly #sealStepsMax: number;
  readonly #chunks: Generator<Chunk<I, O>, undefined>;
  /** The chunks that may still be left in another way, first the oldest; everything before them is sealed. */
  #levels: ChunkSearch<S, I, O>[] = [];

  constructor(model: Model<S, I, O>, timeline: Timeline<I, O>, options: SearchOptions) {
    const { budget, tracing, sealStepsMax, chunks } = { ...DEFAULTS, ...options };
    this.#model = model;
    this.#timeline = timeline;
    this.#budget = budget;
    this.#tracing = tracing;
    this.#sealStepsMax = sealStepsMax;
    this.#chunks = chunksOf(timeline, chunks);
  }

  run(): PartitionVerdict<S, I, O> {
    const { events, slotCount, openEntries } = this.#timeline;
    if (events.length === 0) return { verdict: "linearizable" };
    const state = this.#model.init();
    const [done, used] = [noBits(slotCount), noBits(openEntries.length)];
    let arrived: Configuration<S, I, O>[] = [{ state, done, used, last: undefined, trail: undefined }];
    for (;;) {
      const search = this.#openNext(arrived);
      if (search.isLast || !this.#seal(search)) break;
      arrived = search.takeLeft();
      if (arrived.length === 0) return this.#violation();
      this.#levels = [];
    }
    return this.#goBackAndForth();
  }

  #goBackAndForth(): PartitionVerdict<S, I, O> {
    let depth = 0;
    for (;;) {
      const search = this.#levels[depth]!;
      const configuration = search.next(this.#budget);
      if (configuration !== undefined) {
        if (search.isLast) return { verdict: "linearizable" };
        depth++;
        const next = this.#levels[depth];
        if (next === undefined) this.#openNext([configuration]);
        else next.enter(configuration, this.#budget);
      } else if (this.#budget.stepsLeft <= 0) {
        return { verdict: "undecided" };
      } else if (depth === 0) {
        return this.#violation();
      } else {
        depth--;
      }
    }
  }

  #openNext(arrived: readonly Configuration<S, I, O>[]): ChunkSearch<S, I, O> {
    const search = new ChunkSearch(this.#model, this.#chunks.next().value!, this.#tracing);
    for (const configuration of arrived) search.enter(configuration, this.#budget);
    this.#levels.push(search);
    return search;
  }

  #seal(search: ChunkSearch<S, I, O>): boolean {
    const stepsLeft = Math.min(this.#sealStepsMax, this.#budget.stepsLeft);
    const allowance = { stepsLeft };
    const sealed = search.exhaust(allowance);
    this.#budget.stepsLeft -= stepsLeft - allowance.stepsLeft;
    return sealed;
  }

  /** The deepest level is always the one that came furthest. */
  #violation(): PartitionVerdict<S, I, O> {
    return { verdict: "violation", stuck: this.#levels.at(-1)!.furthest! };
  }
}
