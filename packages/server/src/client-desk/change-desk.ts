import type { Clock, LogId, NodeId, NodeInfo, StateReader, WatchersTold } from "@dister/types";
import { FOLLOW_SILENT_MS_MAX, FOLLOW_WAIT_MS, type FollowReply } from "./calls.ts";

/** Changes in one reply, about: an entry is never cut in two. */
const CHANGES_MAX = 1_000;

/** A client node that follows the changes of this server. */
export interface FollowingClient {
  readonly id: NodeId;
  readonly name: string;
  readonly ip: string;
  readonly version: string;
  /** It has heard of everything up to here. */
  readonly logId: LogId;
}

/** Tells client nodes what changed, by long polls: an answer as soon as there is something, or when the wait is over. */
export class ChangeDesk {
  readonly #state: Pick<StateReader, "changesSince">;
  readonly #clock: Clock;
  readonly #followers = new Map<NodeId, { readonly client: FollowingClient; readonly seenMs: number }>();
  /** Each ends the wait of one follower for a change. */
  readonly #changeWaits = new Set<() => void>();
  /** Each ends one wait for followers that ask again. */
  readonly #followWaits = new Set<() => void>();

  constructor(parts: { state: Pick<StateReader, "changesSince" | "onChange" | "onReset">; clock: Clock }) {
    this.#state = parts.state;
    this.#clock = parts.clock;
    parts.state.onChange(() => this.wake());
    parts.state.onReset(() => this.wake());
  }

  /** Client nodes that follow this server now, in the order of their ids. */
  get following(): FollowingClient[] {
    const nowMs = this.#clock.nowMs();
    for (const [id, { seenMs }] of this.#followers)
      if (nowMs - seenMs > FOLLOW_SILENT_MS_MAX) this.#followers.delete(id);
    return [...this.#followers.values()].map(({ client }) => client).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** @param leader - throws when this server knows of no leader: then it does not know either what it has missed. */
  async follow(from: NodeInfo, after: LogId, leader: () => NodeId): Promise<FollowReply> {
    leader();
    const { id, name, ip, version } = from;
    this.#followers.set(id, { client: { id, name, ip, version, logId: after }, seenMs: this.#clock.nowMs() });
    endAll(this.#followWaits);
    if (!this.#hasNews(after)) await this.#waitIn(this.#changeWaits, FOLLOW_WAIT_MS);
    const by = leader();
    return this.#changesBehind(after, by);
  }

  /**
   * Resolves when all that follow now have been sent everything up to a log id, or after `waitMs`. One that has asked for what
   * comes behind it was sent it; one that asks no more does not follow any more, and counts as neither.
   */
  async told(logId: LogId, waitMs: number): Promise<WatchersTold> {
    const deadlineMs = this.#clock.nowMs() + waitMs;
    const ids = new Set(this.following.map(({ id }) => id));
    for (;;) {
      const following = this.following.filter(({ id }) => ids.has(id));
      const behind = following.filter((one) => one.logId < logId);
      if (behind.length === 0 || this.#clock.nowMs() >= deadlineMs) {
        return { told: following.length - behind.length, waiting: behind.map(({ name }) => name) };
      }
      const leftMs = Math.max(1, deadlineMs - this.#clock.nowMs());
      // Some time has to pass for those that never ask again.
      await this.#waitIn(this.#followWaits, Math.min(leftMs, FOLLOW_WAIT_MS));
    }
  }

  /** Answers everybody who waits, with what there is. */
  wake(): void {
    endAll(this.#changeWaits);
  }

  #hasNews(after: LogId): boolean {
    const changes = this.#state.changesSince(after, 1);
    return changes.compacted || changes.throughLogId > after;
  }

  /** Resolves when the waits of a set are ended, or after some time. */
  #waitIn(waits: Set<() => void>, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        waits.delete(end);
        resolve();
      };
      const timer = this.#clock.setTimer(waitMs, end);
      waits.add(end);
    });
  }

  #changesBehind(after: LogId, leader: NodeId): FollowReply {
    const changes = this.#state.changesSince(after, CHANGES_MAX);
    if (changes.compacted) return { compacted: true };
    const keys = new Map<string, LogId>();
    const services = new Map<string, LogId>();
    for (const event of changes.events) {
      if (event.type === "kv") keys.set(event.key, event.logId);
      else services.set(event.name, event.logId);
    }
    return { compacted: false, keys: [...keys], services: [...services], throughLogId: changes.throughLogId, leader };
  }
}

/** Only those that wait now: who is woken may wait again at once. */
function endAll(waits: ReadonlySet<() => void>): void {
  for (const end of [...waits]) end();
}
