import { type Member, membershipOf } from "@dister/types";
import { describe, expect, test } from "vitest";
import { planRecovery, type RecoveryPlan, type Survivor } from "./recovery-plan.ts";

const [A, B, C] = ["00000000000000A1", "00000000000000B2", "00000000000000C3"];

function member(id: string, voter = true): Member {
  return { id, name: id, role: 0, voter, address: { host: "h", ports: { raft: 1, repl: 2, api: 3 } } };
}

/** One of three, that has applied 20 of 30 entries and knows 22 to be committed. */
function survivor(change: Partial<Survivor> = {}): Survivor {
  return {
    nodeId: A!,
    hardState: { term: 7, vote: B!, commit: 22 },
    base: { index: 10, term: 2 },
    last: { index: 30, term: 5 },
    suspect: { index: 0, term: 0 },
    applied: { index: 20, term: 4 },
    restoredFrom: { index: 0, term: 0 },
    termAtApplied: 4,
    membership: membershipOf([member(A!), member(B!), member(C!)]),
    ...change,
  };
}

function planned(change: Partial<Survivor> = {}): RecoveryPlan {
  const plan = planRecovery(survivor(change));
  if (typeof plan === "string") throw new Error(plan);
  return plan;
}

describe("a recovery", () => {
  test("keeps the state and every entry behind it, and decrees in a term above all that the node has seen", () => {
    expect(planned()).toMatchObject({
      last: { index: 30, term: 5 },
      tailCount: 10,
      unsureCount: 8,
      term: 8,
      lostUpTo: 0,
    });
    expect(planned({ hardState: { term: 5, vote: null, commit: 30 } })).toMatchObject({ unsureCount: 0, term: 6 });
    expect(planned({ hardState: { term: 5, vote: null, commit: 3 } })).toMatchObject({ unsureCount: 10 });
  });

  test("gives up every other member, voter or not", () => {
    const membership = membershipOf([member(A!), member(B!), member(C!, false)]);
    expect(planned({ membership }).givenUp.map(({ id }) => id)).toEqual([B, C]);
    // A learner's state is a prefix like any other.
    expect(planned({ membership: membershipOf([member(A!, false), member(B!)]) }).self.id).toBe(A);
  });

  test("takes a state alone that a snapshot put ahead of the log, or that damage has left so", () => {
    const ahead = { applied: { index: 40, term: 6 }, termAtApplied: undefined };
    const kept = { last: { index: 40, term: 6 }, tailCount: 0, unsureCount: 0 };
    expect(planned({ ...ahead, restoredFrom: { index: 40, term: 6 } })).toMatchObject(kept);
    expect(planned({ ...ahead, suspect: { index: 40, term: 7 } })).toMatchObject({ ...kept, lostUpTo: 0 });
    expect(planned({ ...ahead, suspect: { index: 50, term: 7 } })).toMatchObject({ ...kept, lostUpTo: 50 });
    // The log has another entry there: it is from before the snapshot.
    const conflict = { restoredFrom: { index: 20, term: 4 }, termAtApplied: 3 };
    expect(planned(conflict)).toMatchObject({ last: { index: 20, term: 4 }, tailCount: 0 });
  });

  test.each([3, 6])(
    "takes the state alone when a damaged log has there what had been overwritten, of term %i",
    (term) => {
      const plan = planned({ suspect: { index: 30, term: 7 }, termAtApplied: term });
      expect(plan).toMatchObject({ last: { index: 20, term: 4 }, tailCount: 0, unsureCount: 0, lostUpTo: 30 });
    },
  );

  test("says up to where damage has taken what may have been acknowledged", () => {
    expect(planned({ suspect: { index: 35, term: 7 } }).lostUpTo).toBe(35);
    // Its last entries may be such as had been overwritten, so that it matters what the state has, and not the log.
    expect(planned({ suspect: { index: 30, term: 7 } })).toMatchObject({ lostUpTo: 30, unsureCount: 10 });
    expect(planned({ suspect: { index: 20, term: 7 } })).toMatchObject({ lostUpTo: 0, unsureCount: 8 });
    const alone = membershipOf([member(A!)]);
    expect(planned({ membership: alone, suspect: { index: 35, term: 7 } }).givenUp).toEqual([]);
  });

  test.each<[string, Partial<Survivor>, RegExp]>([
    ["it knows no members", { membership: membershipOf([]) }, /knows no members/],
    ["it was removed", { membership: membershipOf([member(B!), member(C!)]) }, /was removed from its cluster/],
    ["it is the only voter", { membership: membershipOf([member(A!), member(B!, false)]) }, /only voter: .* start it/],
    ["its log was lost", { hardState: { term: 3, vote: null, commit: 0 } }, /term 4, its log knows term 3/],
    [
      "its log is too short",
      { applied: { index: 40, term: 5 }, termAtApplied: undefined },
      /the log ends|log ends at 30/,
    ],
    ["its log begins too late", { applied: { index: 9, term: 1 }, termAtApplied: undefined }, /begins behind 10/],
    [
      "its log begins behind the snapshot that it was set back to",
      { applied: { index: 9, term: 1 }, restoredFrom: { index: 9, term: 1 }, termAtApplied: undefined },
      /begins behind 10/,
    ],
    ["they disagree", { termAtApplied: 3 }, /index 20 has term 4 in its state and 3 in its log/],
  ])("is refused when %s, in one sentence", (_why, change, reason) => {
    expect(planRecovery(survivor(change))).toMatch(reason);
  });
});
