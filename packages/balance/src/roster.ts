import { type Absence, absenceOf, activeWeight, type Candidate, checkMeasures, refusal } from "./candidate.ts";
import { latencyShares } from "./latency-share.ts";
import { SLOW_START_STEPS, type SlowStart, slowStartShare } from "./slow-start.ts";
import { checkListLength } from "./smooth-round-robin.ts";

/** One of the list as it was when it was handed in: what its owner writes into it later is not seen before the next list. */
export interface Member<T> {
  readonly candidate: T;
  /** Its place in the list that was handed in. */
  readonly position: number;
  /** What makes it the same one across lists. */
  readonly id: string;
  readonly weight: number;
  /** Why it may not be chosen; null when it may. */
  readonly absence: Absence | null;
  readonly latencyMs: number | undefined;
  readonly healthySinceMs: number | undefined;
}

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
  #members: readonly Member<T>[] = [];
  #entries: readonly Entry<T>[] = [];
  /** When the weights have to be read again; infinite when nobody is warming up. */
  #staleAtMs = Number.POSITIVE_INFINITY;

  constructor(options: RosterOptions<T>) {
    this.#options = options;
  }

  /** Everybody, in the order of the list. */
  get members(): readonly Member<T>[] {
    return this.#members;
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
    const members = candidates.map((candidate, position): Member<T> => {
      activeWeight(candidate, position);
      checkMeasures(candidate, position);
      const id = this.#options.idOf(candidate, position);
      const before = seen.get(id);
      if (before !== undefined) {
        throw refusal(`candidates.${position}`, `the id of candidates.${before}`, "each id once");
      }
      seen.set(id, position);
      const { weight, latencyMs, healthySinceMs } = candidate;
      return { candidate, position, id, weight, absence: absenceOf(candidate), latencyMs, healthySinceMs };
    });
    this.#members = members;
    this.refresh();
  }

  /** Reads the weights as they are now. */
  refresh(): void {
    const { byLatency, slowStart, nowMs } = this.#options;
    const present = this.#members.filter(({ absence }) => absence === null);
    const byMeasure = byLatency ? latencyShares(present.map(({ latencyMs }) => latencyMs)) : undefined;
    const now = slowStart === undefined ? 0 : nowMs();
    let warming = false;
    this.#entries = present.map(({ candidate, position, id, weight, healthySinceMs }, place) => {
      const warm = slowStart === undefined ? 1 : slowStartShare(healthySinceMs, now, slowStart);
      const fast = byMeasure?.[place] ?? 1;
      if (warm < 1) warming = true;
      return { candidate, position, id, weight: weight * warm * fast, slowStartShare: warm, latencyShare: fast };
    });
    this.#staleAtMs =
      warming && slowStart !== undefined ? now + slowStart.durationMs / SLOW_START_STEPS : Number.POSITIVE_INFINITY;
  }
}
