import type { Rng } from "@dister/types";
import { type Candidate, refusal } from "./candidate.ts";
import { type Explanation, explained } from "./explanation.ts";
import { BoundedHash, type LoadBound } from "./policies/bounded-hash.ts";
import { FirstInOrder } from "./policies/first-in-order.ts";
import type { Strategy } from "./policies/strategy.ts";
import { TakingTurns } from "./policies/taking-turns.ts";
import { WeightedDraw } from "./policies/weighted-draw.ts";
import { type Entry, Roster } from "./roster.ts";
import { checkSlowStart, type SlowStart } from "./slow-start.ts";

/** The ways to choose, see {@link createBalancer}. */
export const POLICIES = Object.freeze(["priority", "round-robin", "hash", "latency", "first"] as const);
export type Policy = (typeof POLICIES)[number];

/** What comes from outside. */
export interface BalancerComponents {
  /** Drawn from once per choice by `priority` and `latency`, by the others never. */
  readonly rng: Pick<Rng, "next">;
  /** Monotonic milliseconds, the clock of `healthySinceMs`; needed for slow start only. */
  readonly nowMs?: (() => number) | undefined;
}

export interface BalancerOptions<T> {
  readonly policy: Policy;
  /**
   * What makes a candidate the same one when the list changes; different for each of a list. `hash` ranks by it, and
   * `round-robin` keeps turns by it. Left out, it is the position.
   */
  readonly idOf?: ((candidate: T, position: number) => string) | undefined;
  /** Lets those that have just become healthy begin with little; left out, they begin with their whole weight. */
  readonly slowStart?: SlowStart | undefined;
  /** For `hash`: bounded load; left out, a key goes to its candidate whatever that has to do. */
  readonly bound?: LoadBound<T> | undefined;
  /** For `first`: the tags, the foremost first; left out, the order of the list counts alone. */
  readonly tagOrder?: readonly string[] | undefined;
}

/**
 * Chooses of a list. Whoever is dead, taken out or of weight 0 is never chosen.
 *
 * `key` is needed by policy `hash` (any text that is not empty) and passed over by the others.
 */
export interface Balancer<T extends Candidate> {
  readonly policy: Policy;
  /** How many may be chosen. */
  readonly size: number;
  /**
   * Takes a new list in place of the old one; the array itself is copied, later changes of it are not seen.
   * @throws DisterError `DISTER_ERR_INVALID` naming the field, for example `candidates.2.weight`; the old list stays.
   */
  update(candidates: readonly T[]): void;
  /**
   * One; undefined when nobody may be chosen. Allocates nothing, except with a load bound.
   * @throws DisterError `DISTER_ERR_INVALID` naming `key`, or the load of a candidate.
   */
  pick(key?: string): T | undefined;
  /**
   * Several different ones, in the order in which they were chosen; the first is as likely as by `pick`. Fewer than
   * `count` when there are not so many (with a load bound: that have room), none when there is nobody. With `round-robin`
   * it is the turn of the first alone. Takes time in proportion to `count` times the length of the list.
   * @param count - a whole number, 1 or more.
   */
  pickMany(count: number, key?: string): T[];
  /** Chooses as `pickMany` does, and says why it went as it did. Costs time in proportion to the list. */
  explain(count?: number, key?: string): Explanation<T>;
}

/**
 * Makes a balancer.
 *
 * | policy | chooses |
 * | --- | --- |
 * | `priority` | at random, in proportion to the weights |
 * | `round-robin` | in turns, as often as the weights say, spread evenly |
 * | `hash` | the same one for the same key |
 * | `latency` | at random, in proportion to weight / `latencyMs` |
 * | `first` | the first that may be chosen |
 *
 * @throws DisterError `DISTER_ERR_INVALID` naming the option or the candidate's field.
 */
export function createBalancer<T extends Candidate>(
  components: BalancerComponents,
  options: BalancerOptions<T>,
  candidates: readonly T[] = [],
): Balancer<T> {
  const balancer = new ListBalancer(components, options);
  balancer.update(candidates);
  return balancer;
}

class ListBalancer<T extends Candidate> implements Balancer<T> {
  readonly policy: Policy;
  readonly #roster: Roster<T>;
  readonly #strategy: Strategy<T>;

  constructor(components: BalancerComponents, options: BalancerOptions<T>) {
    const { policy, slowStart, idOf } = options;
    this.policy = policy;
    this.#strategy = strategyFor(components, options);
    if (slowStart !== undefined) checkSlowStart(slowStart);
    if (slowStart !== undefined && components.nowMs === undefined) {
      throw refusal("nowMs", undefined, "a clock: slow start cannot do without");
    }
    this.#roster = new Roster({
      idOf: idOf ?? ((_candidate, position) => String(position)),
      byLatency: policy === "latency",
      slowStart,
      nowMs: components.nowMs ?? (() => 0),
    });
  }

  get size(): number {
    return this.#roster.entries.length;
  }

  update(candidates: readonly T[]): void {
    this.#roster.update(candidates);
    this.#strategy.update(this.#roster.entries);
  }

  pick(key?: string): T | undefined {
    if (this.#roster.stale) this.#warmUp();
    return this.#strategy.next(key)?.candidate;
  }

  pickMany(count: number, key?: string): T[] {
    return this.#several(count, (taken) => this.#strategy.nextOf({ taken }, key)).map(({ candidate }) => candidate);
  }

  explain(count = 1, key?: string): Explanation<T> {
    const draws: string[] = [];
    const overloaded = new Map<number, string>();
    const chosen = this.#several(count, (taken) =>
      this.#strategy.nextOf(
        {
          taken,
          note: (says) => draws.push(says),
          overloaded: (position, says) => overloaded.set(position, says),
        },
        key,
      ),
    );
    const { members, entries } = this.#roster;
    return explained({ policy: this.policy, members, entries, chosen, draws, overloaded });
  }

  #several(count: number, next: (taken: ReadonlySet<number>) => Entry<T> | undefined): Entry<T>[] {
    if (!Number.isSafeInteger(count) || count < 1) throw refusal("count", count, "a whole number, 1 or more");
    if (this.#roster.stale) this.#warmUp();
    const taken = new Set<number>();
    const chosen: Entry<T>[] = [];
    while (chosen.length < count) {
      const entry = next(taken);
      if (entry === undefined) break;
      taken.add(entry.position);
      chosen.push(entry);
    }
    return chosen;
  }

  #warmUp(): void {
    this.#roster.refresh();
    this.#strategy.update(this.#roster.entries);
  }
}

function strategyFor<T extends Candidate>({ rng }: BalancerComponents, options: BalancerOptions<T>): Strategy<T> {
  const { policy, bound, tagOrder } = options;
  if (bound?.factor !== undefined && !(Number.isFinite(bound.factor) && bound.factor >= 1)) {
    throw refusal("bound.factor", bound.factor, "a finite number, 1 or more");
  }
  switch (policy) {
    case "priority":
    case "latency":
      return new WeightedDraw(rng);
    case "round-robin":
      return new TakingTurns();
    case "hash":
      return new BoundedHash(bound);
    case "first":
      return new FirstInOrder(tagOrder ?? []);
    default:
      throw refusal("policy", policy, `one of ${POLICIES.join(", ")}`);
  }
}
