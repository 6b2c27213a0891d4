import { LOG_START, type RaftMessage } from "@dister/types";
import { describe, expect, it } from "vitest";
import { members, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { append, at, entry, heartbeat, logOf } from "./messages.ts";

/** Node 1 of three, of term 3, that had five entries of term 1 and has two of them left. */
function damaged(commit = 0): LoneCore {
  const node = new LoneCore({ entries: logOf(1, 1, 1, 1, 1), term: 3, commit });
  node.log.damageBehind(2);
  node.restart();
  expect(node.log.suspect()).toEqual(at(5, 3));
  expect(node.status).toMatchObject({ suspect: true, lastIndex: 2, term: 3 });
  return node;
}

/** Is it asked of the log store to end the mark? */
function isWhole(node: LoneCore): boolean {
  return node.trusts > 0;
}

describe("R13: a suspect log is whole again", () => {
  it("when it equals the leader's as far as anything that may have been acknowledged", () => {
    const node = damaged();
    node.receive(2, append(3, at(2, 1), [entry(3, 1), entry(4, 1)]));
    expect(isWhole(node)).toBe(false);
    expect(node.sentOf("suspectReply", 2).at(-1)).toMatchObject({ matched: 4, hint: LOG_START });
    node.receive(2, append(3, at(4, 1), [entry(5, 1)]));
    expect(isWhole(node)).toBe(true);
  });

  it("or when it has an entry that is newer than all that may have been acknowledged", () => {
    const node = damaged();
    node.receive(2, append(4, at(2, 1), [entry(3, 4)]));
    expect(isWhole(node)).toBe(true);
  });

  it("but not by an entry of the term in which it was damaged: what it lost may be of that term too", () => {
    const node = damaged();
    node.receive(2, append(3, at(2, 1), [entry(3, 3)]));
    expect(isWhole(node)).toBe(false);
  });

  it("but not below what the leader has committed", () => {
    const node = damaged();
    node.receive(2, append(4, at(2, 1), [entry(3, 4)], 9));
    expect(isWhole(node)).toBe(false);
    node.receive(
      2,
      append(
        4,
        at(3, 4),
        [4, 5, 6, 7, 8, 9].map((index) => entry(index, 4)),
        9,
      ),
    );
    expect(isWhole(node)).toBe(true);
  });

  it("only when that is durable, and in the term in which it was found", () => {
    const node = damaged();
    node.disk = "held";
    node.receive(2, append(4, at(2, 1), [entry(3, 4)]));
    expect(isWhole(node)).toBe(false);
    node.receive(3, heartbeat(5));
    node.store();
    expect(isWhole(node)).toBe(false);
    // The leader of term 5 says the same; now it counts.
    node.receive(3, append(5, at(3, 4), []));
    node.store();
    expect(isWhole(node)).toBe(true);
  });

  it("and what it had in common with one leader says nothing to the next", () => {
    const node = damaged();
    node.receive(2, append(3, at(2, 1), [entry(3, 1)]));
    expect(node.sentOf("suspectReply", 2).at(-1)).toMatchObject({ matched: 3 });
    node.receive(3, heartbeat(4));
    expect(node.sentOf("suspectReply", 3).at(-1)).toMatchObject({ matched: 0, hint: at(3, 1) });
    node.receive(3, append(4, at(1, 1), []));
    expect(node.sentOf("suspectReply", 3).at(-1)).toMatchObject({ matched: 1 });
  });

  it.each([
    ["that reaches as far", at(5, 1), true],
    ["of a newer term", at(4, 4), true],
    ["that does neither", at(4, 3), false],
  ])("by a snapshot %s: %#", (_, position, whole) => {
    const node = damaged();
    const header = { term: 4, position, membership: members(3) };
    expect(node.core.offerSnapshot(nodeId(2), header, node.nowMs)).toBeNull();
    node.drain();
    void node.log.reset(position);
    node.core.snapshotInstalled(header, node.nowMs);
    node.drain();
    expect(isWhole(node)).toBe(whole);
  });

  it("and votes then, not before", () => {
    const node = damaged();
    const ask = (term: number): RaftMessage => {
      return { type: "vote", pre: false, transfer: true, term, last: at(9, term) };
    };
    node.receive(2, ask(4));
    expect(node.sentOf("voteReply", 2).at(-1)).toMatchObject({ granted: false, term: 4 });
    node.receive(3, append(5, at(2, 1), [entry(3, 5)]));
    expect(node.status.suspect).toBe(false);
    node.receive(2, ask(6));
    expect(node.sentOf("voteReply", 2).at(-1)).toMatchObject({ granted: true, term: 6 });
  });
});

describe("R13: a suspect node", () => {
  it("shows an empty log in a comparison, so that nobody asks it to stand", () => {
    const node = damaged();
    node.receive(2, { type: "compare", term: 3, round: 1 });
    expect(node.sentOf("compareReply", 2)).toMatchObject([{ last: LOG_START }]);
  });

  it("starts although its commit hint lies in what it has lost", () => {
    const node = damaged(5);
    expect(node.status).toMatchObject({ commitIndex: 0, lastIndex: 2 });
  });

  it("applies nothing by its own commit hint: what is left of the log may be what had been overwritten", () => {
    const node = damaged(2);
    expect(node.committed).toEqual([]);
    node.restart(at(1, 1));
    expect(node.status).toMatchObject({ suspect: true, commitIndex: 1 });
    expect(node.committed).toEqual([]);
  });

  it("applies by a heartbeat only what it has compared with that leader's log", () => {
    const node = damaged();
    // Its answer from before the damage may have reached the leader, which goes by that.
    node.receive(2, heartbeat(3, 5));
    expect(node.committed).toEqual([]);
    node.receive(2, append(3, at(1, 1), []));
    node.receive(2, heartbeat(3, 5));
    expect(node.committed.map(({ index }) => index)).toEqual([1]);
    // What it had in common with one leader says nothing of the next.
    node.receive(3, heartbeat(4, 5));
    expect(node.committed.map(({ index }) => index)).toEqual([1]);
  });

  it("replaces what had been overwritten, and applies what the leader has there", () => {
    const node = new LoneCore({ entries: logOf(1, 1, 1), term: 1 });
    node.receive(2, append(2, at(2, 1), [entry(3, 2)]));
    expect(node.sentOf("appendReply", 2)).toMatchObject([{ ok: true, index: 3 }]);
    // The record of (3, term 2) cannot be read, the one that it had replaced can.
    node.log.damageBehind(2);
    void node.log.append({ entries: [entry(3, 1)] });
    node.log.sync();
    node.restart();
    expect(node.terms).toEqual([1, 1, 1]);
    node.receive(2, heartbeat(2, 3));
    expect(node.committed).toEqual([]);
    node.receive(2, append(2, at(2, 1), [entry(3, 2)], 3));
    expect(node.committed.map(({ index, term }) => [index, term])).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
    ]);
  });

  it("is no contact for the leader's check-quorum", () => {
    const node = new LoneCore();
    node.toLeader();
    const { term } = node.status;
    for (let ms = 0; ms < 2_500 && node.status.role === "leader"; ms += 50) {
      node.pass(50);
      for (const peer of [2, 3]) node.receive(peer, { type: "suspectReply", term, matched: 0, hint: at(0, 0) });
    }
    expect(node.status).toMatchObject({ role: "follower", reason: "lost touch with a majority" });
  });
});
