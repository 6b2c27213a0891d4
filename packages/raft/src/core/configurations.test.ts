import { LIMITS, type Member, type Membership, membershipOf } from "@dister/types";
import { describe, expect, it } from "vitest";
import { Configurations, membershipObjection } from "./configurations.ts";

function member(n: number, voter = true): Member {
  const address = { host: "h", ports: { raft: 1, repl: 2, api: 3 } };
  return { id: n.toString(16).toUpperCase().padStart(16, "0"), name: `n${n}`, role: 0, voter, address };
}

const of = (...numbers: number[]): Membership => membershipOf(numbers.map((n) => member(n)));

describe("Configurations", () => {
  it("M1: the newest rules from the moment it is appended", () => {
    const known = new Configurations(0, of(1, 2, 3));
    known.append(5, of(1, 2, 3, 4));
    expect(known).toMatchObject({ current: of(1, 2, 3, 4), index: 5 });
    expect(known.voters).toHaveLength(4);
    expect([known.isVoter(member(4).id), known.isMember(member(5).id)]).toEqual([true, false]);
  });

  it("M3: whatever is overwritten stops ruling, step by step, and the first always stays", () => {
    const known = new Configurations(2, of(1));
    known.append(5, of(1, 2));
    known.append(7, of(1, 2, 3));
    known.truncateFrom(8);
    expect(known.index).toBe(7);
    known.truncateFrom(7);
    expect(known.index).toBe(5);
    known.truncateFrom(3);
    expect(known).toMatchObject({ current: of(1), index: 2 });
    expect(known.voters).toEqual([member(1).id]);
    known.truncateFrom(1);
    expect(known.index).toBe(2);
  });

  it("what is applied cannot come back, and what is not applied still can", () => {
    const known = new Configurations(0, of(1));
    known.append(5, of(1, 2));
    known.append(7, of(1, 2, 3));
    known.applied(6);
    known.truncateFrom(6);
    expect(known.current).toEqual(of(1, 2));
    known.truncateFrom(1);
    expect(known.current).toEqual(of(1, 2));
  });

  it("S1: a snapshot's membership replaces all others", () => {
    const known = new Configurations(0, of(1));
    known.append(5, of(1, 2));
    known.reset(90, of(3));
    expect(known).toMatchObject({ current: of(3), index: 90 });
    expect(known.voters).toEqual([member(3).id]);
  });

  it("an entry behind a later one breaks an invariant", () => {
    const known = new Configurations(5, of(1));
    expect(() => known.append(5, of(1, 2))).toThrow("invariant broken");
  });
});

describe("membershipObjection", () => {
  const learner = (membership: Membership, n: number): Membership =>
    membershipOf([...membership.members, member(n, false)]);
  it.each<[string, Membership, Membership, boolean]>([
    ["one voter more", of(1, 2, 3), of(1, 2, 3, 4), true],
    ["one voter fewer", of(1, 2, 3), of(1, 2), true],
    ["a learner more", of(1), learner(of(1), 2), true],
    ["several learners more", of(1), learner(learner(of(1), 2), 3), true],
    ["a learner made a voter", learner(of(1), 2), of(1, 2), true],
    ["a voter made a learner", of(1, 2), learner(of(1), 2), true],
    ["nothing", of(1, 2), of(1, 2), true],
    ["two voters more", of(1), of(1, 2, 3), false],
    ["two voters fewer", of(1, 2, 3), of(1), false],
    ["a newer state version", of(1, 2), membershipOf(of(1, 2).members, 2), true],
    ["an older state version", membershipOf(of(1, 2).members, 2), of(1, 2), false],
    ["one for another", of(1, 2, 3), of(1, 2, 4), false],
    ["nobody left", of(1), of(), false],
    ["only a learner left", of(1), membershipOf([member(1, false)]), false],
    ["a member twice", of(1), membershipOf([member(1), member(2, false), member(2, false)]), false],
    [
      "too many",
      of(1),
      membershipOf([1, ...Array(LIMITS.membersMax).keys()].map((n, i) => member(n + i + 1, i === 0))),
      false,
    ],
  ])("M1 M8: %s", (_, from, to, allowed) => {
    expect(membershipObjection(from, to) === undefined).toBe(allowed);
  });
});
