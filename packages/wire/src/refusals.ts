/** The same refusal is told again after this, so that it does not look settled in the newest log file. */
const TELL_MS = 600_000;
/** Addresses that are remembered; with more of them somebody searches the network, and the oldest is forgotten. */
const ADDRESSES_MAX = 256;

/** Remembers who was refused and why, so that one who tries again every second is told once. */
export class Refusals {
  readonly #told = new Map<string, { readonly reason: string; readonly atMs: number }>();

  /** True when this address was not refused for this reason lately; it then counts as told. */
  isNews(address: string, reason: string, nowMs: number): boolean {
    const known = this.#told.get(address);
    if (known !== undefined && known.reason === reason && nowMs - known.atMs < TELL_MS) return false;
    this.#told.delete(address);
    this.#told.set(address, { reason, atMs: nowMs });
    const [oldest] = this.#told.keys();
    if (this.#told.size > ADDRESSES_MAX && oldest !== undefined) this.#told.delete(oldest);
    return true;
  }
}
