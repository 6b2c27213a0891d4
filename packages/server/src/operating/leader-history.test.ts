import { describe, expect, it } from "vitest";
import { LeaderHistory } from "./leader-history.ts";

const at = (nowMs: number) => ({ nowMs, wallMs: 1_000_000 + nowMs });
const [A, B] = ["A".repeat(16), "B".repeat(16)] as const;

describe("the history of leaders", () => {
  it("tells an election once, however often the status is repeated", () => {
    const history = new LeaderHistory(at(0));
    const status = { term: 1, leader: A, reason: "only voter" } as const;
    expect(history.saw(status, at(5)).elected).toEqual({ ...status, since: at(5), ended: null });
    expect(history.saw(status, at(6))).toEqual({ lost: null, elected: null });
    expect(history.current?.since).toEqual(at(5));
  });

  it("keeps why and when the last leader went, while nobody leads and afterwards", () => {
    const history = new LeaderHistory(at(0));
    expect(history.leaderless).toEqual({ at: at(0), reason: "start" });
    history.saw({ term: 1, leader: A, reason: "only voter" }, at(1));
    expect(history.leaderless).toBeNull();
    const { lost, elected } = history.saw({ term: 1, leader: null, reason: "silence of the leader" }, at(9));
    expect([lost?.leader, elected]).toEqual([A, null]);
    expect(history.saw({ term: 2, leader: null, reason: "higher term" }, at(10))).toEqual({
      lost: null,
      elected: null,
    });
    expect(history.leaderless).toEqual({ at: at(9), reason: "silence of the leader" });
    history.saw({ term: 2, leader: B, reason: "leader announced itself" }, at(11));
    expect(history.all.map(({ leader, ended }) => [leader, ended?.reason])).toEqual([
      [B, undefined],
      [A, "silence of the leader"],
    ]);
  });

  it("takes another term of the same leader for another election, and one leader after the other for both", () => {
    const history = new LeaderHistory(at(0));
    history.saw({ term: 1, leader: A, reason: "only voter" }, at(1));
    expect(history.saw({ term: 2, leader: A, reason: "higher term" }, at(2))).toMatchObject({
      lost: { term: 1 },
      elected: { term: 2 },
    });
  });

  it("keeps the better reason for which a leader went, where one is given", () => {
    const history = new LeaderHistory(at(0));
    history.saw({ term: 1, leader: A, reason: "only voter" }, at(1));
    history.saw({ term: 2, leader: B, reason: "higher term" }, at(2), "connection to the leader closed");
    expect(history.all.map(({ reason, ended }) => [reason, ended?.reason])).toEqual([
      ["higher term", undefined],
      ["only voter", "connection to the leader closed"],
    ]);
  });

  it("learns from the leader why and since when it leads, and from nobody else", () => {
    const history = new LeaderHistory(at(0));
    history.saw({ term: 3, leader: A, reason: "leader announced itself" }, at(50));
    history.learnt({ term: 2, leader: A, reason: "of another term", since: at(1) });
    history.learnt({ term: 3, leader: B, reason: "of another node", since: at(1) });
    expect(history.current?.reason).toBe("leader announced itself");
    history.learnt({ term: 3, leader: A, reason: "silence of the leader", since: at(10) });
    expect(history.current).toMatchObject({ reason: "silence of the leader", since: at(10) });
  });

  it("remembers the last ten", () => {
    const history = new LeaderHistory(at(0));
    for (let term = 1; term <= 15; term++) history.saw({ term, leader: A, reason: "higher term" }, at(term));
    expect(history.all.map(({ term }) => term)).toEqual([15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
  });
});
