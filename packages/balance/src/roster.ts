import { absenceOf, activeWeight, type Candidate, checkMeasures, refusal } from "./candidate.ts";
import { latencyShares } from "./latency-share.ts";
import { SLOW_START_STEPS, type SlowStart, slowStartShare } from "./slow-start.ts";
import { checkListLength } from "./smooth-round-robin.ts";

/** Somebody who may be chosen. */
export interface Entry<T> {
  readonly candidate: T;
  /** Its place in the list that was handed in. */
  readonly position: number;
  /** What makes it the same one across lists. */
  readonly id: string;
  /** Above 0: the candidate's weight, reduced by slow start and latency where they are used. */
  readonly weight: number;
  /** What slow start leaves of the weight: above 0, at most 1. */
  readonly slowStartShare: number;
  /** What its latency leaves of the weight: above 0, at most 1; 1 where latency does not count. */
  readonly latencyShare: number;
}

export interface RosterOptions<T> {
  readonly idOf: (candidate: T, position: number) => string;
  /** True: weights are reduced by latency. */
  readonly byLatency: boolean;
  readonly slowStart: SlowStart | undefined;
  readonly nowMs: () => number;
}

/** A list that was read and checked once: who may be chosen, and with which weight at this time. */
export class Roster<T extends Candidate> {
  readonly #options: RosterOptions<T>;
  #candidates: readonly T[] = [];
  #ids: readonly string[] = [];
  #entries: readonly Entry<T>[] = [];
  /** When the weights have to be read again; infinite when nobody is warming up. */
  #staleAtMs = Number.POSITIVE_INFINITY;

  constructor(options: RosterOptions<T>) {
    this.#options = options;
  }

  get candidates(): readonly T[] {
    return this.#candidates;
  }

  /** Who may be chosen, in the order of the list. */
  get entries(): readonly Entry<T>[] {
    return this.#entries;
  }

  /** True when slow start has gone on since the weights were read. */
  get stale(): boolean {
    return this.#staleAtMs !== Number.POSITIVE_INFINITY && this.#options.nowMs() >= this.#staleAtMs;
  }

  /**
   * Takes a new list; a copy of it is kept.
   * @throws DisterError `DISTER_ERR_INVALID` naming the field; the old list stays in use then.
   */
  update(candidates: readonly T[]): void {
    checkListLength(candidates);
    const seen = new Map<string, number>();
    const ids = candidates.map((candidate, position) => {
      activeWeight(candidate, position);
      checkMeasures(candidate, position);
      const id = this.#options.idOf(candidate, position);
      const before = seen.get(id);
      if (before !== undefined) {
        throw refusal(`candidates.${position}`, `the id of candidates.${before}`, "each id once");
      }
      seen.set(id, position);
      return id;
    });
    this.#candidates = [...candidates];
    this.#ids = ids;
    this.refresh();
  }

  /** Reads the weights as they are now. */
  refresh(): void {
    const { byLatency, slowStart, nowMs } = this.#options;
    const present = this.#candidates
      .map((candidate, position) => ({ candidate, position, id: this.#ids[position]!, weight: candidate.weight }))
      .filter(({ candidate }) => absenceOf(candidate) === null);
    const byMeasure = byLatency ? latencyShares(present.map(({ candidate }) => candidate.latencyMs)) : undefined;
    const now = slowStart === undefined ? 0 : nowMs();
    let warming = false;
    this.#entries = present.map((entry, place) => {
      const warm = slowStart === undefined ? 1 : slowStartShare(entry.candidate.healthySinceMs, now, slowStart);
      const fast = byMeasure?.[place] ?? 1;
      if (warm < 1) warming = true;
      return { ...entry, weight: entry.weight * warm * fast, slowStartShare: warm, latencyShare: fast };
    });
    this.#staleAtMs =
      warming && slowStart !== undefined ? now + slowStart.durationMs / SLOW_START_STEPS : Number.POSITIVE_INFINITY;
  }
}
