import type { Api } from "../api.ts";
import { rest } from "../rest.ts";

/** Between two writes at one node: what an outage can be measured to. */
const EVERY_MS = 20;
/** Longer than a node holds a request while there is no leader. */
const CALL_MS = 5_000;
/** Writes of one node that may be under way; nothing is begun beyond that. */
const UNDER_WAY_MAX = 300;

/** A write that a node has acknowledged. */
export interface Acknowledged {
  readonly node: number;
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Writes at every node at a steady pace, whatever becomes of the writes before. */
export class Writers {
  readonly acknowledged: Acknowledged[] = [];
  readonly #api: Api;
  readonly #ending = new AbortController();
  readonly #prefix: string;
  #loops: Promise<void>[] = [];

  /** @param prefix - of every key, so that each run has keys of its own. */
  constructor(api: Api, prefix: string) {
    this.#api = api;
    this.#prefix = prefix;
  }

  start(nodes: readonly number[]): void {
    this.#loops = nodes.map((node) => this.#write(node));
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#loops);
  }

  async #write(node: number): Promise<void> {
    const underWay = new Set<Promise<void>>();
    const { signal } = this.#ending;
    for (let i = 0; !signal.aborted; i++) {
      if (underWay.size < UNDER_WAY_MAX) {
        const call = this.#one(node, `${this.#prefix}${node}-${i}`).finally(() => underWay.delete(call));
        underWay.add(call);
      }
      await rest(EVERY_MS, signal);
    }
    await Promise.all(underWay);
  }

  async #one(node: number, key: string): Promise<void> {
    const call = { method: "POST", path: "/kv", body: { [key]: "1" }, timeoutMs: CALL_MS } as const;
    const { outcome, startMs, endMs } = await this.#api.call(node, call);
    if (outcome === "ok") this.acknowledged.push({ node, key, startMs, endMs });
  }
}
