import type { RaftNode } from "@dister/raft";
import { commandStateVersion, decodeCommand, encodeCommand } from "@dister/store";
import {
  type Clock,
  type Command,
  type CommandOutcome,
  DisterError,
  isDisterError,
  type LogPosition,
  type NodeId,
  type PeerRpc,
  type StampedCommand,
  type StateReader,
  stateVersionOf,
} from "@dister/types";
import { rest } from "./rest.ts";
import { RETRY_MS, unknownOutcome, untilOutcome, verdictOf } from "./write-attempts.ts";

export interface GatewayOptions {
  /** How long a request is held while there is no leader or an attempt is repeated; default 4,000 ms. */
  readonly holdMs: number;
  /** State version that a command needs; that of the store unless set. */
  readonly stateVersionOf: (command: Command) => number;
}

/** What the gateway needs of Raft. */
type GatewayRaft = Pick<RaftNode<CommandOutcome>, "leader" | "propose" | "whenApplied" | "readBarrier" | "membership">;

/** A leader that hangs may have a successor by then; the attempt is repeated under the same request id. */
const ATTEMPT_MS = 1_500;
/** A forwarded write: the leader answers with its place in the log. */
export const PROPOSE_METHOD = "propose";

/**
 * Takes writes and reads at any node. A write goes to the leader, one hop at the most, and is answered when this node has
 * applied it, so that a client reads its own writes here. Attempts are repeated under the same request id, which the
 * state machine applies once only, so that a change of leader costs the client time and no answer.
 */
export class Gateway {
  readonly #raft: GatewayRaft;
  readonly #state: Pick<StateReader, "outcome">;
  readonly #rpc: Pick<PeerRpc, "call">;
  readonly #clock: Clock;
  readonly #isUp: (peer: NodeId) => boolean;
  readonly #self: NodeId;
  readonly #session: string;
  readonly #options: GatewayOptions;
  #sequence = 0;

  /** @param parts.session - differs between any two starts of any nodes; request ids made here begin with it. */
  constructor(
    parts: {
      raft: GatewayRaft;
      state: Pick<StateReader, "outcome">;
      rpc: Pick<PeerRpc, "call">;
      clock: Clock;
      /** Is a peer connected? */
      isUp: (peer: NodeId) => boolean;
      self: NodeId;
      session: string;
    },
    options: Partial<GatewayOptions> = {},
  ) {
    this.#raft = parts.raft;
    this.#state = parts.state;
    this.#rpc = parts.rpc;
    this.#clock = parts.clock;
    this.#isUp = parts.isUp;
    this.#self = parts.self;
    this.#session = parts.session;
    this.#options = { holdMs: 4_000, stateVersionOf: commandStateVersion, ...options };
  }

  /**
   * Writes; resolves when the write is applied on this node.
   * @param requestId - the client's own id; without one, each call is a request of its own.
   * @param holdMs - to give up earlier than usual.
   * @throws DisterError surely not done: `DISTER_ERR_NO_LEADER`, `DISTER_ERR_BUSY`, `DISTER_ERR_TOO_LARGE`; done or not:
   *   `DISTER_ERR_UNKNOWN_OUTCOME`, with the request id to ask again with.
   */
  async write(
    command: Command,
    requestId: string = this.#nextRequestId(),
    holdMs: number = this.#options.holdMs,
  ): Promise<CommandOutcome> {
    return untilOutcome({
      clock: this.#clock,
      holdMs: Math.min(holdMs, this.#options.holdMs),
      requestId,
      attempt: (deadlineMs) => this.#attempt(command, requestId, deadlineMs),
      // An earlier attempt may have been applied here meanwhile, by whichever leader.
      known: () => this.#state.outcome(requestId),
    });
  }

  /**
   * Writes what this node decided because it leads, in one attempt: it is never handed to another leader, who decides for
   * itself, and may have been found where nobody could be reached.
   * @throws DisterError as {@link Gateway.write}, and `DISTER_ERR_NOT_LEADER`, surely not done.
   */
  async writeAsLeader(command: Command): Promise<CommandOutcome> {
    const requestId = this.#nextRequestId();
    const { holdMs } = this.#options;
    const attempt = async (): Promise<CommandOutcome | undefined> => {
      const bytes = this.#encode({ requestId, timeMs: this.#clock.wallMs(), command });
      return (await this.#within(this.#raft.propose(bytes), this.#deadline(holdMs))).result;
    };
    return untilOutcome({ clock: this.#clock, holdMs: 0, requestId, attempt, known: () => undefined });
  }

  /** One attempt; undefined when the write was taken but its outcome is not known here yet. */
  async #attempt(command: Command, requestId: string, deadlineMs: number): Promise<CommandOutcome | undefined> {
    const { leader } = this.#raft;
    if (leader === null) throw new DisterError("DISTER_ERR_NO_LEADER");
    const bytes = this.#encode({ requestId, timeMs: this.#clock.wallMs(), command });
    if (leader === this.#self) return (await this.#within(this.#raft.propose(bytes), deadlineMs)).result;
    // A leader whose process has ended is not waited for: its successor is a matter of milliseconds.
    if (!this.#isUp(leader)) throw new DisterError("DISTER_ERR_NO_LEADER");
    const timeoutMs = Math.max(1, Math.min(ATTEMPT_MS, deadlineMs - this.#clock.nowMs()));
    const reply = await this.#rpc.call(leader, PROPOSE_METHOD, bytes, { timeoutMs }).catch((error: unknown) => {
      // A leader that is ending takes nothing more; the next one will.
      throw isDisterError(error, "DISTER_ERR_STOPPED")
        ? new DisterError("DISTER_ERR_NO_LEADER", {}, { cause: error })
        : error;
    });
    // From here on the write is in the leader's log: whatever fails now says nothing about its outcome.
    try {
      const { index } = JSON.parse(new TextDecoder().decode(reply)) as LogPosition;
      await this.#within(this.#raft.whenApplied(index), deadlineMs);
      return this.#state.outcome(requestId);
    } catch (error) {
      throw unknownOutcome(requestId, error);
    }
  }

  /** Answers a write that another node forwarded. It is never forwarded again. */
  async proposeForPeer(body: Uint8Array): Promise<Uint8Array> {
    const stamped = { ...decodeCommand(body), timeMs: this.#clock.wallMs() };
    const { index, term } = await this.#raft.propose(this.#encode(stamped));
    return new TextEncoder().encode(JSON.stringify({ index, term }));
  }

  /**
   * Resolves when what this node reads next is linearizable: it has applied everything that was acknowledged anywhere
   * before this call.
   * @param holdMs - to give up earlier than usual.
   * @throws DisterError `DISTER_ERR_NO_LEADER`, `DISTER_ERR_TIMEOUT`; never answers with what may be old.
   */
  async readBarrier(holdMs: number = this.#options.holdMs): Promise<void> {
    const deadlineMs = this.#deadline(holdMs);
    for (;;) {
      try {
        await this.#within(this.#raft.readBarrier(), deadlineMs);
        return;
      } catch (error) {
        if (verdictOf(error) === "final" || this.#clock.nowMs() >= deadlineMs) throw error;
        await rest(this.#clock, RETRY_MS);
      }
    }
  }

  /**
   * A command that a member cannot decode would stop it: nothing newer than what is in force gets into the log. Asked on the
   * leader as well, which has the last word on what is in force.
   */
  #encode(stamped: StampedCommand): Uint8Array {
    const { membership } = this.#raft;
    const needed = this.#options.stateVersionOf(stamped.command);
    const inForce = stateVersionOf(membership);
    if (needed > inForce) {
      const behind = membership.members.filter((member) => stateVersionOf(member) < needed).map(({ name }) => name);
      const who =
        behind.length === 0 ? "the members are just being asked" : `${behind.join(", ")} must be upgraded first`;
      throw new DisterError("DISTER_ERR_STATE_VERSION", { inForce, reason: `this needs ${needed}; ${who}` });
    }
    return encodeCommand(stamped);
  }

  /**
   * Resolves when this node has applied an entry, for a reader that has seen it elsewhere.
   * @throws DisterError `DISTER_ERR_TIMEOUT` when that takes longer than `withinMs`, or than a request is held.
   */
  async applied(index: number, withinMs: number): Promise<void> {
    await this.#within(this.#raft.whenApplied(index), this.#deadline(withinMs));
  }

  #nextRequestId(): string {
    return `${this.#session}.${++this.#sequence}`;
  }

  async #within<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
    const timeoutMs = Math.max(1, deadlineMs - this.#clock.nowMs());
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = this.#clock.setTimer(timeoutMs, () =>
        reject(new DisterError("DISTER_ERR_TIMEOUT", { what: "the cluster", timeoutMs })),
      );
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      timer?.cancel();
    }
  }

  #deadline(withinMs: number): number {
    return this.#clock.nowMs() + Math.min(withinMs, this.#options.holdMs);
  }
}
