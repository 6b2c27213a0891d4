import { LIMITS, type Membership, membershipOf, type NodeId } from "@dister/types";
import { SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { Configurations, membershipObjection } from "../src/core/configurations.ts";
import { committedIndex, majorityOf, voteResult } from "../src/core/quorum.ts";
import { member, nodeId } from "./core-cluster.ts";

/*
 * The tables that every decision rests on, against versions that know nothing but the definitions: a majority is a set of
 * more than half of the voters, and everything else is looked for among all subsets. All cases of up to five voters, and
 * random ones beyond.
 */

/** Sets of nodes are bit masks: node i is bit i. */
type NodeSet = number;

const size = (set: NodeSet): number => (set === 0 ? 0 : (set & 1) + size(set >> 1));
const contains = (set: NodeSet, part: NodeSet): boolean => (set & part) === part;
const everyone = (count: number): NodeSet => 2 ** count - 1;
const idsOf = (set: NodeSet): NodeId[] =>
  range(30)
    .filter((i) => contains(set, 2 ** i))
    .map(nodeId);
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function majorities(voters: NodeSet): NodeSet[] {
  return range(voters + 1).filter((set) => contains(voters, set) && 2 * size(set) > size(voters));
}

/** All ways to choose `length` numbers below `values`. */
function* choices(values: number, length: number): Generator<number[]> {
  for (let n = 0; n < values ** length; n++) yield range(length).map((i) => Math.floor(n / values ** i) % values);
}

const overlap = (some: readonly NodeSet[], others: readonly NodeSet[]): boolean =>
  some.every((one) => others.every((other) => (one & other) !== 0));

describe("majorities", () => {
  it("E12: of so many voters any two sets of that size overlap, and of one less they need not", () => {
    for (const count of [1, 2, 3, 4, 5, 6, 7]) {
      const sets = (of: number): NodeSet[] => range(2 ** count).filter((set) => size(set) === of);
      const needed = majorityOf(count);
      expect([count, overlap(sets(needed), sets(needed))]).toEqual([count, true]);
      expect([count, overlap(sets(needed - 1), sets(needed - 1))]).toEqual([count, false]);
    }
  });

  /** The highest index that all nodes of some majority have. */
  function naiveCommitted(count: number, matches: readonly number[]): number {
    const reached = majorities(everyone(count)).map((set) =>
      Math.min(...range(count).flatMap((i) => (contains(set, 2 ** i) ? [matches[i]!] : []))),
    );
    return Math.max(0, ...reached);
  }

  const committed = (matches: readonly number[]): number =>
    committedIndex(idsOf(everyone(matches.length)), (voter) => matches[Number.parseInt(voter, 16)]!);

  it("R4: committed is what some majority has, for all matches up to 3 of up to five voters", () => {
    for (const count of range(6)) {
      for (const matches of choices(4, count)) {
        expect([matches, committed(matches)]).toEqual([matches, naiveCommitted(count, matches)]);
      }
    }
  });

  it("R4: and for random matches of six to nine voters", () => {
    const rng = new SeededRng(1);
    for (let run = 0; run < 500; run++) {
      const matches = range(6 + Math.floor(rng.next() * 4)).map(() => Math.floor(rng.next() * 10));
      expect([matches, committed(matches)]).toEqual([matches, naiveCommitted(matches.length, matches)]);
    }
  });

  /** Won when some majority has granted; lost when none can any more, whatever those say who have not voted. */
  function naiveResult(voters: NodeSet, granted: NodeSet, refused: NodeSet): string {
    const sets = majorities(voters);
    if (sets.some((set) => contains(granted, set))) return "won";
    return sets.some((set) => (set & refused) === 0) ? "pending" : "lost";
  }

  function compareVotes(voters: NodeSet, given: readonly number[]): void {
    const votes = new Map<NodeId, boolean>();
    let [granted, refused] = [0, 0];
    given.forEach((vote, i) => {
      if (vote > 0) votes.set(nodeId(i), vote === 1);
      if (vote === 1) granted += 2 ** i;
      if (vote === 2) refused += 2 ** i;
    });
    const expected = naiveResult(voters, granted, refused);
    expect([voters, given, voteResult(idsOf(voters), votes)]).toEqual([voters, given, expected]);
  }

  it("E1: votes come to what the definition says, for all votes of up to five voters and two strangers", () => {
    for (const count of range(6)) {
      for (const given of choices(3, count + 2)) compareVotes(everyone(count), given);
    }
  });

  it("E1: and for random voters and votes among twelve nodes", () => {
    const rng = new SeededRng(2);
    for (let run = 0; run < 300; run++) {
      const voters = 1 + Math.floor(rng.next() * everyone(12));
      compareVotes(
        voters,
        range(12).map(() => Math.floor(rng.next() * 3)),
      );
    }
  });
});

describe("consecutive memberships", () => {
  /** Each of five nodes is absent (0), a learner (1) or a voter (2). */
  const universe = [...choices(3, 5)].map((kinds) => ({
    membership: membershipOf(kinds.flatMap((kind, i) => (kind === 0 ? [] : [member(i, kind === 2)]))),
    voters: kinds.reduce((set, kind, i) => (kind === 2 ? set + 2 ** i : set), 0),
  }));
  const majoritiesOf = new Map(universe.map(({ voters }) => [voters, majorities(voters)]));

  it("M1: wherever a change is allowed, every majority before it overlaps every one after it", () => {
    let allowed = 0;
    for (const before of universe) {
      for (const after of universe) {
        if (membershipObjection(before.membership, after.membership) !== undefined) continue;
        allowed++;
        const [old, now] = [majoritiesOf.get(before.voters)!, majoritiesOf.get(after.voters)!];
        if (!overlap(old, now)) throw new Error(`${before.voters} and ${after.voters} decide apart`);
        expect(after.voters).not.toBe(0);
      }
    }
    expect(allowed).toBeGreaterThan(1_000);
  });

  it("M1 M8: what is refused changes two voters or more, or leaves none; learners may come and go", () => {
    for (const before of universe) {
      for (const after of universe) {
        const fits = after.voters !== 0 && size(before.voters ^ after.voters) <= 1;
        if ((membershipObjection(before.membership, after.membership) === undefined) !== fits) {
          throw new Error(`from ${before.voters} to ${after.voters}: should be ${fits ? "allowed" : "refused"}`);
        }
      }
    }
  });

  it("M2: two changes of the same membership may decide apart: the second has to wait for the first", () => {
    const base = everyone(4);
    const next = range(32).filter((voters) => voters !== 0 && size(base ^ voters) <= 1);
    const apart = next.flatMap((one) => next.filter((other) => !overlap(majorities(one), majorities(other))));
    expect(apart.length).toBeGreaterThan(0);
  });

  it("M8: a list with a member twice, or longer than the limit, is refused whatever its voters", () => {
    const one = membershipOf([member(1)]);
    expect(membershipObjection(one, { members: [member(1), member(2, false), member(2, false)] })).toBeDefined();
    const learners = (count: number): Membership =>
      membershipOf([member(1), ...range(count).map((i) => member(i + 2, false))]);
    expect(membershipObjection(one, learners(LIMITS.membersMax - 1))).toBeUndefined();
    expect(membershipObjection(one, learners(LIMITS.membersMax))).toBeDefined();
  });
});

describe("the memberships that a node knows", () => {
  const memberships = [1, 2, 3].map((count) => membershipOf(range(count).map((i) => member(i))));
  memberships.push(membershipOf([member(0), member(1, false)]));

  /** A log that is looked through from its end every time; nothing is remembered but the entries. */
  class NaiveLog {
    base = { index: 0, membership: memberships[0]! };
    entries: (Membership | null)[] = [];
    applied = 0;

    get last(): number {
      return this.base.index + this.entries.length;
    }

    /** What would rule if the log ended at `last`. */
    rulingAt(last: number): { index: number; membership: Membership } {
      for (let index = last; index > this.base.index; index--) {
        const membership = this.entries[index - this.base.index - 1];
        if (membership) return { index, membership };
      }
      return this.base;
    }

    isVoterFrom(commit: number, id: NodeId): boolean {
      return range(this.last - commit + 1).some((more) =>
        this.rulingAt(commit + more).membership.members.some((each) => each.id === id && each.voter),
      );
    }
  }

  class Pair {
    readonly naive = new NaiveLog();
    readonly real = new Configurations(0, memberships[0]!);

    append(membership: Membership | null): void {
      this.naive.entries.push(membership);
      if (membership !== null) this.real.append(this.naive.last, membership);
    }

    /** Only what is not applied may go. */
    truncate(back: number): void {
      const from = Math.max(this.naive.applied + 1, this.naive.last + 1 - back);
      this.naive.entries.length = from - this.naive.base.index - 1;
      this.real.truncateFrom(from);
    }

    apply(): void {
      if (this.naive.applied < this.naive.last) this.naive.applied++;
      this.real.applied(this.naive.applied);
    }

    reset(membership: Membership): void {
      const index = this.naive.last + 5;
      this.naive.base = { index, membership };
      this.naive.entries = [];
      this.naive.applied = index;
      this.real.reset(index, membership);
    }

    compare(): void {
      const { naive, real } = this;
      const ruling = naive.rulingAt(naive.last);
      expect({ index: real.index, membership: real.current }).toEqual(ruling);
      for (const i of range(4)) {
        const found = ruling.membership.members.find(({ id }) => id === nodeId(i));
        expect([i, real.isMember(nodeId(i))]).toEqual([i, found !== undefined]);
        expect([i, real.isVoter(nodeId(i))]).toEqual([i, found?.voter === true]);
        for (let commit = naive.applied; commit <= naive.last; commit++) {
          const expected = [i, commit, naive.isVoterFrom(commit, nodeId(i))];
          expect([i, commit, real.isVoterUnlessCommitted(nodeId(i), commit)]).toEqual(expected);
        }
      }
    }
  }

  const moves: ((pair: Pair) => void)[] = [
    (pair) => pair.append(null),
    (pair) => pair.append(memberships[1]!),
    (pair) => pair.append(memberships[2]!),
    (pair) => pair.append(memberships[3]!),
    (pair) => pair.truncate(1),
    (pair) => pair.truncate(2),
    (pair) => pair.apply(),
    (pair) => pair.reset(memberships[1]!),
  ];

  it("M1 M3: after any four moves the ruling one is the last in the log, else the applied one", () => {
    for (const sequence of choices(moves.length, 4)) {
      const pair = new Pair();
      for (const move of sequence) moves[move]!(pair);
      pair.compare();
    }
  });

  it("M1 M3: and after every one of many random moves", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const rng = new SeededRng(seed);
      const pair = new Pair();
      for (let step = 0; step < 60; step++) {
        moves[Math.floor(rng.next() * moves.length)]!(pair);
        pair.compare();
      }
    }
  });
});
