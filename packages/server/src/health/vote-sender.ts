import type { Clock, Logger, NodeId, Timer } from "@dister/types";
import type { JsonRpc } from "../cluster/json-rpc.ts";
import { VOTES_EVERY_MS } from "./leading.ts";
import type { Vote } from "./verdicts.ts";

/** The call with which an observer tells the leader what it finds. */
export const VOTES_METHOD = "health.votes";

export interface VotesCall {
  readonly votes: readonly Vote[];
}
export interface VotesReply {
  /** The leader knows nothing of this observer and wants to hear everything. */
  readonly wantsAll: boolean;
}

/** Changes of this time travel together. */
const COALESCE_MS = 20;
const CALL_MS = 1_500;
/** Behind a call that had to leave something for the next one, and behind one that failed. */
const MORE_MS = 100;
const RETRY_MS = 500;
/** Votes in one call, so that it stays well below a frame. */
const VOTES_MAX = 10_000;
/** Everything is said again after this, for latencies and outputs. */
const ALL_EVERY_MS = 5 * VOTES_EVERY_MS;

interface SenderParts {
  readonly json: JsonRpc;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who leads, null while nobody does or this node itself; then nothing is sent. */
  readonly leader: () => NodeId | null;
  readonly keys: () => Iterable<string>;
  readonly vote: (key: string) => Vote | undefined;
}

/** Tells the leader what this node's checks come to: changes at once, everything from time to time. */
export class VoteSender {
  readonly #parts: SenderParts;
  readonly #changed = new Set<string>();
  #timer: Timer | null = null;
  /** When it fires. */
  #dueMs = 0;
  #sending = false;
  #stopped = false;
  /** When everything was said last. */
  #allMs: number;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#allMs = parts.clock.nowMs();
    this.#plan(VOTES_EVERY_MS);
  }

  changed(key: string): void {
    this.#changed.add(key);
    this.#plan(COALESCE_MS);
  }

  /** There is another leader. */
  sayAll(): void {
    this.#addAll();
    this.#plan(COALESCE_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #plan(ms: number): void {
    if (this.#stopped || this.#sending) return;
    const { clock } = this.#parts;
    const dueMs = clock.nowMs() + ms;
    if (this.#timer !== null && this.#dueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = clock.setTimer(ms, () => void this.#send());
  }

  async #send(): Promise<void> {
    const { json, clock, leader, vote, logger } = this.#parts;
    const to = leader();
    if (clock.nowMs() - this.#allMs >= ALL_EVERY_MS) this.#addAll();
    const told = [...this.#changed].slice(0, VOTES_MAX);
    for (const key of told) this.#changed.delete(key);
    this.#sending = true;
    this.#timer = null;
    let nextMs = VOTES_EVERY_MS;
    try {
      if (to !== null) {
        const votes = told.map(vote).filter((one) => one !== undefined);
        const reply = await json.call<VotesCall, VotesReply>(to, VOTES_METHOD, { votes }, CALL_MS);
        if (reply.wantsAll) this.#addAll();
        if (this.#changed.size > 0) nextMs = MORE_MS;
      }
    } catch (error) {
      for (const key of told) this.#changed.add(key);
      nextMs = RETRY_MS;
      logger.debug("votes could not be told", { leader: to, error });
    }
    this.#sending = false;
    this.#plan(nextMs);
  }

  #addAll(): void {
    this.#allMs = this.#parts.clock.nowMs();
    for (const key of this.#parts.keys()) this.#changed.add(key);
  }
}
