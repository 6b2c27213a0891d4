import { rankByKey } from "@dister/balance";
import {
  type Clock,
  type ClusterId,
  DisterError,
  isDisterError,
  type Logger,
  type NodeId,
  type NodeInfo,
  type PeerRpc,
  ROLE,
} from "@dister/types";
import { CLIENT_ATTEMPT_MS } from "../client-desk/calls.ts";
import { JsonRpc } from "../cluster/json-rpc.ts";
import type { PeerDirectory } from "../cluster/peer-directory.ts";
import { rest } from "../rest.ts";
import { RETRY_MS, verdictOf } from "../write-attempts.ts";

/** A server that failed is asked last for so long. */
const AVOID_MS = 2_000;

/** The servers of one cluster that this client node is connected to, and questions to one of them. */
export class Servers {
  readonly #directory: Pick<PeerDirectory, "formed">;
  readonly #rpc: PeerRpc;
  readonly #json: JsonRpc;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #holdMs: number;
  readonly #avoidUntilMs = new Map<NodeId, number>();
  #cluster: ClusterId = "";
  #stopped = false;

  constructor(
    parts: { directory: Pick<PeerDirectory, "formed">; rpc: PeerRpc; clock: Clock; logger: Logger },
    options: { holdMs: number },
  ) {
    this.#directory = parts.directory;
    this.#rpc = parts.rpc;
    this.#json = new JsonRpc(parts.rpc);
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#holdMs = options.holdMs;
  }

  /** Nothing is held any more, and nothing repeated. */
  stop(): void {
    this.#stopped = true;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  get holdMs(): number {
    return this.#holdMs;
  }

  /** Cluster that this node serves, empty until a server of one was found. It stays so while the node runs. */
  get cluster(): ClusterId {
    this.#settle();
    return this.#cluster;
  }

  /** Servers of the cluster that are connected now, in the order of their ids. */
  get connected(): NodeInfo[] {
    this.#settle();
    const servers = this.#found().filter(({ cluster }) => cluster === this.#cluster);
    return servers.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Why no server is connected, for people. */
  get missing(): string {
    const clusters = new Set(this.#found().map(({ cluster }) => cluster));
    if (this.#cluster === "" && clusters.size > 1) {
      return `found ${clusters.size} clusters of this group, keep one of them`;
    }
    if (clusters.size > 0 && !clusters.has(this.#cluster)) {
      return `the servers found belong to cluster ${[...clusters].join(", ")}, this node began with ${this.#cluster}: restart it to follow them`;
    }
    return clusters.size > 0 ? "none answers" : "none of the group is reachable";
  }

  /**
   * Connected servers for a key, the one to ask first in front; one that failed lately comes last.
   * @param preferred - in front of the key's own order, where it is connected.
   */
  ranked(key: string, preferred: NodeId | null = null): NodeId[] {
    const nowMs = this.#clock.nowMs();
    const ids = rankByKey(key, this.connected, ({ id }) => id).map(({ id }) => id);
    const penalty = (id: NodeId): number => ((this.#avoidUntilMs.get(id) ?? 0) > nowMs ? 2 : id === preferred ? 0 : 1);
    return ids.sort((a, b) => penalty(a) - penalty(b)); // A stable sort: the order by key stays.
  }

  /** A server did not do what it was asked: others are asked first for a while. */
  avoid(id: NodeId): void {
    this.#avoidUntilMs.set(id, this.#clock.nowMs() + AVOID_MS);
  }

  /** Would another server do better than this error of one, or the same a little later? Then others are asked first. */
  judge(id: NodeId, error: unknown): boolean {
    if (verdictOf(error) === "final" && !isDisterError(error, "DISTER_ERR_BUSY")) return false;
    this.avoid(id);
    return true;
  }

  /** Calls one server, with bytes. */
  async callRaw(to: NodeId, method: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#rpc.call(to, method, body, { timeoutMs }).catch(thatItStops);
  }

  /** Calls one server, with JSON. */
  async call<Q, A>(to: NodeId, method: string, question: Q, timeoutMs: number): Promise<A> {
    return this.#json.call<Q, A>(to, method, question, timeoutMs).catch(thatItStops);
  }

  /**
   * Asks the servers one after the other, the key's own first, until one answers. For questions that change nothing.
   * @param holdMs - how long to go on, at most.
   * @throws DisterError the answer of a server that no other would give better; `DISTER_ERR_NO_SERVER`,
   *   `DISTER_ERR_NO_LEADER`, `DISTER_ERR_TIMEOUT` when the time is over.
   */
  async ask<Q, A>(key: string, method: string, question: Q, holdMs: number = this.#holdMs): Promise<A> {
    const deadlineMs = this.#clock.nowMs() + holdMs;
    for (;;) {
      let failure: unknown = this.none();
      for (const id of this.ranked(key)) {
        const leftMs = deadlineMs - this.#clock.nowMs();
        if (leftMs <= 0) break;
        try {
          return await this.call<Q, A>(id, method, question, Math.min(CLIENT_ATTEMPT_MS, leftMs));
        } catch (error) {
          if (!this.judge(id, error)) throw error;
          failure = isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE") ? this.none(error) : error;
        }
      }
      if (this.#stopped || this.#clock.nowMs() >= deadlineMs) throw failure;
      await rest(this.#clock, RETRY_MS);
    }
  }

  /**
   * Orders something of one server, once: it may not be repeated, so another is asked only when this one surely did
   * not hear of it.
   */
  async order<Q, A>(method: string, question: Q, timeoutMs: number): Promise<A> {
    let failure: unknown = this.none();
    for (const id of this.ranked(method)) {
      try {
        return await this.call<Q, A>(id, method, question, timeoutMs);
      } catch (error) {
        const unheard = isDisterError(error, "DISTER_ERR_PEER_UNREACHABLE") && error.details["sent"] === false;
        if (!unheard) throw error;
        this.avoid(id);
        failure = this.none(error);
      }
    }
    throw failure;
  }

  /** The error that says why there is nobody to ask. */
  none(cause?: unknown): DisterError {
    return new DisterError("DISTER_ERR_NO_SERVER", { reason: this.missing }, { cause });
  }

  #found(): NodeInfo[] {
    return this.#directory.formed().flatMap(({ info }) => (info.role === ROLE.server ? [info] : []));
  }

  /** The first cluster that is found alone is the one that this node serves: it never mixes two. */
  #settle(): void {
    if (this.#cluster !== "") return;
    const clusters = [...new Set(this.#found().map(({ cluster }) => cluster))];
    if (clusters.length !== 1) return;
    this.#cluster = clusters[0]!;
    this.#logger.info("found the cluster", { cluster: this.#cluster });
  }
}

/** What a server that ends refuses was surely not done: another one can be asked. */
function thatItStops(error: unknown): never {
  if (!isDisterError(error, "DISTER_ERR_STOPPED")) throw error;
  throw new DisterError("DISTER_ERR_NO_SERVER", { reason: "the one that was asked is stopping" }, { cause: error });
}
