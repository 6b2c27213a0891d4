/** States worth reaching. One that no run reaches means that the simulator does not test what it claims to. */
export const INTERESTING = [
  "leader elected",
  "leader deposed by a higher term",
  "leader lost touch with a majority",
  "leader left because its disk was silent",
  "leadership handed over",
  "log overwritten",
  "committed entry of an older term",
  "log compacted",
  "snapshot sent",
  "snapshot installed",
  "snapshot cut off",
  "reception of a snapshot resumed",
  "installation of a snapshot finished at a start",
  "membership changed",
  "membership rolled back",
  "old entry on a majority, not committed",
  "learner promoted",
  "voter demoted",
  "leader removed itself",
  "node removed",
  "torn log recovered",
  "node restarted",
  "all nodes down at once",
  "restart with a state machine that lost transactions",
  "suspect node",
  "suspect node probed",
  "suspect node healed",
  "damaged log refused",
  "failed sync stopped a node",
  "failed write stopped a node",
  "full disk stopped a node",
  "paused leader",
  "clock ran wrong",
  "write of unknown outcome",
  "write surely not done",
  "write applied once though sent twice",
  "read refused",
  "read answered by a follower",
  "proposal refused during a hand-over",
  "minority leader",
  "late vote passed over",
  "append answered in another term",
  "crash at a chosen moment",
] as const;

/** States of runs in which services are registered. */
export const OF_SERVICES = ["service protected", "service command refused by the state"] as const;

const EVERY: readonly Interesting[] = [...INTERESTING, ...OF_SERVICES];

export type Interesting = (typeof INTERESTING)[number] | (typeof OF_SERVICES)[number];

/** How often each was reached. */
export class Coverage {
  readonly #counts = new Map<Interesting, number>();

  reached(what: Interesting, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  count(what: Interesting): number {
    return this.#counts.get(what) ?? 0;
  }

  add(other: Coverage): void {
    for (const what of EVERY) if (other.count(what) > 0) this.reached(what, other.count(what));
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(EVERY.map((what) => [what, this.count(what)]));
  }

  static from(counts: Record<string, number>): Coverage {
    const coverage = new Coverage();
    for (const what of EVERY) if ((counts[what] ?? 0) > 0) coverage.reached(what, counts[what]!);
    return coverage;
  }
}
