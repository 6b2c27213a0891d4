/** Proposals whose times are kept; further ones are not measured. As many as a leader can have open under load. */
const OPEN_MAX = 65_536;

/** Times from a proposal to its commit. Indices come in order, so that a queue is enough. */
export class CommitTimes {
  readonly #done: (durationMs: number) => void;
  #open: { index: number; atMs: number }[] = [];
  /** Where the queue begins: what lies before it is cut off now and then, not one by one. */
  #head = 0;

  constructor(done: (durationMs: number) => void) {
    this.#done = done;
  }

  proposed(index: number, nowMs: number): void {
    if (this.#open.length - this.#head < OPEN_MAX) this.#open.push({ index, atMs: nowMs });
  }

  committed(index: number, nowMs: number): void {
    while (this.#head < this.#open.length && this.#open[this.#head]!.index <= index) {
      this.#done(nowMs - this.#open[this.#head++]!.atMs);
    }
    if (this.#head < 1_024 && this.#head < this.#open.length) return;
    this.#open.splice(0, this.#head);
    this.#head = 0;
  }

  /** The node does not lead any more: what is open may become of anything. */
  forget(): void {
    this.#open = [];
    this.#head = 0;
  }
}
