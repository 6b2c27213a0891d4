import { Violation } from "../world/violation.ts";
import type { Facts } from "./facts.ts";
import type { Invariant } from "./invariant.ts";

/**
 * A read that is answered has everything that any node knew to be committed when it was asked. There are no leases here,
 * so this takes the place of "no two nodes may believe at one time that they hold one".
 */
export class ReadsSeeEveryCommit implements Invariant {
  readonly name = "10-reads-see-every-commit";
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** A read begins; give what it returns to {@link ReadsSeeEveryCommit.answered}. */
  asked(): number {
    return this.#facts.acknowledged;
  }

  answered(asked: number, index: number, by: string): void {
    if (index >= asked) return;
    throw new Violation(this.name, `${by} read at ${index} what was acknowledged up to ${asked}`);
  }
}
