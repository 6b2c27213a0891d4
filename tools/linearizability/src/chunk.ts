import type { Entry, Timeline, TimelineEvent } from "./timeline.ts";

/** Where a timeline is cut. */
export interface ChunkSizes {
  /** A point of rest is taken as a border when the chunk has at least so many events. */
  readonly eventsMin: number;
  /** Without a point of rest a chunk ends after so many events; what is pending is carried over the border. */
  readonly eventsMax: number;
}

/** Who can take effect when the return of an event is due. */
export interface Candidates<I, O> {
  readonly writes: readonly Entry<I, O>[];
  readonly reads: readonly Entry<I, O>[];
  /** The open entries that have been called: the first so many. */
  readonly openCount: number;
}

/** A stretch of a timeline that is searched at one go. */
export interface Chunk<I, O> {
  readonly events: readonly TimelineEvent<I, O>[];
  /** One per event; of calls it is never read. */
  readonly candidates: readonly Candidates<I, O>[];
  readonly openEntries: readonly Entry<I, O>[];
  /** Position of the first event in the timeline. */
  readonly offset: number;
  readonly isLast: boolean;
}

/**
 * Cuts a timeline into chunks, at points of rest where it can. A cut never changes a verdict, because every
 * configuration that leaves a chunk enters the next one; at a point of rest there are few of them.
 */
export function* chunksOf<I, O>(
  { events, openEntries }: Timeline<I, O>,
  { eventsMin, eventsMax }: ChunkSizes,
): Generator<Chunk<I, O>, undefined> {
  let writes: readonly Entry<I, O>[] = [];
  let reads: readonly Entry<I, O>[] = [];
  let openCount = 0;
  let candidates: Candidates<I, O>[] = [];
  let offset = 0;
  for (const [position, { isCall, entry }] of events.entries()) {
    if (isCall) {
      if (entry.open >= 0) openCount++;
      else if (entry.readOnly) reads = [...reads, entry];
      else writes = [...writes, entry];
    }
    candidates.push({ writes, reads, openCount });
    if (!isCall && entry.readOnly) reads = reads.filter((other) => other !== entry);
    else if (!isCall) writes = writes.filter((other) => other !== entry);
    const atRest = writes.length + reads.length === 0 && candidates.length >= eventsMin;
    if (!atRest && candidates.length < eventsMax) continue;
    const isLast = position + 1 === events.length;
    yield { events: events.slice(offset, position + 1), candidates, openEntries, offset, isLast };
    offset = position + 1;
    candidates = [];
  }
  if (candidates.length > 0) yield { events: events.slice(offset), candidates, openEntries, offset, isLast: true };
}
