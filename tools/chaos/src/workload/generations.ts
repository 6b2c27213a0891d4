import type { Chance } from "../chance.ts";

/** Names for things of which a few are in use at a time and each only so often: short histories are quick to check. */
export class Generations {
  readonly #prefix: string;
  readonly #slots: { name: string; left: number }[];
  readonly #uses: number;
  readonly all: string[] = [];

  constructor(options: { prefix: string; atOnce: number; uses: number }) {
    this.#prefix = options.prefix;
    this.#uses = options.uses;
    this.#slots = Array.from({ length: options.atOnce }, () => this.#next());
  }

  /** One of those that are in use now. */
  draw(chance: Chance): string {
    const at = chance.whole(0, this.#slots.length - 1);
    const slot = this.#slots[at]!;
    if (--slot.left === 0) this.#slots[at] = this.#next();
    return slot.name;
  }

  #next(): { name: string; left: number } {
    const name = `${this.#prefix}${String(this.all.length).padStart(4, "0")}`;
    this.all.push(name);
    return { name, left: this.#uses };
  }
}
