import { describe, expect, test } from "vitest";
import { laterHardState } from "./hard-state.ts";

const [A, B] = ["00000000000000AA", "00000000000000BB"];

describe("the later of two hard states", () => {
  test("is the one of the higher term, whatever its vote", () => {
    for (const [low, high] of [
      [A, B],
      [A, null],
      [null, A],
    ] as const) {
      const [one, other] = [
        { term: 2, vote: low, commit: 0 },
        { term: 3, vote: high, commit: 0 },
      ];
      expect(laterHardState(one, other)).toEqual(other);
      expect(laterHardState(other, one)).toEqual(other);
    }
  });

  test("of one term is the one with a vote, and the commit is the higher of both", () => {
    const [none, vote] = [
      { term: 2, vote: null, commit: 9 },
      { term: 2, vote: A, commit: 4 },
    ];
    expect(laterHardState(none, vote)).toEqual({ term: 2, vote: A, commit: 9 });
    expect(laterHardState(vote, none)).toEqual({ term: 2, vote: A, commit: 9 });
    expect(laterHardState({ ...vote, term: 7 }, none)).toEqual({ term: 7, vote: A, commit: 9 });
    expect(laterHardState(vote, vote)).toEqual(vote);
  });

  test("is none of them when one term holds two votes", () => {
    expect(laterHardState({ term: 2, vote: A, commit: 0 }, { term: 2, vote: B, commit: 0 })).toBeUndefined();
  });
});
