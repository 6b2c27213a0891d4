import type { CoreStatus } from "@dister/raft";
import { type Member, membershipOf } from "@dister/types";
import { expect, it } from "vitest";
import { leaderlessReason } from "./leaderless.ts";

const idOf = (n: number): string => String(n).repeat(16);
const member = (n: number, voter = true): Member => {
  const ports = { raft: 1, repl: 2, api: 3 };
  return { id: idOf(n), name: `n${n}`, role: 0, voter, address: { host: "h", ports } };
};
const status = (members: readonly Member[], suspect = false): CoreStatus =>
  ({ id: idOf(1), membership: membershipOf(members), suspect }) as CoreStatus;
const three = [member(1), member(2), member(3)];
const up =
  (...numbers: number[]) =>
  (id: string) =>
    numbers.some((n) => idOf(n) === id);

it("names whom a node without a majority cannot reach", () => {
  expect(leaderlessReason(status(three), up())).toBe(
    "no leader: of 3 voters 2 are needed and 1 reachable from here; not reached: n2, n3",
  );
  const five = [...three, member(4), member(5)];
  expect(leaderlessReason(status(five), up(4))).toBe(
    "no leader: of 5 voters 3 are needed and 2 reachable from here, among them n4; not reached: n2, n3, n5",
  );
});

it("says that an election is under way where a majority is reachable", () => {
  expect(leaderlessReason(status(three), up(3))).toBe("no leader: 2 of 3 voters are reachable, they are electing one");
  expect(leaderlessReason(status(three), up(2, 3))).toMatch(/all 3 voters are reachable/);
});

it("does not count this node where it does not vote", () => {
  const learner = [member(1, false), member(2), member(3)];
  expect(leaderlessReason(status(learner), up(2))).toMatch(/2 are needed and 1 reachable .*not reached: n3$/);
});

it("says that the own log is damaged, and that a newcomer has been told nothing yet", () => {
  expect(leaderlessReason(status(three, true), up(2))).toMatch(/the log of this node is damaged/);
  expect(leaderlessReason(status([]), up())).toBe("no leader: the cluster has not told this node its members yet");
});
