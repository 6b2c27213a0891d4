import type { KeysQuery } from "./model.ts";

/** Walks through keys by pages. The API only knows the way forward, so the way back is remembered. */
export class KeyPages {
  readonly #limit: number;
  #prefix = "";
  /** The key behind which each page begins, up to the present one. */
  #afters: readonly string[] = [""];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get query(): KeysQuery {
    return { prefix: this.#prefix, after: this.#afters.at(-1)!, limit: this.#limit };
  }

  /** Number of the present page, from 1. */
  get number(): number {
    return this.#afters.length;
  }

  /** Other keys, from their first page. */
  search(prefix: string): void {
    this.#prefix = prefix;
    this.#afters = [""];
  }

  /** @param after - `next` of the present page. */
  next(after: string): void {
    this.#afters = [...this.#afters, after];
  }

  previous(): void {
    if (this.#afters.length > 1) this.#afters = this.#afters.slice(0, -1);
  }
}
