import type { Outcome } from "./operation.ts";
import type { Problem } from "./problem.ts";

/** One attempt to append. Retries of one append have the same request id and the same element. */
export interface AppendAttempt {
  readonly list: string;
  readonly element: string;
  readonly requestId: string;
  readonly invokedAt: number;
  /** Not read when the outcome is `unknown`. */
  readonly completedAt: number;
  readonly outcome: Outcome;
}

/** A whole list as an answered read showed it. */
export interface ListRead {
  readonly list: string;
  /** Who read, for the message. */
  readonly reader: string | number;
  readonly elements: readonly string[];
  readonly invokedAt: number;
  readonly completedAt: number;
}

export type AppendProblemKind =
  | "writer-went-on"
  | "never-appended"
  | "refused-present"
  | "from-the-future"
  | "doubled"
  | "fork"
  | "went-back"
  | "lost"
  | "out-of-order";

/** All attempts of one request id. */
interface Append {
  readonly list: string;
  readonly element: string;
  readonly invokedAt: number;
  /** When the first attempt was acknowledged; infinite when none was. */
  readonly acknowledgedAt: number;
  readonly outcome: Outcome;
}

type AppendProblem = Problem<AppendProblemKind>;

/**
 * Checks lists that one writer each extends by reading, appending and writing back. Elements are unique in a list. Any two
 * reads show one a prefix of the other, and the later one is not shorter; every acknowledged append is in each later read;
 * nothing is there twice, however often its request was retried. An empty list is a pass.
 *
 * The writer has to retry a request until it is acknowledged or surely refused before it appends the next element: an old
 * write of unknown outcome may rightly undo a later one. A history that breaks this is reported as `writer-went-on`.
 */
export function checkAppend(attempts: readonly AppendAttempt[], reads: readonly ListRead[]): AppendProblem[] {
  const appends = Map.groupBy(appendsOf(attempts), ({ list }) => list);
  const readsOf = Map.groupBy(reads, ({ list }) => list);
  return [...new Set([...appends.keys(), ...readsOf.keys()])].flatMap((list) =>
    problemsOfList(appends.get(list) ?? [], readsOf.get(list) ?? []),
  );
}

function appendsOf(attempts: readonly AppendAttempt[]): Append[] {
  const requests = Map.groupBy(attempts, ({ list, requestId }) => JSON.stringify([list, requestId]));
  return [...requests.values()].map((tries) => {
    const { list, element, requestId } = tries[0]!;
    if (tries.some((attempt) => attempt.element !== element)) {
      throw new TypeError(`request ${requestId} of list ${list} was used for two elements`);
    }
    const answered = tries.filter(({ outcome }) => outcome === "ok");
    const acknowledgedAt = Math.min(...answered.map(({ completedAt }) => completedAt));
    const isRefused = tries.every(({ outcome }) => outcome === "refused");
    const outcome = answered.length > 0 ? "ok" : isRefused ? "refused" : "unknown";
    return { list, element, invokedAt: Math.min(...tries.map(({ invokedAt }) => invokedAt)), acknowledgedAt, outcome };
  });
}

function problemsOfList(appends: readonly Append[], reads: readonly ListRead[]): AppendProblem[] {
  const byElement = new Map(appends.map((append) => [append.element, append]));
  if (byElement.size < appends.length)
    throw new TypeError(`an element of list ${appends[0]!.list} has two request ids`);
  const possible = appends.filter(({ outcome }) => outcome !== "refused").toSorted((a, b) => a.invokedAt - b.invokedAt);
  const longest = reads.reduce<readonly string[]>(
    (most, { elements }) => (elements.length > most.length ? elements : most),
    [],
  );
  const positionOf = new Map(longest.map((element, position) => [element, position]));
  return [
    ...problemsOfWriter(possible),
    ...reads.flatMap((read) => problemsOfRead(read, byElement, longest)),
    ...problemsOfLengths(reads),
    ...problemsOfLosses(possible, reads),
    ...problemsOfOrder(possible, positionOf),
  ];
}

function problemsOfWriter(possible: readonly Append[]): AppendProblem[] {
  return possible.slice(1).flatMap((next, position) => {
    const before = possible[position]!;
    if (before.acknowledgedAt <= next.invokedAt) return [];
    const message = `list ${next.list}: ${next.element} was appended before ${before.element} was settled`;
    return [{ kind: "writer-went-on" as const, message }];
  });
}

function problemsOfRead(
  read: ListRead,
  byElement: ReadonlyMap<string, Append>,
  longest: readonly string[],
): AppendProblem[] {
  const problems: AppendProblem[] = [];
  const add = (kind: AppendProblemKind, what: string): void => {
    problems.push({ kind, message: `list ${read.list}, read by ${read.reader} at ${read.invokedAt}: ${what}` });
  };
  const present = new Set<string>();
  for (const element of read.elements) {
    const append = byElement.get(element);
    if (present.has(element)) add("doubled", `${element} is there more than once`);
    else if (append === undefined) add("never-appended", `nobody appended ${element}`);
    else if (append.outcome === "refused") add("refused-present", `the append of ${element} was refused`);
    else if (append.invokedAt > read.completedAt) add("from-the-future", `${element} was only appended later`);
    present.add(element);
  }
  const split = read.elements.findIndex((element, position) => element !== longest[position]);
  if (split >= 0) add("fork", `has ${read.elements[split]} at ${split}, where the longest read has ${longest[split]}`);
  return problems;
}

/** Once all reads are prefixes of the longest one, only their lengths can contradict each other in time. */
function problemsOfLengths(reads: readonly ListRead[]): AppendProblem[] {
  const problems: AppendProblem[] = [];
  const byCompletion = reads.toSorted((a, b) => a.completedAt - b.completedAt);
  let completed = 0;
  let longest: ListRead | undefined;
  for (const read of reads.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
    for (; completed < byCompletion.length && byCompletion[completed]!.completedAt < read.invokedAt; completed++) {
      const earlier = byCompletion[completed]!;
      if (longest === undefined || earlier.elements.length > longest.elements.length) longest = earlier;
    }
    if (longest === undefined || read.elements.length >= longest.elements.length) continue;
    const before = `${longest.elements.length} elements, read by ${longest.reader} at ${longest.completedAt}`;
    const message = `list ${read.list} had ${before}, and then ${read.elements.length}, read by ${read.reader} at ${read.invokedAt}`;
    problems.push({ kind: "went-back", message });
  }
  return problems;
}

/** Each lost append is told once, with the first read that proves it. */
function problemsOfLosses(possible: readonly Append[], reads: readonly ListRead[]): AppendProblem[] {
  const acknowledged = possible
    .filter(({ outcome }) => outcome === "ok")
    .toSorted((a, b) => a.acknowledgedAt - b.acknowledgedAt);
  const problems: AppendProblem[] = [];
  const lost = new Set<Append>();
  for (const read of reads.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
    const present = new Set(read.elements);
    for (const append of acknowledged) {
      if (append.acknowledgedAt >= read.invokedAt) break;
      if (present.has(append.element) || lost.has(append)) continue;
      lost.add(append);
      const message = `list ${read.list}: ${append.element}, acknowledged at ${append.acknowledgedAt}, is not in the read by ${read.reader} at ${read.invokedAt}`;
      problems.push({ kind: "lost", message });
    }
  }
  return problems;
}

function problemsOfOrder(possible: readonly Append[], positionOf: ReadonlyMap<string, number>): AppendProblem[] {
  const inTime = possible.filter(({ element }) => positionOf.has(element));
  return inTime.slice(1).flatMap((next, position) => {
    const before = inTime[position]!;
    if (positionOf.get(before.element)! < positionOf.get(next.element)!) return [];
    const message = `list ${next.list}: ${before.element} was appended before ${next.element} and stands behind it`;
    return [{ kind: "out-of-order" as const, message }];
  });
}
