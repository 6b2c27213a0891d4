/** What a directed link does to the bytes from one node to another. */
export interface LinkFault {
  /** Nothing passes: neither bytes nor the news that a connection has ended. What waits passes when the link heals. */
  readonly cut?: boolean;
  readonly delayMs?: number;
  /** Added to the delay, drawn anew for every piece. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
}

/** A directed link: from a node to another, both by position. */
export interface Direction {
  readonly from: number;
  readonly to: number;
}

/** What all faults of one link do together. */
export interface LinkState {
  readonly cut: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
}

/** The faults of every directed link, of which several may be at work at once. */
export class Links {
  readonly #faults = new Set<{ directions: readonly Direction[]; fault: LinkFault }>();
  readonly #listeners = new Set<() => void>();

  /** Makes links faulty. @returns how to undo it. */
  add(directions: readonly Direction[], fault: LinkFault): () => void {
    const entry = { directions, fault };
    this.#faults.add(entry);
    this.#changed();
    return () => {
      this.#faults.delete(entry);
      this.#changed();
    };
  }

  clear(): void {
    this.#faults.clear();
    this.#changed();
  }

  state({ from, to }: Direction): LinkState {
    let state: LinkState = { cut: false, delayMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
    for (const { directions, fault } of this.#faults) {
      if (!directions.some((one) => one.from === from && one.to === to)) continue;
      state = {
        cut: state.cut || fault.cut === true,
        delayMs: state.delayMs + (fault.delayMs ?? 0),
        jitterMs: state.jitterMs + (fault.jitterMs ?? 0),
        bytesPerSecond: Math.min(state.bytesPerSecond, fault.bytesPerSecond ?? Number.POSITIVE_INFINITY),
      };
    }
    return state;
  }

  /** Calls whenever any link changes. @returns how to end that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Both directions of every pair that has one node in each group. */
export function between(one: readonly number[], other: readonly number[]): Direction[] {
  return one.flatMap((a) =>
    other.flatMap((b) => [
      { from: a, to: b },
      { from: b, to: a },
    ]),
  );
}
