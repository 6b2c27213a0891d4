import type { Clock, Timer } from "@dister/types";
import { clusterOf, type KeysQuery, type Part, type Snapshot } from "./model.ts";
import type { NodeReader } from "./node-reader.ts";

export interface PollerOptions {
  /** From the end of one round of questions to the next. */
  readonly intervalMs: number;
  readonly query: KeysQuery;
  readonly onSnapshot: (snapshot: Snapshot) => void;
  /** True while nobody looks: the node is left in peace then. */
  readonly isHidden: () => boolean;
}

type Answered = Extract<Snapshot, { answered: true }>;

/**
 * Asks the node again and again, never two rounds at a time. Keys and services are asked for only when the node has
 * applied something since: all that changes them goes through the log.
 */
export class Poller {
  readonly #reader: NodeReader;
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #options: PollerOptions;
  readonly #ending = new AbortController();
  #query: KeysQuery;
  #last: Answered | null = null;
  #timer: Timer | null = null;
  #asking = false;
  #again = false;

  constructor(components: { reader: NodeReader; clock: Pick<Clock, "setTimer"> }, options: PollerOptions) {
    this.#reader = components.reader;
    this.#clock = components.clock;
    this.#options = options;
    this.#query = options.query;
  }

  /** Asks at once, or as soon as the round that is under way has ended. The first call starts the polling. */
  refresh(): void {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#timer?.cancel();
    void this.#round();
  }

  /** Shows other keys from now on. */
  show(query: KeysQuery): void {
    this.#query = query;
    this.refresh();
  }

  /** Asks no more; a round that is under way is given up. */
  stop(): void {
    this.#ending.abort();
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    const { signal } = this.#ending;
    if (signal.aborted) return;
    if (!this.#options.isHidden()) {
      this.#asking = true;
      const query = this.#query;
      const snapshot = await this.#ask(query, signal);
      this.#asking = false;
      if (signal.aborted) return;
      // What was asked for has changed meanwhile: the answer would be shown under a question that it does not answer.
      if (query === this.#query) {
        this.#last = snapshot.answered ? snapshot : this.#last;
        this.#options.onSnapshot(snapshot);
      }
    }
    if (this.#again) {
      this.#again = false;
      return this.#round();
    }
    this.#timer = this.#clock.setTimer(this.#options.intervalMs, () => void this.#round());
  }

  async #ask(query: KeysQuery, signal: AbortSignal): Promise<Snapshot> {
    // A node that does not answer this would only let the other questions wait for their time limits.
    const health = await partOf(this.#reader.health(signal));
    if (!health.ok) return { answered: false, message: health.message };
    const [status, nodes] = await Promise.all([
      partOf(this.#reader.status(signal)),
      partOf(this.#reader.nodes(signal)),
    ]);
    const cluster = status.ok ? { ok: true as const, data: clusterOf(status.data) } : status;
    const before = this.#unchangedSince(cluster);
    const { services, keys } = before ?? {};
    const sameKeys = keys?.ok === true && keys.data.query === query;
    return {
      answered: true,
      health: health.data,
      cluster,
      nodes,
      services: services?.ok === true ? services : await partOf(this.#reader.services(signal)),
      keys: sameKeys ? keys : await this.#keys(query, signal),
    };
  }

  async #keys(query: KeysQuery, signal: AbortSignal): Promise<Answered["keys"]> {
    const page = await partOf(this.#reader.keys(query, signal));
    return page.ok ? { ok: true, data: { ...page.data, query } } : page;
  }

  /** The last snapshot when nothing has been applied since. */
  #unchangedSince(now: Answered["cluster"]): Answered | null {
    const last = this.#last;
    if (last === null || !last.cluster.ok || !now.ok) return null;
    const { nodeId, clusterId, appliedLogId } = last.cluster.data;
    const same =
      nodeId === now.data.nodeId && clusterId === now.data.clusterId && appliedLogId === now.data.appliedLogId;
    return same ? last : null;
  }
}

async function partOf<T>(asked: Promise<T>): Promise<Part<T>> {
  try {
    return { ok: true, data: await asked };
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}
