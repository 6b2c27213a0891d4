import type { PeerProgress } from "@dister/raft";
import { describe, expect, it } from "vitest";
import { answering, HEARD_WITHIN_MS, reachOf } from "./reach.ts";

const peer = (id: string, rest: Partial<PeerProgress> = {}): PeerProgress => ({
  ...{ id, match: 9, next: 10, state: "replicate", silentMs: 20, suspect: false, lostData: false },
  ...rest,
});
const up = (id: string): boolean => id !== "cut";

describe("whom a leader can count on", () => {
  it("is itself, and who is connected and was heard lately", () => {
    const answers = answering({ id: "self", progress: [peer("a"), peer("cut"), peer("b")] }, up);
    expect(["self", "a", "b", "cut", "stranger"].filter(answers)).toEqual(["self", "a", "b"]);
  });

  it.each<[string, Partial<PeerProgress>]>([
    ["is connected and says nothing: a connection outlives a cut network", { silentMs: HEARD_WITHIN_MS }],
    ["has a damaged log, which counts for nothing", { suspect: true }],
    ["has lost what it acknowledged", { lostData: true }],
  ])("is not who %s", (_why, rest) => {
    expect(answering({ id: "self", progress: [peer("a", rest)] }, up)("a")).toBe(false);
  });
});

describe("the reach of some voters", () => {
  it.each([
    [1, 1, 1, true],
    [1, 2, 2, false],
    [2, 3, 2, true],
    [2, 4, 3, false],
    [0, 0, 1, false],
  ])("%i of %i where %i are needed", (reached, count, needed, isMajority) => {
    const voters = Array.from({ length: count }, (_, at) => `${at}`);
    expect(reachOf(voters, (id) => Number(id) < reached)).toMatchObject({ needed, isMajority });
  });
});
