import type { NodeId, RaftMessage } from "@dister/types";
import type { Process } from "../world/process.ts";
import type { Invariant } from "./invariant.ts";

/** A machine votes for one candidate in a term, for ever: a vote counts from the moment that it leaves. */
export class OneVote implements Invariant {
  readonly name = "07-one-vote";
  readonly #voteOf = new Map<string, NodeId>();

  sent({ machine }: Process, to: NodeId, message: RaftMessage): void {
    if (message.type === "vote" && !message.pre) this.#voted(machine.id, message.term, machine.id);
    if (message.type === "voteReply" && !message.pre && message.granted) this.#voted(machine.id, message.term, to);
  }

  #voted(voter: NodeId, term: number, candidate: NodeId): void {
    const key = `${voter} ${term}`;
    const known = this.#voteOf.get(key);
    if (known === undefined) this.#voteOf.set(key, candidate);
    else if (known !== candidate) throw new Error(`${voter} voted for ${known} and ${candidate} in term ${term}`);
  }
}
