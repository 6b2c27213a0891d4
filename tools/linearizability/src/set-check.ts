import type { Outcome } from "./operation.ts";
import type { Problem } from "./problem.ts";

/** One attempt to add an element. An element that is tried again after an unknown outcome has one add for each attempt. */
export interface SetAdd {
  readonly client: number;
  readonly element: string;
  readonly outcome: Outcome;
}

/** What a node holds after everything was healed and has come to rest. */
export interface SetFinalRead {
  readonly node: string;
  readonly elements: readonly string[];
}

export type SetProblemKind = "no-reads" | "lost" | "refused-present" | "never-added" | "doubled" | "nodes-differ";

/**
 * Checks a set that only grows by its final reads, one or more for every node: no acknowledged add is lost, no refused one
 * is present, nothing is there that nobody added, and all nodes are equal. An empty list is a pass.
 */
export function checkSet(adds: readonly SetAdd[], finalReads: readonly SetFinalRead[]): Problem<SetProblemKind>[] {
  if (finalReads.length === 0) return [{ kind: "no-reads", message: "nobody read the set, so nothing is proved" }];
  const outcomeOf = new Map<string, Outcome>();
  for (const { element, outcome } of adds) outcomeOf.set(element, strongest(outcomeOf.get(element), outcome));
  const problems = finalReads.flatMap((read) => problemsOfRead(read, outcomeOf));
  return problems.concat(differencesOf(finalReads));
}

/** Of several attempts one acknowledgement proves the add, and only refusals alone prove that there was none. */
function strongest(before: Outcome | undefined, outcome: Outcome): Outcome {
  if (before === undefined || before === outcome) return outcome;
  return before === "ok" || outcome === "ok" ? "ok" : "unknown";
}

function problemsOfRead(
  { node, elements }: SetFinalRead,
  outcomeOf: ReadonlyMap<string, Outcome>,
): Problem<SetProblemKind>[] {
  const problems: Problem<SetProblemKind>[] = [];
  const present = new Set<string>();
  for (const element of elements) {
    const outcome = outcomeOf.get(element);
    if (present.has(element)) {
      problems.push({ kind: "doubled", message: `node ${node} holds ${element} more than once` });
    } else if (outcome === undefined) {
      problems.push({ kind: "never-added", message: `node ${node} holds ${element}, which nobody added` });
    } else if (outcome === "refused") {
      problems.push({ kind: "refused-present", message: `node ${node} holds ${element}, whose add was refused` });
    }
    present.add(element);
  }
  for (const [element, outcome] of outcomeOf) {
    if (outcome !== "ok" || present.has(element)) continue;
    problems.push({ kind: "lost", message: `node ${node} does not hold ${element}, whose add was acknowledged` });
  }
  return problems;
}

function differencesOf([first, ...others]: readonly SetFinalRead[]): Problem<SetProblemKind>[] {
  const expected = new Set(first!.elements);
  return others.flatMap(({ node, elements }) => {
    const held = new Set(elements);
    const missing = [...expected].filter((element) => !held.has(element));
    const differing = missing.concat([...held].filter((element) => !expected.has(element)));
    if (differing.length === 0) return [];
    const some = differing.slice(0, 10).join(", ");
    const message = `nodes ${first!.node} and ${node} differ in ${differing.length} elements: ${some}`;
    return [{ kind: "nodes-differ" as const, message }];
  });
}
