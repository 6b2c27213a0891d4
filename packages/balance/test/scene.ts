import { SeededRng } from "@dister/types/testing";
import { type Balancer, type BalancerOptions, type Candidate, createBalancer } from "../src/index.ts";

export interface Server extends Candidate {
  readonly name: string;
}

/** Candidates by name; a number is the weight of one that is alive. */
export function servers(list: Record<string, number | Partial<Candidate>>): Server[] {
  return Object.entries(list).map(([name, fields]) => ({
    name,
    weight: 100,
    alive: true,
    ...(typeof fields === "number" ? { weight: fields } : fields),
  }));
}

export function balancer(
  options: Omit<BalancerOptions<Server>, "idOf">,
  list: readonly Server[],
  outside: { readonly seed?: number; readonly nowMs?: () => number } = {},
): Balancer<Server> {
  const components = { rng: new SeededRng(outside.seed ?? 2018), nowMs: outside.nowMs };
  return createBalancer(components, { ...options, idOf: ({ name }) => name }, list);
}

export const nameOf = (server: Server | undefined): string | undefined => server?.name;

/** How often each was chosen. */
export function counted(picks: number, pick: (nth: number) => Server | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  for (let nth = 0; nth < picks; nth++) {
    const name = String(pick(nth)?.name);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Pearson's chi-square of counts against shares that sum up to 1. */
export function chiSquare(counts: ReadonlyMap<string, number>, shares: Readonly<Record<string, number>>): number {
  const picks = [...counts.values()].reduce((sum, count) => sum + count, 0);
  let sum = 0;
  for (const [name, share] of Object.entries(shares)) {
    sum += ((counts.get(name) ?? 0) - share * picks) ** 2 / (share * picks);
  }
  return sum;
}
