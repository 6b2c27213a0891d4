/**
 * For how long a suspect has had everything that its leader has, in checks of the leader; there is one each election
 * time-out. A check counts only when the suspect has spoken since the one before.
 */
export class Level {
  /** Checks in a row at which the suspect had what the leader's log had held at the check before. */
  checks = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #isReached = false;

  /** The suspect has the leader's log up to here. */
  matched(index: number): void {
    if (index >= this.#wanted) this.#isReached = true;
  }

  /** @param lastIndex - end of the leader's log now. */
  check(lastIndex: number): void {
    this.checks = this.#isReached ? this.checks + 1 : 0;
    this.#wanted = lastIndex;
    this.#isReached = false;
  }

  reset(): void {
    this.checks = 0;
    this.#wanted = Number.POSITIVE_INFINITY;
    this.#isReached = false;
  }
}
