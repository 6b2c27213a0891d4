import { noBits } from "./bits.ts";
import { type Chunk, chunksOf } from "./chunk.ts";
import { type Budget, ChunkSearch, type Configuration, type Furthest } from "./chunk-search.ts";
import type { Model } from "./model.ts";
import type { Timeline } from "./timeline.ts";

/** A chunk that is left in every possible way within so many steps is never looked at again, and its memory is freed. */
const SEAL_STEPS_MAX = 16_384;

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
  readonly #chunks: Generator<Chunk<I, O>, undefined>;
  /** The chunks that may still be left in another way, first the oldest; everything before them is sealed. */
  #levels: ChunkSearch<S, I, O>[] = [];

  constructor(
    model: Model<S, I, O>,
    timeline: Timeline<I, O>,
    { budget, tracing }: { budget: Budget; tracing: boolean },
  ) {
    this.#model = model;
    this.#timeline = timeline;
    this.#budget = budget;
    this.#tracing = tracing;
    this.#chunks = chunksOf(timeline);
  }

  run(): PartitionVerdict<S, I, O> {
    const { events, slotCount, openEntries } = this.#timeline;
    if (events.length === 0) return { verdict: "linearizable" };
    const state = this.#model.init();
    const [done, used] = [noBits(slotCount), noBits(openEntries.length)];
    const heldUntil = Number.NEGATIVE_INFINITY;
    let arrived: Configuration<S, I, O>[] = [{ state, done, used, heldUntil, trail: undefined }];
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
    const stepsLeft = Math.min(SEAL_STEPS_MAX, this.#budget.stepsLeft);
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
