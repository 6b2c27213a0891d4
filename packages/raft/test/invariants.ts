import type { SimNode } from "./core-cluster.ts";

interface Asked {
  readonly node: string;
  readonly floor: number;
}

/** What must hold after every step, whatever happened (Raft figure 3), over the whole history of a cluster. */
export class Invariants {
  readonly #leaderOfTerm = new Map<number, string>();
  readonly #appliedAt = new Map<number, string>();
  readonly #checked = new Map<string, number>();
  readonly #termOf = new Map<string, number>();
  readonly #voteOf = new Map<string, string>();
  readonly #asked = new Map<number, Asked>();
  #lastRead = 0;
  readsAnswered = 0;
  /** The highest index that any node ever knew to be committed. */
  committed = 0;

  check(node: SimNode): void {
    this.#leaders(node);
    this.#order(node);
    this.#durableVote(node);
    this.#applied(node);
    this.#reads(node);
  }

  #leaders(node: SimNode): void {
    const { role, term } = node.core.status();
    if (role !== "leader") return;
    const known = this.#leaderOfTerm.get(term);
    if (known !== undefined && known !== node.id) throw new Error(`two leaders in term ${term}`);
    this.#leaderOfTerm.set(term, node.id);
  }

  #order(node: SimNode): void {
    const { term, commitIndex, appliedIndex, durableIndex, lastIndex } = node.core.status();
    if (!(appliedIndex <= commitIndex && commitIndex <= lastIndex && appliedIndex <= durableIndex)) {
      throw new Error(
        `order: applied ${appliedIndex}, commit ${commitIndex}, durable ${durableIndex}, last ${lastIndex}`,
      );
    }
    // What was durable before a crash is there after it, so not even a restart takes a term back below its vote.
    if (term < (this.#termOf.get(node.id) ?? 0)) throw new Error(`${node.id} went back to term ${term}`);
    this.committed = Math.max(this.committed, commitIndex);
  }

  /** A node that acts in a term (leads it, or answered in it) has it on disk: checked when the disk is idle. */
  #durableVote(node: SimNode): void {
    if (node.writes.length > 0) return;
    const { term, vote } = node.log.hardState();
    this.#termOf.set(node.id, term);
    if (vote === null) return;
    const known = this.#voteOf.get(`${node.id} ${term}`);
    if (known !== undefined && known !== vote) throw new Error(`${node.id} voted for ${known} and ${vote} in ${term}`);
    this.#voteOf.set(`${node.id} ${term}`, vote);
  }

  #applied(node: SimNode): void {
    for (let at = this.#checked.get(node.id) ?? 0; at < node.applied.length; at++) {
      const { index, term, text } = node.applied[at]!;
      if (index !== at + 1) throw new Error(`${node.id} applied ${index} as number ${at + 1}`);
      const entry = `${term} ${text}`;
      const known = this.#appliedAt.get(index) ?? entry;
      if (known !== entry) throw new Error(`index ${index}: ${known} here, ${entry} there`);
      this.#appliedAt.set(index, entry);
      this.#checked.set(node.id, at + 1);
    }
  }

  /** Asks a node for a read index; the answer must cover everything that anybody knew to be committed by now. */
  askRead(node: SimNode, nowMs: number): void {
    const id = ++this.#lastRead;
    this.#asked.set(id, { node: node.id, floor: this.committed });
    node.core.readIndex(id, nowMs);
  }

  #reads(node: SimNode): void {
    for (const { id, index } of node.reads.splice(0)) {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (asked === undefined) throw new Error(`read ${id} was answered twice, or was never asked`);
      if (asked.node !== node.id) throw new Error(`read ${id} of ${asked.node} was answered at ${node.id}`);
      if (index < 0) continue;
      if (index < asked.floor) throw new Error(`stale read: index ${index}, committed were ${asked.floor}`);
      this.readsAnswered++;
    }
  }
}
