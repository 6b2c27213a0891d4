import { DisterError } from "@dister/types";

/** One of the many that can be chosen. Only `weight` and `alive` are needed; the rest is read where a policy uses it. */
export interface Candidate {
  /** Share of the picks: a whole number from 0 to {@link WEIGHT_MAX}; 0 is never chosen. */
  readonly weight: number;
  /** False: never chosen, whatever the weight. */
  readonly alive: boolean;
  /** Never chosen though alive: it finishes what it has (`draining`), or somebody works on it (`maintenance`). */
  readonly takenOut?: "draining" | "maintenance" | undefined;
  /** For slow start: since when it is healthy, by the balancer's clock; left out, it has been long enough. */
  readonly healthySinceMs?: number | undefined;
  /** For policy `latency`: how long its checks take, 0 or more milliseconds; left out, nothing was measured yet. */
  readonly latencyMs?: number | undefined;
  /** For policy `first`: what it is called by in `tagOrder`. */
  readonly tags?: readonly string[] | undefined;
}

/** The largest weight. With it the sum of any list that fits an array is still exact in a double. */
export const WEIGHT_MAX = 1_000_000;

/** Why a candidate takes no part at all, whatever the policy. */
export type Absence = "dead" | "draining" | "maintenance" | "weight 0";

/** Why a candidate takes no part; null when it does. The first reason that somebody would have to remove is told. */
export function absenceOf(candidate: Candidate): Absence | null {
  if (!candidate.alive) return "dead";
  if (candidate.takenOut !== undefined) return candidate.takenOut;
  return candidate.weight === 0 ? "weight 0" : null;
}

/**
 * The weight with which the candidate at `position` takes part: 0 when it is dead or taken out. The weight of such a one
 * is checked all the same, so that a wrong list is noticed before the day it matters.
 * @throws DisterError `DISTER_ERR_INVALID` naming `candidates.<position>.weight`.
 */
export function activeWeight(candidate: Candidate, position: number): number {
  const { weight } = candidate;
  if (!Number.isSafeInteger(weight) || weight < 0 || weight > WEIGHT_MAX) {
    throw refusal(`candidates.${position}.weight`, weight, `a whole number from 0 to ${WEIGHT_MAX}`);
  }
  return candidate.alive && candidate.takenOut === undefined ? weight : 0;
}

/**
 * Checks what only some policies read.
 * @throws DisterError `DISTER_ERR_INVALID` naming `candidates.<position>.latencyMs`, `.healthySinceMs` or `.takenOut`.
 */
export function checkMeasures(candidate: Candidate, position: number): void {
  const { latencyMs, healthySinceMs, takenOut } = candidate;
  if (latencyMs !== undefined && !(Number.isFinite(latencyMs) && latencyMs >= 0)) {
    throw refusal(`candidates.${position}.latencyMs`, latencyMs, "a finite number of milliseconds, 0 or more");
  }
  if (healthySinceMs !== undefined && !Number.isFinite(healthySinceMs)) {
    throw refusal(`candidates.${position}.healthySinceMs`, healthySinceMs, "a finite number of milliseconds");
  }
  if (takenOut !== undefined && takenOut !== "draining" && takenOut !== "maintenance") {
    throw refusal(`candidates.${position}.takenOut`, takenOut, "draining or maintenance, or nothing");
  }
}

/** What came instead is shown when it is a number or a short text, else only its type. */
export function refusal(field: string, got: unknown, allowed: string): DisterError {
  const printable = typeof got === "number" || (typeof got === "string" && got.length <= 80);
  const shown = got === undefined ? "nothing" : printable ? got : typeof got;
  return new DisterError("DISTER_ERR_INVALID", { field, got: shown, allowed });
}
