/** How long a host is tried before the next one, in milliseconds: enough for a few handshakes, at first. */
const TRY_MS_MIN = 1_000;
/** After rounds in which nothing answered, a host is tried for longer: changing it starts the transport's waits anew. */
const TRY_MS_MAX = 8_000;
/** Hosts that are kept of one node; who gives more loses the one that was offered first. */
const HOSTS_MAX = 8;

/**
 * The hosts at which one node may be reached, and the one that is in use. That one stays as long as it works, and a while
 * longer; then the others have their turn, the one where the node was heard last before the rest.
 */
export class PeerRoute {
  /** In the order in which they were offered. */
  readonly #hosts: string[] = [];
  readonly #leftMs = new Map<string, number>();
  #current: string;
  /** Where the node was heard since, to be tried next. */
  #next: string | undefined;
  #sinceMs: number;
  #tryMs = TRY_MS_MIN;
  #triedCount = 0;

  constructor(host: string, nowMs: number) {
    this.#hosts.push(host);
    this.#current = host;
    this.#sinceMs = nowMs;
  }

  /** The host in use. */
  get current(): string {
    return this.#current;
  }

  get hosts(): readonly string[] {
    return this.#hosts;
  }

  /** One more host, which has its turn with the others. */
  offer(host: string): void {
    if (this.#hosts.includes(host)) return;
    this.#hosts.push(host);
    if (this.#hosts.length <= HOSTS_MAX) return;
    const oldest = this.#hosts.findIndex((one) => one !== this.#current && one !== host);
    const [dropped] = this.#hosts.splice(oldest, 1);
    this.#leftMs.delete(dropped!);
    if (this.#next === dropped) this.#next = undefined;
  }

  /**
   * The node itself was heard, and this host is where to reach it: tried at once when nothing works and it has not just
   * failed, else next.
   */
  prefer(host: string, { isUp, nowMs }: { isUp: boolean; nowMs: number }): void {
    this.offer(host);
    if (host === this.#current) return;
    this.#next = host;
    if (isUp) return;
    const restedMs = nowMs - (this.#leftMs.get(host) ?? Number.NEGATIVE_INFINITY);
    if (restedMs >= TRY_MS_MIN) this.#go(host, nowMs);
  }

  /** Time has passed. Goes on to another host when the one in use does not work for too long. */
  look({ isUp, nowMs }: { isUp: boolean; nowMs: number }): void {
    if (isUp) {
      this.#sinceMs = nowMs;
      this.#tryMs = TRY_MS_MIN;
      this.#triedCount = 0;
      return;
    }
    if (this.#hosts.length === 1 || nowMs - this.#sinceMs < this.#tryMs) return;
    if (++this.#triedCount % this.#hosts.length === 0) this.#tryMs = Math.min(2 * this.#tryMs, TRY_MS_MAX);
    this.#go(this.#next ?? this.#following(), nowMs);
  }

  #following(): string {
    return this.#hosts[(this.#hosts.indexOf(this.#current) + 1) % this.#hosts.length]!;
  }

  #go(host: string, nowMs: number): void {
    this.#leftMs.set(this.#current, nowMs);
    this.#current = host;
    this.#next = undefined;
    this.#sinceMs = nowMs;
  }
}
