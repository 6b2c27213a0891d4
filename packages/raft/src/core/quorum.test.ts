import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { committedIndex, majorityOf, voteResult } from "./quorum.ts";

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

/** The definition, taken literally: the highest index that more than half of the voters have. */
function naiveCommitted(voters: readonly string[], match: (voter: string) => number): number {
  let found = 0;
  for (const candidate of voters.map(match)) {
    const have = voters.filter((voter) => match(voter) >= candidate).length;
    if (2 * have > voters.length && candidate > found) found = candidate;
  }
  return found;
}

/** The definition, taken literally, by trying both ends for whoever has not voted. */
function naiveResult(voters: readonly string[], votes: ReadonlyMap<string, boolean>): string {
  const yes = (missing: boolean): number => voters.filter((voter) => votes.get(voter) ?? missing).length;
  if (2 * yes(false) > voters.length) return "won";
  return 2 * yes(true) > voters.length ? "pending" : "lost";
}

describe("quorum", () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [7, 4],
  ])("E12: of %i voters %i are a majority", (voters, majority) => {
    expect(majorityOf(voters)).toBe(majority);
  });

  it.each([
    [[], 0],
    [[7], 7],
    [[7, 9], 7],
    [[0, 9], 0],
    [[1, 2, 3], 2],
    [[3, 3, 0], 3],
    [[1, 2, 3, 4], 2],
    [[5, 5, 5, 0], 5],
    [[1, 2, 3, 4, 5], 3],
    [[0, 0, 9, 9, 9], 9],
  ])("R4: of matches %j index %i is on a majority", (matches, expected) => {
    expect(committedIndex(ids(matches.length), (voter) => matches[Number(voter.slice(1))]!)).toBe(expected);
  });

  it("R4: no index differs from the definition", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 9 }), (matches) => {
        const match = (voter: string): number => matches[Number(voter.slice(1))]!;
        const voters = ids(matches.length);
        expect(committedIndex(voters, match)).toBe(naiveCommitted(voters, match));
      }),
      { numRuns: 2_000 },
    );
  });

  it("E1: no result of votes differs from the definition, with votes of strangers among them", () => {
    const vote = fc.constantFrom(true, false, undefined);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(vote, { maxLength: 12 }), (size, given) => {
        const votes = new Map<string, boolean>();
        given.forEach((granted, i) => {
          if (granted !== undefined) votes.set(`n${i}`, granted);
        });
        expect(voteResult(ids(size), votes)).toBe(naiveResult(ids(size), votes));
      }),
      { numRuns: 2_000 },
    );
  });

  it("E11: without voters nothing is won and nothing committed, whoever votes", () => {
    expect(voteResult([], new Map([["n0", true]]))).not.toBe("won");
    expect(committedIndex([], () => 9)).toBe(0);
  });
});
