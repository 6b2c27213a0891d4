import { crc32 } from "node:zlib";
import type { HardState, LogEntry, LogPosition, LogWrite } from "@dister/types";

/** What identifies an entry's content. */
export function entryHash(entry: LogEntry): number {
  return crc32(entry.payload, entry.kind * 10_000 + entry.r);
}

/** The terms of a log, as numbers only. */
export interface LogImage {
  base: LogPosition;
  /** Term of the entry at `base.index + 1 + position`. */
  terms: number[];
  hardState: HardState;
}

export function termIn(image: LogImage, index: number): number | undefined {
  return index === image.base.index ? image.base.term : image.terms[index - image.base.index - 1];
}

export function lastIn(image: LogImage): number {
  return image.base.index + image.terms.length;
}

/** One thing that a log was asked for. */
type Step =
  | { readonly kind: "write"; readonly from: number; readonly terms: readonly number[]; readonly hardState?: HardState }
  | { readonly kind: "reset"; readonly base: LogPosition };

/** What one log may look like after a crash at this moment: what it called durable, and what it was asked for since. */
export class LogModel {
  /** What was called durable. */
  durable: LogImage;
  readonly #pending: Step[] = [];
  /** Highest index that compaction was allowed to forget. */
  compactable = 0;

  constructor(durable: LogImage) {
    this.durable = durable;
    this.compactable = durable.base.index;
  }

  handedOver({ entries, hardState }: LogWrite): void {
    const terms = entries.map((entry) => entry.term);
    this.#pending.push({ kind: "write", from: entries[0]?.index ?? 0, terms, ...(hardState ? { hardState } : {}) });
  }

  resetTo(base: LogPosition): void {
    this.#pending.push({ kind: "reset", base });
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.#pending.length === 0;
  }

  /** The oldest of what was asked for is durable. */
  done(): void {
    const step = this.#pending.shift();
    if (step !== undefined) this.durable = after(this.durable, step);
  }

  /** Last index of the shortest log that a crash at this moment can have left. */
  get leastLast(): number {
    let state = this.durable;
    let least = lastIn(state);
    for (const step of this.#pending) {
      if (step.kind === "write" && step.from > 0) least = Math.min(least, step.from - 1);
      state = after(state, step);
      least = Math.min(least, lastIn(state));
    }
    return least;
  }

  /** Why a recovered log is none that a crash at this moment can have left; undefined when it may be. */
  objection(found: LogImage): string | undefined {
    const forgotten = this.#forgotten(found.hardState);
    if (forgotten !== undefined) return forgotten;
    let state = this.durable;
    const seen: string[] = [];
    for (let at = 0; ; at++) {
      const step = this.#pending[at];
      const difference = differs(found, state, step, this.compactable);
      if (difference === undefined) return undefined;
      seen.push(difference);
      if (step === undefined) return seen[0];
      state = after(state, step);
    }
  }

  /**
   * Term and vote lie in a file of their own as well, so that a later one may survive without the entries that were asked
   * for before it: it was never acknowledged, and forgetting an earlier one is all that would be wrong.
   */
  #forgotten({ term, vote }: HardState): string | undefined {
    const possible = [this.durable.hardState, ...this.#pending.flatMap((step) => hardStateOf(step))];
    if (possible.some((each) => each.term === term && each.vote === vote)) return undefined;
    const { durable } = this;
    return `term ${durable.hardState.term} and vote ${durable.hardState.vote} were durable, ${term} and ${vote} came back`;
  }
}

function hardStateOf(step: Step): HardState[] {
  return step.kind === "write" && step.hardState !== undefined ? [step.hardState] : [];
}

function after(image: LogImage, step: Step): LogImage {
  if (step.kind === "reset") return { base: step.base, terms: [], hardState: image.hardState };
  const kept = step.from === 0 ? image.terms.length : step.from - image.base.index - 1;
  return {
    base: image.base,
    terms: [...image.terms.slice(0, kept), ...step.terms],
    hardState: step.hardState ?? image.hardState,
  };
}

/** Is `found` the state, or the state with a part of the next step: a suffix cut off, some entries added? */
function differs(found: LogImage, state: LogImage, next: Step | undefined, compactable: number): string | undefined {
  if (found.base.index > Math.max(compactable, state.base.index)) return `the log begins behind ${found.base.index}`;
  const cutFrom = next?.kind === "write" && next.from > 0 ? next.from : Number.POSITIVE_INFINITY;
  const last = lastIn(found);
  if (last < Math.min(lastIn(state), cutFrom - 1))
    return `entries to ${lastIn(state)} were durable, to ${last} came back`;
  const following = next === undefined ? state : after(state, next);
  for (let index = found.base.index + 1; index <= last; index++) {
    const term = termIn(found, index);
    const isOld = index <= lastIn(state) && termIn(state, index) === term;
    const isNew = index >= cutFrom && termIn(following, index) === term;
    if (!isOld && !isNew) return `entry ${index} came back with term ${term}, ${termIn(state, index)} was durable`;
  }
  return undefined;
}
