import {
  isDisterError,
  type LogId,
  logIdIndex,
  type Member,
  type Membership,
  type NodeId,
  type WatchersTold,
} from "@dister/types";
import { JsonRpc } from "../cluster/json-rpc.ts";
import type { Self } from "../cluster/self.ts";
import type { Gateway } from "../gateway.ts";
import { rest } from "../rest.ts";
import type { NodeComponents } from "../served-node.ts";
import type { ToldCall } from "./calls.ts";
import type { ChangeDesk } from "./change-desk.ts";

/** The call that waits at a member until it and those who follow it know everything up to a log id. */
const TOLD_METHOD = "watchers.told";
/** What the answer of a member may take on top of its wait. */
const ANSWER_MS = 500;
/** Between two questions to a member that could not be asked. */
const RETRY_MS = 100;

/** What is needed of a member. */
export interface WatchersNode {
  readonly components: Pick<NodeComponents, "rpc" | "clock"> & { readonly self: Pick<Self, "id"> };
  readonly membered: {
    readonly raft: { readonly membership: Membership };
    readonly gateway: Pick<Gateway, "applied">;
  };
  readonly clients: { readonly changes: Pick<ChangeDesk, "told"> };
}

/** Waits until a change has reached everybody who is connected: the members, and the client nodes that follow them. */
export class Watchers {
  readonly #node: WatchersNode;
  readonly #json: JsonRpc;

  constructor(node: WatchersNode) {
    this.#node = node;
    this.#json = new JsonRpc(node.components.rpc);
    this.#json.serve<ToldCall, WatchersTold>(TOLD_METHOD, (_from, call) => this.#toldHere(call));
  }

  /** At all members. One that is not reached in time is waited for in vain, and named. */
  async told(logId: LogId, waitMs: number): Promise<WatchersTold> {
    const deadlineMs = this.#node.components.clock.nowMs() + waitMs;
    const { members } = this.#node.membered.raft.membership;
    const answers = await Promise.all(members.map((member) => this.#toldAt(member, logId, deadlineMs)));
    return {
      told: answers.reduce((sum, { told }) => sum + told, 0),
      waiting: answers.flatMap(({ waiting }) => waiting),
    };
  }

  /** Asks again while there is time: a member that starts anew, or whose connection was cut, may be back in a moment. */
  async #toldAt({ id, name }: Member, logId: LogId, deadlineMs: number): Promise<WatchersTold> {
    const { clock, self } = this.#node.components;
    for (;;) {
      const call: ToldCall = { logId, waitMs: Math.max(0, deadlineMs - clock.nowMs()) };
      try {
        return await (id === self.id ? this.#toldHere(call) : this.#ask(id, call));
      } catch (error) {
        // After these the next answer would be the same: this node is ending, or the member's software is older.
        const final = id === self.id ? "DISTER_ERR_STOPPED" : "DISTER_ERR_PEER_METHOD";
        if (isDisterError(error, final) || clock.nowMs() + RETRY_MS >= deadlineMs) return { told: 0, waiting: [name] };
      }
      await rest(clock, RETRY_MS);
      const { members } = this.#node.membered.raft.membership;
      // Who was removed meanwhile sends nobody anywhere.
      if (!members.some((member) => member.id === id)) return { told: 0, waiting: [] };
    }
  }

  #ask(to: NodeId, call: ToldCall): Promise<WatchersTold> {
    return this.#json.call<ToldCall, WatchersTold>(to, TOLD_METHOD, call, call.waitMs + ANSWER_MS);
  }

  /** This member counts as one: whoever asks it from then on is answered with the change. */
  async #toldHere({ logId, waitMs }: ToldCall): Promise<WatchersTold> {
    const { clients, components } = this.#node;
    const { clock } = components;
    const deadlineMs = clock.nowMs() + waitMs;
    await this.#applied(logId, deadlineMs);
    const { told, waiting } = await clients.changes.told(logId, Math.max(0, deadlineMs - clock.nowMs()));
    return { told: told + 1, waiting };
  }

  /** The gateway holds a request for a shorter time than a watcher may be waited for. */
  async #applied(logId: LogId, deadlineMs: number): Promise<void> {
    const { clock } = this.#node.components;
    for (;;) {
      try {
        return await this.#node.membered.gateway.applied(logIdIndex(logId), deadlineMs - clock.nowMs());
      } catch (error) {
        if (!isDisterError(error, "DISTER_ERR_TIMEOUT") || clock.nowMs() >= deadlineMs) throw error;
      }
    }
  }
}
