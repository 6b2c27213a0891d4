import { invariant, LIMITS, type Membership, type NodeId, stateVersionOf, voterIds } from "@dister/types";

/**
 * The memberships that this node knows, oldest first. The newest rules from the moment it is appended (dissertation
 * §4.1), and stops ruling when its entry is overwritten: then the one before it is back (scenario M3).
 */
export class Configurations {
  #known: { readonly index: number; readonly membership: Membership }[];
  #voters: NodeId[] = [];

  /** @param index - index up to which `membership` is what the state machine has applied. */
  constructor(index: number, membership: Membership) {
    this.#known = [{ index, membership }];
    this.#refresh();
  }

  get current(): Membership {
    return this.#known.at(-1)!.membership;
  }

  /** Index of the entry that made the current membership; 0 or the snapshot's for the first. */
  get index(): number {
    return this.#known.at(-1)!.index;
  }

  get voters(): readonly NodeId[] {
    return this.#voters;
  }

  isVoter(id: NodeId): boolean {
    return this.#voters.includes(id);
  }

  /**
   * Is the node a voter of the newest membership, or of an older one that is not settled yet: one that rules again if
   * what lies behind `commit` is overwritten?
   */
  isVoterUnlessCommitted(id: NodeId, commit: number): boolean {
    for (const { index, membership } of [...this.#known].reverse()) {
      if (membership.members.some((member) => member.id === id && member.voter)) return true;
      if (index <= commit) return false;
    }
    return false;
  }

  isMember(id: NodeId): boolean {
    return this.current.members.some((member) => member.id === id);
  }

  append(index: number, membership: Membership): void {
    invariant(index > this.index, `membership at ${index} behind ${this.index}`);
    this.#known.push({ index, membership });
    this.#refresh();
  }

  /** The entries from `index` on are gone. */
  truncateFrom(index: number): void {
    while (this.#known.length > 1 && this.index >= index) this.#known.pop();
    this.#refresh();
  }

  /** Everything up to `index` is applied; older memberships can never come back. */
  applied(index: number): void {
    while (this.#known.length > 1 && this.#known[1]!.index <= index) this.#known.shift();
  }

  reset(index: number, membership: Membership): void {
    this.#known = [{ index, membership }];
    this.#refresh();
  }

  #refresh(): void {
    this.#voters = voterIds(this.current);
  }
}

/**
 * Why a membership must not follow another, undefined when it may: at most one voter more or less, and one at least is
 * left, so that any two majorities overlap.
 */
export function membershipObjection(from: Membership, to: Membership): string | undefined {
  const [before, after] = [new Set(voterIds(from)), new Set(voterIds(to))];
  if (after.size === 0) return "no voter would be left";
  if (to.members.length > LIMITS.membersMax) return `at most ${LIMITS.membersMax} members`;
  const added = [...after].filter((id) => !before.has(id)).length;
  const removed = [...before].filter((id) => !after.has(id)).length;
  if (added + removed > 1) return `one voter at a time, not ${added} more and ${removed} fewer`;
  const [known, wanted] = [stateVersionOf(from), stateVersionOf(to)];
  if (wanted < known) return `the state version is ${known} and is never lowered, not to ${wanted}`;
  if (new Set(to.members.map((member) => member.id)).size !== to.members.length) return "a member is listed twice";
  return undefined;
}
