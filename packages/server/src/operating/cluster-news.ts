import type { CoreStatus, RaftObserver } from "@dister/raft";
import { type Clock, type Logger, type Member, type NodeId, ROLE, voterIds } from "@dister/types";
import type { JsonRpc } from "../cluster/json-rpc.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { rest } from "../rest.ts";
import { CommitTimes } from "./commit-times.ts";
import { LeaderHistory, type Leadership, type Moment } from "./leader-history.ts";

const ASK_MS = 1_000;
const ASKED_MAX = 3;
const REST_MS = 200;

/** What a leader says of its leadership. */
export interface LeaderWords {
  readonly term: number;
  readonly reason: string;
  readonly ledForMs: number;
}

/** The call with which a node asks its leader for them. */
export const LEADER_METHOD = "cluster.leader";

/** Turns what Raft reports into log lines, metrics and a history: one line per event, none per repetition. */
export class ClusterNews {
  readonly history: LeaderHistory;
  readonly #self: NodeId;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #json: Pick<JsonRpc, "call">;
  readonly #metrics: Metrics;
  readonly #commits: CommitTimes;
  #members: readonly Member[] = [];
  /** Peers whose connection broke and does not stand again. */
  readonly #down = new Set<NodeId>();
  #stoodInTerm = 0;
  #stopped = false;

  constructor(parts: { self: NodeId; clock: Clock; logger: Logger; json: Pick<JsonRpc, "call">; metrics: Metrics }) {
    this.#self = parts.self;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#json = parts.json;
    this.#metrics = parts.metrics;
    this.history = new LeaderHistory(this.#now());
    this.#commits = new CommitTimes((durationMs) => this.#metrics.committed(durationMs / 1_000));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** What Raft is to tell what it does. */
  get observer(): RaftObserver {
    const clock = this.#clock;
    return {
      proposed: (index) => this.#commits.proposed(index, clock.nowMs()),
      committed: (index) => this.#commits.committed(index, clock.nowMs()),
      applied: (entryCount, durationMs) => this.#metrics.applied(entryCount, durationMs / 1_000),
      peerUp: (peer) => {
        this.#down.delete(peer);
        this.#logger.info("peer up", { node: peer, name: this.#nameOf(peer) });
      },
      peerDown: (peer) => {
        this.#down.add(peer);
        this.#logger.warn("peer down", { node: peer, name: this.#nameOf(peer) });
      },
      snapshot: (transfer) => this.#metrics.snapshot(transfer),
    };
  }

  statusChanged(status: CoreStatus): void {
    this.#metrics.statusChanged(status);
    if (status.role !== "leader") this.#commits.forget();
    this.#tellMembers(status.membership.members);
    this.#tellElection(status);
    this.#tellLeader(status);
  }

  #tellElection({ role, term, reason }: CoreStatus): void {
    if ((role !== "candidate" && role !== "leader") || term <= this.#stoodInTerm) return;
    this.#stoodInTerm = term;
    this.#metrics.stood(reason);
    this.#logger.info("standing for election", { term, reason });
  }

  /** Why the leader that was known is none any more, where that shows. */
  #wentBy({ membership }: CoreStatus): string | undefined {
    const leader = this.history.current?.leader ?? "";
    if (!membership.members.some(({ id }) => id === leader)) return "it was removed";
    return this.#down.has(leader) ? "connection to the leader closed" : undefined;
  }

  #tellLeader(status: CoreStatus): void {
    // Raft's reason is that of its last move, and a node that was asked to stand has not moved because of the leader.
    const wentBy = this.#wentBy(status) ?? status.reason;
    const { lost, elected } = this.history.saw(status, this.#now(), wentBy);
    if (lost !== null) {
      const { term, leader, since } = lost;
      const ledForMs = Math.round(this.#clock.nowMs() - since.nowMs);
      const fields = { term, leader, name: this.#nameOf(leader), reason: lost.ended!.reason, ledForMs };
      this.#logger.warn("leader lost", fields);
    }
    if (elected === null) return;
    const { term, leader, reason } = elected;
    const isSelf = leader === this.#self;
    this.#logger.info("leader elected", { term, leader, name: this.#nameOf(leader), self: isSelf, reason });
    this.#metrics.leaderChanged(status.reason);
    if (!isSelf) void this.#askWhy(elected);
  }

  /** A follower sees only that somebody leads; why, the leader knows. It matters to people alone, so nobody insists. */
  async #askWhy({ term, leader }: Leadership): Promise<void> {
    for (let asked = 0; asked < ASKED_MAX; asked++) {
      if (this.#stopped || this.history.current?.term !== term) return;
      try {
        const told = await this.#json.call<null, LeaderWords>(leader, LEADER_METHOD, null, ASK_MS);
        if (told.term !== term) return;
        const { nowMs, wallMs } = this.#now();
        const since = { nowMs: nowMs - told.ledForMs, wallMs: wallMs - Math.round(told.ledForMs) };
        return this.history.learnt({ term, leader, reason: told.reason, since });
      } catch (error) {
        this.#logger.debug("the leader did not say why it leads", { leader, error });
        await rest(this.#clock, REST_MS);
      }
    }
  }

  #tellMembers(members: readonly Member[]): void {
    const before = this.#members;
    if (members === before) return;
    this.#members = members;
    if (members.length === 0) return;
    if (before.length === 0) {
      const names = members.map(({ name }) => name);
      return this.#logger.info("members known", { members: names, voters: voterIds({ members }).length });
    }
    for (const member of members) {
      const known = before.find(({ id }) => id === member.id);
      const fields = { node: member.id, name: member.name };
      if (known === undefined) this.#logger.info("member added", { ...fields, kind: kindOf(member) });
      else if (!known.voter && member.voter) this.#logger.info("member promoted to voter", fields);
    }
    for (const { id, name } of before) {
      if (members.some((member) => member.id === id)) continue;
      this.#down.delete(id);
      this.#logger.info("member removed", { node: id, name });
    }
  }

  #nameOf(id: NodeId): string | null {
    return this.#members.find((member) => member.id === id)?.name ?? null;
  }

  #now(): Moment {
    return { nowMs: this.#clock.nowMs(), wallMs: this.#clock.wallMs() };
  }
}

function kindOf({ role, voter }: Member): "voter" | "learner" | "monitor" {
  if (role === ROLE.monitor) return "monitor";
  return voter ? "voter" : "learner";
}
