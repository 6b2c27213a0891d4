import type { Evidence, Model } from "./model.ts";
import { WriteSightings } from "./write-sightings.ts";

/** Several keys that are written together and read together; null as a value means that the key is deleted. */
export type MultiKeyInput =
  | { readonly kind: "put"; readonly set: string; readonly values: Readonly<Record<string, string | null>> }
  | { readonly kind: "read"; readonly set: string };

/** The answer of a `read`: the value of every key of the set; a key that is null or missing does not exist. */
export type MultiKeyOutput = Readonly<Record<string, string | null>>;

/** The keys of the one set of a partition that exist. */
export type MultiKeyState = ReadonlyMap<string, string>;

/**
 * Sets of keys as one object each: a put is done as a whole or not at all, and a read sees all keys at one moment. A put
 * may name some of the keys. Cheapest when no value is put into a key twice.
 */
export const multiKeyModel: Model<MultiKeyState, MultiKeyInput, MultiKeyOutput> = {
  init: () => new Map(),
  step(state, input, output) {
    if (input.kind === "read") return output === undefined || shows(output, state) ? state : null;
    const next = new Map(state);
    for (const [key, value] of Object.entries(input.values)) {
      if (value === null) next.delete(key);
      else next.set(key, value);
    }
    return next;
  },
  key: (state) => JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1))),
  partition: (input) => input.set,
  readOnly: (input) => input.kind === "read",
  evidence(operations) {
    const sightings = new WriteSightings();
    for (const operation of operations) {
      const { input, output, outcome } = operation;
      if (input.kind === "put") for (const cell of cellsOf(input.values)) sightings.wrote(cell);
      else if (outcome === "ok" && output) for (const cell of cellsOf(output)) sightings.saw(cell, operation);
    }
    const evidence = new Map<(typeof operations)[number], Evidence>();
    for (const operation of operations) {
      const { input, outcome } = operation;
      if (input.kind === "read") continue;
      const cells = cellsOf(input.values);
      const firstSeenAt = cells.map(
        (cell) => sightings.ofOnlyWriter(cell)?.firstCompletedAt ?? Number.POSITIVE_INFINITY,
      );
      const latestAt = Math.min(...firstSeenAt);
      // A put of some keys does not cover the others, so only one that may be left out altogether is called unseen. That a
      // key does not exist can be seen in many ways, so a put that deletes is never called so.
      const deletes = Object.values(input.values).includes(null);
      const unseen = outcome === "unknown" && !deletes && cells.every((cell) => sightings.isUnseen(cell, operation));
      if (unseen) evidence.set(operation, { unseen });
      else if (latestAt < Number.POSITIVE_INFINITY) evidence.set(operation, { latestAt });
    }
    return evidence;
  },
};

function cellsOf(values: MultiKeyOutput): string[] {
  return Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [JSON.stringify([key, value])]));
}

function shows(output: MultiKeyOutput, state: MultiKeyState): boolean {
  let existing = 0;
  for (const [key, value] of Object.entries(output)) {
    if ((state.get(key) ?? null) !== value) return false;
    if (value !== null) existing++;
  }
  return existing === state.size;
}
