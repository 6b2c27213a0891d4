import type { Outcome } from "@dister/linearizability";

/** How many operations ended in which way. */
export interface Counts {
  ok: number;
  refused: number;
  unknown: number;
  /** Not begun: too many were under way. */
  heldBack: number;
}

export function noCounts(): Counts {
  return { ok: 0, refused: 0, unknown: 0, heldBack: 0 };
}

export function addCounts(into: Counts, more: Counts): void {
  into.ok += more.ok;
  into.refused += more.refused;
  into.unknown += more.unknown;
  into.heldBack += more.heldBack;
}

/** Counts of all workloads of a phase, and when writes were acknowledged. */
export class Tally {
  readonly counts = new Map<string, Counts>();
  /** Why operations were not done, or perhaps not: codes of the API, or that there was no connection or no reply. */
  readonly reasons = new Map<string, number>();
  readonly #startedMs = performance.now();
  #lastWriteMs = performance.now();
  #longestOutageMs = 0;

  of(workload: string): Counts {
    const known = this.counts.get(workload) ?? noCounts();
    this.counts.set(workload, known);
    return known;
  }

  count(workload: string, outcome: Outcome, isWrite: boolean): void {
    this.of(workload)[outcome]++;
    if (isWrite && outcome === "ok") this.#acknowledged();
  }

  reason(reason: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }

  /** Longest time between two acknowledged writes of anybody up to now. */
  longestOutageMs(): number {
    return Math.max(this.#longestOutageMs, performance.now() - this.#lastWriteMs);
  }

  get total(): Counts {
    const total = noCounts();
    for (const counts of this.counts.values()) addCounts(total, counts);
    return total;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  #acknowledged(): void {
    const now = performance.now();
    this.#longestOutageMs = Math.max(this.#longestOutageMs, now - this.#lastWriteMs);
    this.#lastWriteMs = now;
  }
}
