import type { Problem } from "./problem.ts";

/** A position, such as an applied index or a revision, that one session was told. */
export interface PositionSeen {
  readonly session: string | number;
  readonly invokedAt: number;
  readonly completedAt: number;
  readonly position: number;
}

/**
 * Checks that the positions of each session never go back: a request that was invoked after another one of its session had
 * completed gets the same position or a later one. Requests that overlap are not compared. An empty list is a pass.
 */
export function checkMonotonic(seen: readonly PositionSeen[]): Problem<"went-back">[] {
  const sessions = Map.groupBy(seen, ({ session }) => session);
  return [...sessions.values()].flatMap(problemsOfSession);
}

function problemsOfSession(seen: readonly PositionSeen[]): Problem<"went-back">[] {
  const problems: Problem<"went-back">[] = [];
  const byCompletion = seen.toSorted((a, b) => a.completedAt - b.completedAt);
  let completed = 0;
  let highest: PositionSeen | undefined;
  for (const next of seen.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
    for (; completed < byCompletion.length; completed++) {
      const earlier = byCompletion[completed]!;
      if (earlier.completedAt >= next.invokedAt) break;
      if (highest === undefined || earlier.position > highest.position) highest = earlier;
    }
    if (highest === undefined || next.position >= highest.position) continue;
    const before = `${highest.position} at ${highest.completedAt}`;
    const message = `session ${next.session} was at ${before} and then at ${next.position}, asked at ${next.invokedAt}`;
    problems.push({ kind: "went-back", message });
  }
  return problems;
}
