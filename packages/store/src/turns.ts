import { setImmediate as nextTurn } from "node:timers/promises";

/** Some half a millisecond of reading or inserting rows: what a heartbeat or a write has to wait for at most. */
const ROWS_PER_TURN = 100;
const BYTES_PER_TURN = 64 * 1024;

/** Cuts work on many rows into turns of the event loop: by number and size, not by time, so that a run can be repeated. */
export class Turns {
  #rows = 0;
  #bytes = 0;

  /** A row was worked on; true when this turn has had enough of them. */
  isOver(bytes: number): boolean {
    this.#rows++;
    this.#bytes += bytes;
    if (this.#rows < ROWS_PER_TURN && this.#bytes < BYTES_PER_TURN) return false;
    [this.#rows, this.#bytes] = [0, 0];
    return true;
  }

  /** Resolves in a later turn, behind the input that has arrived. */
  async next(): Promise<void> {
    await nextTurn();
  }
}
