import { DisterError } from "@dister/types";

/** One of the many that can be chosen. */
export interface Candidate {
  /** Share of the picks: a whole number from 0 to {@link WEIGHT_MAX}; 0 is never chosen. */
  readonly weight: number;
  /** False: never chosen, whatever the weight. */
  readonly alive: boolean;
}

/** The largest weight. With it the sum of any list that fits an array is still exact in a double. */
export const WEIGHT_MAX = 1_000_000;

/**
 * The weight with which the candidate at `position` takes part: 0 when it is dead. The weight of a dead one is checked
 * all the same, so that a wrong list is noticed before the day it matters.
 * @throws DisterError `DISTER_ERR_INVALID` naming `candidates.<position>.weight`.
 */
export function activeWeight(candidate: Candidate, position: number): number {
  const { weight } = candidate;
  if (!Number.isSafeInteger(weight) || weight < 0 || weight > WEIGHT_MAX) {
    throw new DisterError("DISTER_ERR_INVALID", {
      field: `candidates.${position}.weight`,
      got: typeof weight === "number" ? weight : typeof weight,
      allowed: `a whole number from 0 to ${WEIGHT_MAX}`,
    });
  }
  return candidate.alive ? weight : 0;
}
