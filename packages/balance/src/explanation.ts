import type { Absence } from "./candidate.ts";
import { figure } from "./policies/strategy.ts";
import type { Entry, Member } from "./roster.ts";

/** Why a candidate was not among those who could be chosen. */
export type LeftOut = Absence | "over its bounded load";

/** What became of one candidate. */
export interface CandidateReport<T> {
  readonly candidate: T;
  /** The weight that it has; 0 or more. */
  readonly weight: number;
  /** The weight that it took part with: reduced by slow start and latency, 0 when it was left out. */
  readonly effectiveWeight: number;
  /** Null when it took part. */
  readonly leftOut: LeftOut | null;
  /** 1 when it was chosen first, 2 when second …; null when it was not. */
  readonly chosen: number | null;
  /** All of this in one sentence. */
  readonly says: string;
}

/** A choice and its reasons. */
export interface Explanation<T> {
  readonly policy: string;
  /** Those chosen, in this order; empty when nobody could be. */
  readonly chosen: readonly T[];
  /** Everybody, in the order of the list. */
  readonly candidates: readonly CandidateReport<T>[];
  /** Sum of the effective weights before the first draw. */
  readonly totalWeight: number;
  /** One sentence for each of `chosen`, which names it by its id; one that says why nobody was chosen when there are none. */
  readonly draws: readonly string[];
}

/** What is known of a choice behind it. */
interface Outcome<T> {
  readonly policy: string;
  /** Everybody, in the order of the list. */
  readonly members: readonly Member<T>[];
  /** Who could be chosen. */
  readonly entries: readonly Entry<T>[];
  readonly chosen: readonly Entry<T>[];
  /** One clause for each of `chosen`. */
  readonly draws: readonly string[];
  /** By position. */
  readonly overloaded: ReadonlyMap<number, string>;
}

export function explained<T>(outcome: Outcome<T>): Explanation<T> {
  const { policy, members, entries, chosen, draws, overloaded } = outcome;
  const entryAt = new Map(entries.map((entry) => [entry.position, entry]));
  const rankAt = new Map(chosen.map(({ position }, rank) => [position, rank + 1]));
  const reports = members.map((member) =>
    reportOf(member, entryAt.get(member.position), {
      chosen: rankAt.get(member.position) ?? null,
      overload: overloaded.get(member.position),
    }),
  );
  return {
    policy,
    chosen: chosen.map(({ candidate }) => candidate),
    candidates: reports,
    totalWeight: reports.reduce((sum, { effectiveWeight }) => sum + effectiveWeight, 0),
    draws:
      chosen.length === 0
        ? [`Nobody was chosen: of ${members.length} candidates none may be.`]
        : draws.map((says, draw) => `Candidate ${chosen[draw]!.id} was chosen: ${says}.`),
  };
}

function reportOf<T>(
  member: Member<T>,
  entry: Entry<T> | undefined,
  fate: { readonly chosen: number | null; readonly overload: string | undefined },
): CandidateReport<T> {
  const { candidate, weight, absence } = member;
  const { chosen, overload } = fate;
  // Somebody that had room in one draw and none in a later one was no less chosen.
  const full = chosen === null && overload !== undefined;
  const leftOut = full ? "over its bounded load" : absence;
  if (entry === undefined || full) {
    const because = full ? `: it ${overload}` : "";
    return {
      candidate,
      weight,
      effectiveWeight: 0,
      leftOut,
      chosen,
      says: `left out, ${leftOut}${because}`,
    };
  }
  const reductions = [
    entry.slowStartShare < 1 ? `slow start leaves ${percent(entry.slowStartShare)}` : "",
    entry.latencyShare < 1 ? `${latencyOf(member)} leaves ${percent(entry.latencyShare)}` : "",
  ].filter((text) => text !== "");
  const of = reductions.length === 0 ? "" : ` of ${weight}: ${reductions.join(", ")}`;
  const fateSays = chosen === null ? "" : `; chosen${chosen === 1 ? "" : ` as number ${chosen}`}`;
  return {
    candidate,
    weight,
    effectiveWeight: entry.weight,
    leftOut: null,
    chosen,
    says: `took part with weight ${figure(entry.weight)}${of}${fateSays}`,
  };
}

function latencyOf({ latencyMs }: Pick<Member<unknown>, "latencyMs">): string {
  return latencyMs === undefined ? "the median of the latencies" : `its latency of ${figure(latencyMs)} ms`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}
