import type { NodeId, Status } from "@dister/types";
import type { KnownInstance } from "./instances.ts";

/** What one observer's checks of an instance come to. */
export interface Vote {
  readonly key: string;
  /** `definedIndex` of the instance that was checked. */
  readonly definedIndex: number;
  /** Null while its checks have not decided. */
  readonly status: Status | null;
  /** Output of its last check. */
  readonly output: string;
  /** Smoothed time of its successful checks in milliseconds; null while none has succeeded. */
  readonly latencyMs: number | null;
  /** Checks that have ended. */
  readonly checks: number;
}

/** The votes of all observers, as whoever leads has heard them. */
export class Verdicts {
  readonly #votes = new Map<string, Map<NodeId, Vote>>();

  take(observer: NodeId, vote: Vote): void {
    const votes = this.#votes.get(vote.key) ?? new Map<NodeId, Vote>();
    this.#votes.set(vote.key, votes.set(observer, vote));
  }

  /** Forgets an observer that is not heard any more: what it said may be long over. */
  forget(observer: NodeId): void {
    for (const votes of this.#votes.values()) votes.delete(observer);
  }

  /**
   * Forgets what was said by those who are not to judge an instance: when they are to again, it may be long over.
   * @param observersOf - nobody for an instance that is gone.
   */
  keep(observersOf: (key: string) => readonly NodeId[]): void {
    for (const [key, votes] of this.#votes) {
      const observers = observersOf(key);
      for (const observer of votes.keys()) if (!observers.includes(observer)) votes.delete(observer);
      if (votes.size === 0) this.#votes.delete(key);
    }
  }

  /** Votes about an instance as it is defined now, of those who are to judge it, in their order. */
  of({ key, instance }: KnownInstance, observers: readonly NodeId[]): [observer: NodeId, vote: Vote][] {
    const votes = this.#votes.get(key);
    const heard = observers.map((observer): [NodeId, Vote | undefined] => [observer, votes?.get(observer)]);
    return heard.filter((pair): pair is [NodeId, Vote] => pair[1]?.definedIndex === instance.definedIndex);
  }

  /** What more than half of all observers say, those not heard included; null when that is nothing. */
  majority(known: KnownInstance, observers: readonly NodeId[]): Status | null {
    const statuses = this.of(known, observers).map(([, { status }]) => status);
    for (const status of [0, 1] as const) {
      if (2 * statuses.filter((one) => one === status).length > observers.length) return status;
    }
    return null;
  }

  /** The mean of what the observers measured, in milliseconds; undefined where nobody has. */
  latencyMs(known: KnownInstance, observers: readonly NodeId[]): number | undefined {
    const measured = this.of(known, observers).flatMap(([, { latencyMs }]) => (latencyMs === null ? [] : [latencyMs]));
    return measured.length === 0 ? undefined : measured.reduce((sum, ms) => sum + ms, 0) / measured.length;
  }
}
