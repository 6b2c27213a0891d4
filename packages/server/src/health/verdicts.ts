import { type NodeId, STATUS, type Status } from "@dister/types";
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
  of({ key, instance }: KnownInstance, observers: readonly NodeId[]): ObserverVote[] {
    const votes = this.#votes.get(key);
    const heard = observers.map((observer): [NodeId, Vote | undefined] => [observer, votes?.get(observer)]);
    return heard.filter((pair): pair is [NodeId, Vote] => pair[1]?.definedIndex === instance.definedIndex);
  }
}

/** A vote, and whose it is. */
export type ObserverVote = readonly [observer: NodeId, vote: Vote];

/** What more than half of all observers say, those not heard included; null when that is nothing. */
export function majorityOf(votes: readonly ObserverVote[], observerCount: number): Status | null {
  for (const status of [STATUS.dead, STATUS.alive]) {
    if (2 * votes.filter(([, vote]) => vote.status === status).length > observerCount) return status;
  }
  return null;
}

/** The mean of what the observers measured, in milliseconds; undefined where nobody has. */
export function meanLatencyMs(votes: readonly ObserverVote[]): number | undefined {
  const measured = votes.flatMap(([, { latencyMs }]) => (latencyMs === null ? [] : [latencyMs]));
  return measured.length === 0 ? undefined : measured.reduce((sum, ms) => sum + ms, 0) / measured.length;
}
