/** Somebody who takes turns. */
export interface Turn<T> {
  /** Makes it the same one across lists; different for each of a list. */
  readonly key: string;
  readonly item: T;
  /** Above 0. Whole numbers are counted exactly. */
  readonly weight: number;
}

interface Slot<T> extends Turn<T> {
  /** What is owed to this one, in units of 1 / total weight of a pick: ideal picks * total - real picks * total. */
  credit: number;
}

/**
 * The credits of a smooth weighted round robin. Each pick gives everybody its weight as credit, takes the one with most
 * credit (the first of equals) and charges it the sum of all weights. Credits sum up to the same before and after a pick.
 */
export class Turns<T> {
  #slots: Slot<T>[] = [];
  #total = 0;

  get size(): number {
    return this.#slots.length;
  }

  /** Takes a new list. Who was in the old one keeps its place in the turn; who is new starts with nothing owed. */
  update(turns: readonly Turn<T>[]): void {
    const old = new Map(this.#slots.map((slot) => [slot.key, slot.credit]));
    let total = 0;
    const slots = turns.map(({ key, item, weight }): Slot<T> => {
      total += weight;
      return { key, item, weight, credit: old.get(key) ?? 0 };
    });
    carryOver(slots, this.#total, total);
    this.#slots = slots;
    this.#total = total;
  }

  /** The next one; undefined when there is nobody. Looks at each once and allocates nothing. */
  next(): T | undefined {
    const slots = this.#slots;
    let best: Slot<T> | undefined;
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at]!;
      slot.credit += slot.weight;
      if (best === undefined || slot.credit > best.credit) best = slot;
    }
    if (best === undefined) return undefined;
    best.credit -= this.#total;
    return best.item;
  }

  /**
   * The next one of those who may be it, with the credit that won; undefined when there is nobody. Where not everybody may,
   * credits drift apart: only a {@link copy} is to be asked so.
   */
  nextOf(may: (item: T) => boolean): { item: T; credit: number } | undefined {
    let best: Slot<T> | undefined;
    for (const slot of this.#slots) {
      slot.credit += slot.weight;
      // Those who may not were mostly charged just now, so that few of them are asked about.
      if ((best === undefined || slot.credit > best.credit) && may(slot.item)) best = slot;
    }
    if (best === undefined) return undefined;
    const { item, credit } = best;
    best.credit -= this.#total;
    return { item, credit };
  }

  /** The same turns once more, to look ahead in: what is chosen there is no turn here. */
  copy(): Turns<T> {
    const copy = new Turns<T>();
    copy.#slots = this.#slots.map((slot) => ({ ...slot }));
    copy.#total = this.#total;
    return copy;
  }
}

/**
 * Carries credits into a list with another sum of weights. A credit of `total` is worth one pick, so it is scaled to
 * stay worth the same; without that, one who was at -900,000 of 1,000,000 would be passed over for hundreds of
 * thousands of turns once the weights are small. Credits are then centred, since only their differences decide, and
 * kept within one pick: with that they stay below 3 * LIMITS.serviceNodesMax * total (3 * 10^14) for ever, exact in a
 * double, however often the list changes. While weights are fractions (slow start) credits are, too.
 */
function carryOver<T>(slots: readonly Slot<T>[], oldTotal: number, total: number): void {
  let sum = 0;
  for (const slot of slots) sum += slot.credit;
  if (total === oldTotal && sum === 0) return;
  const mean = slots.length === 0 ? 0 : sum / slots.length;
  const scale = oldTotal === 0 ? 0 : total / oldTotal;
  const whole = slots.every((slot) => Number.isInteger(slot.weight));
  for (const slot of slots) {
    const credit = (slot.credit - mean) * scale;
    slot.credit = Math.max(-total, Math.min(total, whole ? Math.round(credit) : credit));
  }
}
