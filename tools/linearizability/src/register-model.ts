import type { Evidence, Model } from "./model.ts";
import { WriteSightings } from "./write-sightings.ts";

export type RegisterInput =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "get"; readonly key: string };

/** The answer of a `get`; null when the key does not exist. The answers of the others are not looked at. */
export type RegisterOutput = string | null;

/** The value of the one key of a partition; undefined when the key does not exist. */
export type RegisterState = string | undefined;

const ABSENT = "-";
const cellOf = (value: string | null | undefined): string =>
  value === null || value === undefined ? ABSENT : `=${value}`;

/** Keys that are put, deleted and read one at a time; at first none exists. Cheapest when every value is put only once. */
export const registerModel: Model<RegisterState, RegisterInput, RegisterOutput> = {
  init: () => undefined,
  step(state, input, output) {
    if (input.kind === "put") return input.value;
    if (input.kind === "delete") return undefined;
    return output === undefined || output === (state ?? null) ? state : null;
  },
  key: cellOf,
  partition: (input) => input.key,
  readOnly: (input) => input.kind === "get",
  evidence(operations) {
    const sightings = new WriteSightings();
    for (const operation of operations) {
      const { input, output, outcome } = operation;
      if (input.kind !== "get") sightings.wrote(writtenBy(input));
      else if (outcome === "ok") sightings.saw(cellOf(output), operation);
    }
    const evidence = new Map<(typeof operations)[number], Evidence>();
    for (const operation of operations) {
      const { input } = operation;
      if (input.kind === "get") continue;
      const cell = writtenBy(input);
      // That a key does not exist may also be the beginning, so it never proves a delete.
      const own = cell === ABSENT ? undefined : sightings.ofOnlyWriter(cell);
      if (sightings.isUnseen(cell, operation)) evidence.set(operation, { unseen: true });
      else if (own) evidence.set(operation, { latestAt: own.firstCompletedAt, lastsUntil: own.lastInvokedAt });
    }
    return evidence;
  },
};

function writtenBy(input: Exclude<RegisterInput, { kind: "get" }>): string {
  return cellOf(input.kind === "put" ? input.value : null);
}
