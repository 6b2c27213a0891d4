/** The same refusal is told again after this, so that it does not look settled in the newest log file. */
const TELL_MS = 600_000;
/** Addresses that are remembered; with more of them somebody searches the network, and the oldest is forgotten. */
const ADDRESSES_MAX = 256;
/** Reasons that are told of one address in that time: one who tries many things fills no log. */
const REASONS_MAX = 8;

interface Told {
  readonly reasons: Set<string>;
  readonly sinceMs: number;
}

/** Remembers who was refused and why, so that one who tries again every second is told once. */
export class Refusals {
  readonly #told = new Map<string, Told>();

  /** True when this address was not refused for this reason lately; it then counts as told. */
  isNews(address: string, reason: string, nowMs: number): boolean {
    const known = this.#told.get(address);
    if (known !== undefined && nowMs - known.sinceMs < TELL_MS) {
      if (known.reasons.has(reason) || known.reasons.size >= REASONS_MAX) return false;
      known.reasons.add(reason);
      return true;
    }
    this.#told.delete(address);
    this.#told.set(address, { reasons: new Set([reason]), sinceMs: nowMs });
    const [oldest] = this.#told.keys();
    if (this.#told.size > ADDRESSES_MAX && oldest !== undefined) this.#told.delete(oldest);
    return true;
  }
}
