import { isDisterError, type KvRecord, LIMITS } from "@dister/types";
import type { Caller, MarkedOptions, WriteOptions } from "./caller.ts";
import { checkedName, invalid } from "./settings.ts";
import { objectOf, textOf } from "./shape.ts";

export interface ReadOptions extends MarkedOptions {
  /**
   * `linearizable` (default): at least as new as every write that was answered before the call. `local`: what the node
   * that is asked has applied; faster, answers without a leader, may be old.
   */
  readonly consistency?: "linearizable" | "local";
}

export interface PageOptions extends ReadOptions {
  /** Only keys that begin so; default all. */
  readonly prefix?: string;
  /** Keys in the page, 1 to `LIMITS.pageKeysMax`, which is the default. */
  readonly limit?: number;
  /** Only keys behind this one: `next` of the page before. */
  readonly after?: string;
}

/** A part of the keys, in the order of their UTF-8 bytes. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** What to give as `after` for the next page; null at the end. */
  readonly next: string | null;
}

export interface KvPair {
  readonly key: string;
  readonly value: string;
}

/** What a write came to. */
export interface WriteResult {
  /** Log id of the entry that took effect. */
  readonly logid: number;
  /** How many keys, services or instances it changed: what the call names. */
  readonly changed: number;
}

/** Pairs in any form; an object's own enumerable fields count. */
export type Pairs = Readonly<Record<string, string>> | Iterable<readonly [key: string, value: string]>;

/** Keys and values. Any key is only data here, `__proto__` too. */
export interface KvClient {
  /** The value, undefined when the key does not exist. */
  get(key: string, options?: ReadOptions): Promise<string | undefined>;
  /** One page of keys: `{items: [{key, value}], next}`, with `meta` also `createIndex`, `modifyIndex` and `version`. */
  getMany(options: PageOptions & { readonly meta: true }): Promise<Page<KvRecord>>;
  getMany(options?: PageOptions & { readonly meta?: boolean }): Promise<Page<KvPair>>;
  /**
   * All pairs, in no certain order.
   * @throws DisterError `DISTER_ERR_TOO_MANY_KEYS` above `LIMITS.keysListedMax` of them: use {@link getMany}.
   */
  all(options?: ReadOptions): Promise<Map<string, string>>;
  /**
   * Sets one pair, or many: all of them or none. Durable on a majority when the promise resolves.
   * @throws DisterError `DISTER_ERR_UNKNOWN_OUTCOME` when it may or may not be done; `details.requestId` is what to
   *   repeat it with.
   */
  set(key: string, value: string, options?: WriteOptions): Promise<WriteResult>;
  set(pairs: Pairs, options?: WriteOptions): Promise<WriteResult>;
  /** Removes keys, all at once; those that do not exist are passed over. Otherwise as {@link set}. */
  delete(...keys: string[]): Promise<WriteResult>;
  delete(keys: readonly string[], options?: WriteOptions): Promise<WriteResult>;
}

export class HttpKv implements KvClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async get(key: string, options: ReadOptions = {}): Promise<string | undefined> {
    const query = { k: checkedName(key, "key"), consistency: options.consistency };
    try {
      return textOf(await this.#caller.read({ method: "GET", path: "/kv", query }, options), "GET /kv");
    } catch (error) {
      if (isDisterError(error, "DISTER_ERR_KEY_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  getMany(options: PageOptions & { readonly meta: true }): Promise<Page<KvRecord>>;
  getMany(options?: PageOptions & { readonly meta?: boolean }): Promise<Page<KvPair>>;
  async getMany(options: PageOptions & { readonly meta?: boolean } = {}): Promise<Page<KvPair>> {
    const { prefix, after, consistency, meta, limit = LIMITS.pageKeysMax } = options;
    // The limit is always sent: without any of the three the API would answer with all pairs.
    const query = {
      prefix: optional(prefix, "prefix"),
      limit,
      after: optional(after, "after"),
      meta: meta === true ? 1 : undefined,
      consistency,
    };
    return objectOf<Page<KvPair>>(
      await this.#caller.read({ method: "GET", path: "/kv", query }, options),
      "GET /kv?prefix=",
    );
  }

  async all(options: ReadOptions = {}): Promise<Map<string, string>> {
    const query = { consistency: options.consistency };
    const data = await this.#caller.read({ method: "GET", path: "/kv", query }, options);
    return new Map(Object.entries(objectOf<Record<string, string>>(data, "GET /kv")));
  }

  set(key: string, value: string, options?: WriteOptions): Promise<WriteResult>;
  set(pairs: Pairs, options?: WriteOptions): Promise<WriteResult>;
  async set(first: string | Pairs, second?: string | WriteOptions, third: WriteOptions = {}): Promise<WriteResult> {
    const [pairs, options] =
      typeof first === "string"
        ? ([[[first, second as string]], third] as const)
        : ([pairsOf(first), (second as WriteOptions | undefined) ?? {}] as const);
    return this.#write({ method: "POST", body: bodyOf(pairs) }, options);
  }

  delete(...keys: string[]): Promise<WriteResult>;
  delete(keys: readonly string[], options?: WriteOptions): Promise<WriteResult>;
  async delete(...args: readonly (string | readonly string[] | WriteOptions | undefined)[]): Promise<WriteResult> {
    const listed = Array.isArray(args[0]);
    const keys = (listed ? args[0] : args) as readonly string[];
    const options = listed ? ((args[1] as WriteOptions | undefined) ?? {}) : {};
    for (const [position, key] of keys.entries()) checkedName(key, `keys.${position}`);
    return this.#write({ method: "DELETE", body: JSON.stringify(keys) }, options);
  }

  async #write(call: { method: "POST" | "DELETE"; body: string }, options: WriteOptions): Promise<WriteResult> {
    const data = await this.#caller.write({ ...call, path: "/kv" }, options);
    return objectOf<WriteResult>(data, `${call.method} /kv`);
  }
}

/** An empty prefix or start means the same as none. */
function optional(text: string | undefined, field: string): string | undefined {
  return text === undefined || text === "" ? undefined : checkedName(text, field);
}

function pairsOf(pairs: Pairs): readonly (readonly [string, string])[] {
  return Symbol.iterator in pairs
    ? [...(pairs as Iterable<readonly [string, string]>)]
    : Object.entries(pairs as Readonly<Record<string, string>>);
}

/** Written pair by pair: in an object on the way, a key called `__proto__` would set no field. */
function bodyOf(pairs: readonly (readonly [string, string])[]): string {
  const written = pairs.map(([key, value]) => {
    checkedName(key, "key");
    if (typeof value !== "string") throw invalid(`value of ${key.slice(0, 80)}`, typeof value, "a text");
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  return `{${written.join(",")}}`;
}
