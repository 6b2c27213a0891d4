import type { NodeInfo } from "@dister/types";
import type { Caller, CallOptions, WriteOptions } from "./caller.ts";
import { objectOf } from "./shape.ts";

/** A member as the cluster shows it. */
export interface ShownNode extends NodeInfo {
  /** True when it counts for elections and commits. */
  readonly voter: boolean;
  /** Entries of the log that it has not stored yet, as far as known; null when it is not. */
  readonly lag: number | null;
  /** Milliseconds since the leader heard it, or, of the leader, since the node that answers did; null without a leader. */
  readonly silentMs: number | null;
  /** What the leader has found out about its log: null when it is sound, or nobody leads. */
  readonly mark: "damaged" | "lost data" | null;
}

/** Members of the cluster. */
export interface NodesClient {
  /** All members; a node that belongs to no cluster shows itself alone. */
  list(options?: CallOptions): Promise<ShownNode[]>;
  /** Says where further nodes are: `host`, `host:raftPort` or `[IPv6]:raftPort`. They join when they have answered. */
  add(addresses: string | readonly string[], options?: WriteOptions): Promise<void>;
  /** Removes members by id or name. */
  remove(names: string | readonly string[], options?: WriteOptions): Promise<void>;
}

export class HttpNodes implements NodesClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async list(options: CallOptions = {}): Promise<ShownNode[]> {
    return objectOf<ShownNode[]>(await this.#caller.read({ method: "GET", path: "/node" }, options), "GET /node");
  }

  async add(addresses: string | readonly string[], options: WriteOptions = {}): Promise<void> {
    const body = JSON.stringify([addresses].flat());
    await this.#caller.write({ method: "POST", path: "/node", body }, options);
  }

  async remove(names: string | readonly string[], options: WriteOptions = {}): Promise<void> {
    const body = JSON.stringify([names].flat());
    await this.#caller.write({ method: "DELETE", path: "/node", body }, options);
  }
}
