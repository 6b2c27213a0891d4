import type { Model } from "./model.ts";
import type { Operation } from "./operation.ts";
import { PartitionSearch } from "./partition-search.ts";
import { timelineOf } from "./timeline.ts";

/** Steps that one trial may cost; a part that needs more is too wide to be a good proof. */
const TRIAL_STEPS_MAX = 50_000;
/** Operations on each side of each place that matters, one attempt after the other. */
const REACHES = [2, 8, 32, 128];
/** Writes shown beside a read that no order of all writes explains. */
const RELATED_WRITES_MAX = 8;

/** Where a search stuck. */
export interface Place<I, O> {
  readonly stuck: Operation<I, O>;
  /** The write before it, which may be long ago. */
  readonly last: Operation<I, O> | undefined;
}

/**
 * Finds a small part of a history that is not linearizable by itself. Only such parts are taken in which every read could
 * be explained if real time did not matter; else leaving out a write would give a read of a value never written, which is
 * another, simpler violation than the one that happened.
 */
export class Shrinker<S, I, O> {
  readonly #model: Model<S, I, O>;

  constructor(model: Model<S, I, O>) {
    this.#model = model;
  }

  /**
   * @param members - one partition that is not linearizable, without its refused operations.
   * @returns all of them when no small part was found.
   */
  shrink(members: readonly Operation<I, O>[], { stuck, last }: Place<I, O>): readonly Operation<I, O>[] {
    if (this.#isRead(stuck) && !this.#isExplained(stuck, members)) return this.#related(stuck, members);
    const ordered = members.toSorted((a, b) => a.invokedAt - b.invokedAt);
    const places = this.#placesOf(ordered, last === undefined ? [stuck] : [stuck, last]);
    for (const reach of REACHES) {
      const near = ordered.filter((_, position) => places.some((place) => Math.abs(place - position) <= reach));
      const part = near.filter((operation) => !this.#isRead(operation) || this.#isExplained(operation, near));
      if (this.#isViolation(part)) return this.#thin(part);
      if (near.length === ordered.length) break;
    }
    return ordered;
  }

  /** The search may have stuck at a write because of a read much later: the reads that gave the evidence matter too. */
  #placesOf(ordered: readonly Operation<I, O>[], writes: readonly Operation<I, O>[]): number[] {
    const known = this.#model.evidence?.(ordered);
    const times = new Set(writes.flatMap((write) => [known?.get(write)?.latestAt, known?.get(write)?.lastsUntil]));
    return ordered.flatMap((operation, position) => {
      const isWitness = this.#isRead(operation) && (times.has(operation.completedAt) || times.has(operation.invokedAt));
      return isWitness || writes.includes(operation) ? [position] : [];
    });
  }

  /** Leaves out what the violation does not need: reads first, because each of them may hold a write in the part. */
  #thin(part: readonly Operation<I, O>[]): readonly Operation<I, O>[] {
    let rest = part;
    for (const ofReads of [true, false]) {
      for (let size = Math.ceil(rest.length / 2); size >= 1; size = Math.floor(size / 2)) {
        const removable = rest.filter((operation) => this.#isRead(operation) === ofReads);
        for (let from = 0; from < removable.length; from += size) {
          const removed = new Set(removable.slice(from, from + size));
          const fewer = rest.filter((operation) => !removed.has(operation));
          if (this.#isViolation(fewer) && (ofReads || this.#areExplained(fewer))) rest = fewer;
        }
      }
    }
    return rest;
  }

  #related(read: Operation<I, O>, members: readonly Operation<I, O>[]): readonly Operation<I, O>[] {
    const writes = this.#freeWrites(read, members);
    const { events } = timelineOf(this.#model, [...writes.keys(), read]);
    const related = events.flatMap(({ entry }) => writes.get(entry.operation) ?? []);
    const shown = related.length > RELATED_WRITES_MAX ? [] : [...new Set(related)];
    return [...shown, read].toSorted((a, b) => a.invokedAt - b.invokedAt);
  }

  #areExplained(part: readonly Operation<I, O>[]): boolean {
    return part.every((operation) => !this.#isRead(operation) || this.#isExplained(operation, part));
  }

  /** Whether some of the writes in some order, each at most once, give the read's answer. */
  #isExplained(read: Operation<I, O>, among: readonly Operation<I, O>[]): boolean {
    return this.#verdict([...this.#freeWrites(read, among).keys(), read]) !== "violation";
  }

  /** The writes as if any of them might have taken effect when the read was under way, with the true ones. */
  #freeWrites(read: Operation<I, O>, among: readonly Operation<I, O>[]): Map<Operation<I, O>, Operation<I, O>> {
    const writes = among.filter((operation) => !this.#isRead(operation));
    return new Map(
      writes.map((write) => [{ ...write, outcome: "unknown", invokedAt: read.invokedAt } as const, write]),
    );
  }

  #isRead({ input, outcome }: Operation<I, O>): boolean {
    return outcome === "ok" && (this.#model.readOnly?.(input) ?? false);
  }

  #isViolation(part: readonly Operation<I, O>[]): boolean {
    return this.#verdict(part) === "violation";
  }

  #verdict(part: readonly Operation<I, O>[]): string {
    const budget = { stepsLeft: TRIAL_STEPS_MAX };
    return new PartitionSearch(this.#model, timelineOf(this.#model, part), { budget }).run().verdict;
  }
}
