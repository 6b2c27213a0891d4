import type { RegisterOperation } from "./history.ts";

/** All operations of one value: its write and its reads. */
interface Cluster {
  firstCompletedAt: number;
  lastInvokedAt: number;
}

/**
 * Another way to the same verdict, without any search, for registers whose values are each put once, without deletes and
 * unknown outcomes (Gibbons and Korach, "Testing Shared Memories", 1997): all operations of one value stand together in a
 * sequence, so of two values one goes first as a whole. That fails exactly when each has an operation that comes before
 * one of the other.
 */
export function linearizableByZones(history: readonly RegisterOperation[]): boolean {
  const clusters = new Map<string | null, Cluster>([[null, { firstCompletedAt: -1, lastInvokedAt: -1 }]]);
  for (const { input, invokedAt, completedAt } of history) {
    if (input.kind === "put") clusters.set(input.value, { firstCompletedAt: completedAt, lastInvokedAt: invokedAt });
  }
  const putAt = new Map(
    history.flatMap(({ input, invokedAt }) => (input.kind === "put" ? [[input.value, invokedAt]] : [])),
  );
  for (const { input, invokedAt, completedAt, output } of history) {
    if (input.kind !== "get") continue;
    const cluster = clusters.get(output!);
    if (cluster === undefined || completedAt < (putAt.get(output!) ?? -1)) return false;
    cluster.firstCompletedAt = Math.min(cluster.firstCompletedAt, completedAt);
    cluster.lastInvokedAt = Math.max(cluster.lastInvokedAt, invokedAt);
  }
  const all = [...clusters.values()];
  return all.every((a) =>
    all.every((b) => a === b || a.firstCompletedAt >= b.lastInvokedAt || b.firstCompletedAt >= a.lastInvokedAt),
  );
}
