import { refusal } from "../candidate.ts";
import { hashOf, ID_SEED, KEY_SEED, scoreOf, winsTie } from "../rendezvous.ts";
import type { Entry } from "../roster.ts";
import { figure, type Round, type Strategy } from "./strategy.ts";

/** Keeps a popular key from drowning its candidate: what is over the bound goes to the next one for that key. */
export interface LoadBound<T> {
  /** What the candidate has to do now, for example open requests: finite, 0 or more. Asked at each pick. */
  readonly loadOf: (candidate: T) => number;
  /**
   * How much more than its share a candidate may have: 1 or more, default {@link BOUND_FACTOR}. Near 1 loads are even and
   * keys move a lot; large, keys stay and loads differ.
   */
  readonly factor?: number | undefined;
}

export const BOUND_FACTOR = 1.25;

/** Makes a score a number between 0 and 1: (score + 0.5) * UNIT. */
const UNIT = 2 ** -32;

/**
 * Policy `hash`: equal keys choose the same candidate while the list stays, and of n candidates one that comes or goes
 * moves its own share of the keys and no other. Weighted rendezvous hashing: with s the score of the pair of key and
 * candidate, as a number between 0 and 1, the lowest -ln(s) / weight wins, which gives each its weight's share of keys.
 */
export class BoundedHash<T> implements Strategy<T> {
  readonly #bound: LoadBound<T> | undefined;
  #entries: readonly Entry<T>[] = [];
  #hashes = new Int32Array(0);
  /** 1 / weight of each. */
  #inverses = new Float64Array(0);
  #total = 0;

  constructor(bound: LoadBound<T> | undefined) {
    this.#bound = bound;
  }

  update(entries: readonly Entry<T>[]): void {
    this.#entries = entries;
    this.#hashes = Int32Array.from(entries, ({ id }) => hashOf(id, ID_SEED));
    this.#inverses = Float64Array.from(entries, ({ weight }) => 1 / weight);
    this.#total = entries.reduce((sum, { weight }) => sum + weight, 0);
  }

  next(key: string | undefined): Entry<T> | undefined {
    const keyHash = hashOf(checkedKey(key), KEY_SEED);
    return this.#best(keyHash, NOBODY, this.#withRoom(ALONE));
  }

  nextOf(round: Round, key: string | undefined): Entry<T> | undefined {
    const keyHash = hashOf(checkedKey(key), KEY_SEED);
    const room = this.#withRoom(round);
    const best = this.#best(keyHash, round.taken, room);
    if (best !== undefined) {
      const able = room?.filter((has) => has).length ?? this.#entries.length - round.taken.size;
      round.note?.(`of ${able} that could take the key it has the best score for it`);
    }
    return best;
  }

  /** The best for a key of those that are not taken and have room. */
  #best(keyHash: number, taken: ReadonlySet<number>, room?: readonly boolean[]): Entry<T> | undefined {
    const hashes = this.#hashes;
    const inverses = this.#inverses;
    let best = -1;
    let bestScore = 0;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let at = 0; at < hashes.length; at++) {
      const score = scoreOf(keyHash, hashes[at]!);
      const inverse = inverses[at]!;
      const share = (score + 0.5) * UNIT;
      // 1 - s is below -ln(s), and saves the logarithm of most that cannot win.
      if ((1 - share) * inverse > bestCost) continue;
      const cost = -Math.log(share) * inverse;
      if (cost > bestCost || room?.[at] === false) continue;
      if (taken.size > 0 && taken.has(this.#entries[at]!.position)) continue;
      if (cost === bestCost && score === bestScore && !winsTie(keyHash, this.#idAt(at), this.#idAt(best))) continue;
      best = at;
      bestScore = score;
      bestCost = cost;
    }
    return this.#entries[best];
  }

  /** Who has least to do for its weight; the first of equals. */
  #idlest(loads: readonly number[]): number {
    const inverses = this.#inverses;
    return loads.reduce((best, load, at) => (load * inverses[at]! < loads[best]! * inverses[best]! ? at : best), 0);
  }

  #idAt(at: number): string {
    return this.#entries[at]!.id;
  }

  /**
   * Who is not taken and has less than its share of the whole load with this one more, times the factor; undefined when
   * there is no bound.
   */
  #withRoom({ taken, overloaded }: Round): boolean[] | undefined {
    const bound = this.#bound;
    if (bound === undefined) return undefined;
    const loads = this.#entries.map(({ candidate, position }) => checkedLoad(bound.loadOf(candidate), position));
    const factor = bound.factor ?? BOUND_FACTOR;
    const allowed = factor * (loads.reduce((sum, load) => sum + load, 0) + 1);
    const idlest = this.#idlest(loads);
    return this.#entries.map(({ position, weight }, at) => {
      if (taken.has(position)) return false;
      // Together they may have at least one more than they have, so whoever has least for its weight always has room.
      // Loads so large that one more is lost in rounding must not take that away.
      const most = Math.ceil((allowed * weight) / this.#total);
      if (loads[at]! < most || at === idlest) return true;
      overloaded?.(position, `has ${figure(loads[at]!)} of the ${most} that it may have`);
      return false;
    });
  }
}

const NOBODY: ReadonlySet<number> = new Set();
const ALONE: Round = { taken: NOBODY };

function checkedKey(key: string | undefined): string {
  if (typeof key !== "string" || key === "") {
    throw refusal("key", key, "a text that is not empty: policy hash chooses by it");
  }
  return key;
}

function checkedLoad(load: number, position: number): number {
  if (!(Number.isFinite(load) && load >= 0)) {
    throw refusal(`candidates.${position}.load`, load, "a finite number, 0 or more");
  }
  return load;
}
