import type { CoreStatus } from "@dister/raft";
import type { NodeId } from "@dister/types";

/** Leaders that are remembered; older ones stand in the log files. */
const KEPT_MAX = 10;

/** One moment on both clocks. */
export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** One node's leadership, as this node has seen it. */
export interface Leadership {
  readonly term: number;
  readonly leader: NodeId;
  /** Why it was elected: in the leader's own words once it was asked, until then what this node saw. */
  readonly reason: string;
  /** When it began to lead, or was first seen leading. */
  readonly since: Moment;
  /** When and why this node lost it; null while it leads. */
  readonly ended: { readonly at: Moment; readonly reason: string } | null;
}

/** What a new status means for who leads. */
export interface LeaderChange {
  readonly lost: Leadership | null;
  readonly elected: Leadership | null;
}

/** The last few leaders, with the reasons of their coming and going. In memory: a restart begins anew. */
export class LeaderHistory {
  #kept: Leadership[] = [];
  readonly #startedAt: Moment;

  constructor(startedAt: Moment) {
    this.#startedAt = startedAt;
  }

  /** The leader that is known now, null when none is. */
  get current(): Leadership | null {
    const last = this.#kept.at(-1);
    return last?.ended === null ? last : null;
  }

  /** Since when nobody leads, and why; null while somebody does. */
  get leaderless(): { readonly at: Moment; readonly reason: string } | null {
    const last = this.#kept.at(-1);
    return last === undefined ? { at: this.#startedAt, reason: "start" } : last.ended;
  }

  /** The newest first. */
  get all(): readonly Leadership[] {
    return [...this.#kept].reverse();
  }

  /**
   * Takes in what Raft says now; both parts are null when it says nothing new.
   * @param wentBy - why a leader that is lost went, where this node knows it better than from Raft's own last move.
   */
  saw(
    { term, leader, reason }: Pick<CoreStatus, "term" | "leader" | "reason">,
    at: Moment,
    wentBy: string = reason,
  ): LeaderChange {
    const { current } = this;
    // Another term of the same leader is another election.
    if (current !== null && current.leader === leader && current.term === term) return { lost: null, elected: null };
    let lost: Leadership | null = null;
    if (current !== null) {
      lost = { ...current, ended: { at, reason: wentBy } };
      this.#kept[this.#kept.length - 1] = lost;
    }
    if (leader === null) return { lost, elected: null };
    const elected = { term, leader, reason, since: at, ended: null };
    this.#kept = [...this.#kept, elected].slice(-KEPT_MAX);
    return { lost, elected };
  }

  /** The leader of a term has said why it leads, and for how long already. */
  learnt(told: {
    readonly term: number;
    readonly leader: NodeId;
    readonly reason: string;
    readonly since: Moment;
  }): void {
    this.#kept = this.#kept.map((one) => {
      const isMeant = one.term === told.term && one.leader === told.leader;
      return isMeant ? { ...one, reason: told.reason, since: told.since } : one;
    });
  }
}
