import type { LogEntry } from "@dister/types";
import { describe, expect, it } from "vitest";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeat, logOf } from "./messages.ts";

function indexesOf(entries: readonly LogEntry[]): number[] {
  return entries.map(({ index }) => index);
}

describe("§5.3 log replication, the follower", () => {
  // The follower's log is 1.1, 2.1, 3.2.
  it.each([
    ["the same entry as the leader", at(3, 2), true],
    ["an earlier common entry", at(2, 1), true],
    ["the beginning", at(0, 0), true],
    ["an entry that is missing", at(4, 2), false],
    ["an entry of another term", at(3, 3), false],
  ])("R1 §5.3: an append whose prev is %s: accepted %#", (_, prev, ok) => {
    const node = new LoneCore({ entries: logOf(1, 1, 2), term: 3 });
    node.receive(2, append(3, prev));
    const [reply] = node.sentOf("appendReply", 2);
    expect(reply).toMatchObject({ ok, index: prev.index, term: 3 });
    expect(node.terms).toEqual([1, 1, 2]);
  });

  // The same log; what it is told, and what it must hold afterwards.
  it.each([
    ["nothing new behind the end", at(3, 2), [], [1, 1, 2]],
    ["one behind the end", at(3, 2), [3], [1, 1, 2, 3]],
    ["a conflict in the middle", at(1, 1), [3], [1, 3]],
    ["a conflict at the first entry", at(0, 0), [3, 3, 3, 3], [3, 3, 3, 3]],
    ["what it has, and more", at(1, 1), [1, 2, 3], [1, 1, 2, 3]],
    ["what it has, and then a conflict", at(0, 0), [1, 1, 3], [1, 1, 3]],
  ])(
    "R1 §5.3: conflicting entries and all that follow are deleted, new ones appended: %s",
    (_, prev, terms, expected) => {
      const node = new LoneCore({ entries: logOf(1, 1, 2), term: 3 });
      node.receive(
        2,
        append(
          3,
          prev,
          terms.map((term, i) => entry(prev.index + 1 + i, term)),
        ),
      );
      expect(node.terms).toEqual(expected);
      expect(node.sentOf("appendReply")).toMatchObject([{ ok: true, index: prev.index + terms.length }]);
    },
  );

  it("R1 §5.3: an old or doubled append whose entries are all there never shortens the log", () => {
    const node = new LoneCore();
    const first = append(1, at(0, 0), [entry(1, 1)]);
    node.receive(2, first);
    node.receive(2, append(1, at(1, 1), [entry(2, 1), entry(3, 1), entry(4, 1)]));
    for (const late of [first, append(1, at(0, 0)), append(1, at(1, 1), [entry(2, 1)]), append(1, at(2, 1))]) {
      node.receive(2, late);
      expect(node.terms).toEqual([1, 1, 1, 1]);
    }
    // What is acknowledged is what that message proves, not the whole own log.
    expect(node.sentOf("appendReply").map(({ index }) => index)).toEqual([1, 4, 1, 0, 2, 2]);
  });

  it("R1 §5.3: a doubled append that was overtaken by a longer one writes nothing again", () => {
    const node = new LoneCore();
    const message = append(1, at(0, 0), [entry(1, 1), entry(2, 1)]);
    node.receive(2, message);
    node.disk = "held";
    node.receive(2, message);
    expect(node.writes).toEqual([]);
    expect(node.sentOf("appendReply")).toHaveLength(2);
  });

  it("R6 §5.3: commit is the least of the leader's commit and the last entry that this message proves", () => {
    // The log ends with entries 3 and 4 of an old leader that the new one may not have.
    for (const [prev, entries, leaderCommit, expected] of [
      [at(2, 1), [], 4, 2],
      [at(2, 1), [], 1, 1],
      [at(1, 1), [entry(2, 1)], 9, 2],
      [at(2, 1), [entry(3, 3)], 9, 3],
      [at(2, 1), [entry(3, 3)], 2, 2],
    ] as const) {
      const node = new LoneCore({ entries: logOf(1, 1, 2, 2), term: 3 });
      node.receive(2, append(3, prev, entries, leaderCommit));
      expect(node.status.commitIndex).toBe(expected);
      expect(node.status.appliedIndex).toBe(expected);
    }
  });

  it("R6 §5.3: a refused append commits nothing, and a late one never lowers the commit index", () => {
    const node = new LoneCore({ entries: logOf(1, 1, 1), term: 2 });
    node.receive(2, append(2, at(3, 2), [entry(4, 2)], 3));
    expect(node.status.commitIndex).toBe(0);
    node.receive(2, append(2, at(3, 1), [], 3));
    node.receive(2, append(2, at(1, 1), [], 1));
    node.receive(2, heartbeat(2, 2));
    expect(node.status.commitIndex).toBe(3);
  });

  it("R6 §5.3: a heartbeat never commits more than the follower has", () => {
    const node = new LoneCore({ entries: logOf(1, 1), term: 1 });
    node.receive(2, heartbeat(1, 2));
    expect(node.status.commitIndex).toBe(2);
    const short = new LoneCore({ entries: logOf(1, 1), term: 1 });
    try {
      short.receive(2, heartbeat(1, 7));
    } catch (error) {
      expect(String(error)).toContain("invariant broken");
    }
    expect(short.status.commitIndex).toBeLessThanOrEqual(2);
  });

  it("R7: committed entries are applied only when they are durable here", () => {
    const node = new LoneCore();
    node.disk = "held";
    node.receive(2, append(1, at(0, 0), [entry(1, 1), entry(2, 1)], 2));
    node.receive(2, append(1, at(2, 1), [entry(3, 1)], 3));
    expect(node.status.commitIndex).toBe(3);
    expect(node.committed).toEqual([]);
    node.storeOne();
    expect(indexesOf(node.committed)).not.toContain(3);
    node.store();
    expect(indexesOf(node.committed)).toEqual([1, 2, 3]);
  });

  it("R7 R8 §5.3: an append is acknowledged only when its entries are durable", () => {
    const node = new LoneCore();
    node.receive(2, heartbeat(1));
    node.disk = "held";
    node.receive(2, append(1, at(0, 0), [entry(1, 1)]));
    node.receive(2, append(1, at(1, 1), [entry(2, 1)]));
    // A copy of what is under way proves nothing more than the original.
    node.receive(2, append(1, at(0, 0), [entry(1, 1)]));
    expect(node.sentOf("appendReply")).toEqual([]);
    node.storeOne();
    for (const { index } of node.sentOf("appendReply")) expect(index).toBeLessThanOrEqual(1);
    node.store();
    expect(Math.max(...node.sentOf("appendReply").map(({ index }) => index))).toBe(2);
  });

  it("R9: storage acknowledgements of an overwritten suffix do not make the new one durable (A-B-A)", () => {
    const node = new LoneCore();
    node.disk = "held";
    node.receive(2, append(1, at(0, 0), [entry(1, 1), entry(2, 1), entry(3, 1)]));
    node.receive(3, append(2, at(0, 0), [entry(1, 2)]));
    node.receive(2, append(3, at(0, 0), [entry(1, 1), entry(2, 1), entry(3, 1)], 3));
    expect(node.terms).toEqual([1, 1, 1]);
    node.storeOne();
    expect(node.status.durableIndex).toBe(0);
    expect(node.committed).toEqual([]);
    expect(node.sentOf("appendReply").filter(({ term }) => term === 3)).toEqual([]);
    node.store();
    expect(node.status.durableIndex).toBe(3);
    expect(node.sentOf("appendReply", 2).at(-1)).toEqual(accepted(3, 3));
    expect(indexesOf(node.committed)).toEqual([1, 2, 3]);
  });

  it("R3 §5.3: a refusal names the last index whose term is not above the refused one", () => {
    // Log 1.1 2.1 3.3 4.3 5.3; the leader of term 6 asks for places of several terms.
    for (const [prev, hint] of [
      [at(9, 5), at(5, 3)],
      [at(5, 5), at(5, 3)],
      [at(5, 2), at(2, 1)],
      [at(4, 2), at(2, 1)],
      [at(9, 2), at(2, 1)],
    ] as const) {
      const node = new LoneCore({ entries: logOf(1, 1, 3, 3, 3), term: 6 });
      node.receive(2, append(6, prev));
      const [reply] = node.sentOf("appendReply");
      expect(reply?.ok).toBe(false);
      expect(reply?.index).toBe(prev.index);
      // A conflicting place is never offered again.
      if (prev.index === 5 && prev.term === 5) expect([at(5, 3), at(4, 3)]).toContainEqual(reply?.hint);
      else expect(reply?.hint).toEqual(hint);
    }
  });

  it("P2: after a restart commit begins at the stored hint, grows only, and nothing above it is applied", () => {
    const node = new LoneCore({ entries: logOf(1, 1, 1, 1), term: 1, commit: 2 });
    expect(node.status).toMatchObject({ commitIndex: 2, appliedIndex: 2 });
    node.receive(2, append(1, at(4, 1), [], 3));
    node.restart();
    expect(node.status.commitIndex).toBeGreaterThanOrEqual(2);
    expect(node.status.commitIndex).toBeLessThanOrEqual(3);
    expect(indexesOf(node.committed)).not.toContain(4);
  });

  it("P2: a state machine that is ahead of the stored hint counts as committed", () => {
    const node = new LoneCore({ entries: logOf(1, 1, 1), term: 1, commit: 0, applied: at(2, 1) });
    expect(node.status).toMatchObject({ commitIndex: 2, appliedIndex: 2 });
    expect(node.committed).toEqual([]);
  });

  it("P2 R7: a state machine or a hint beyond the log stops the start", () => {
    expect(() => new LoneCore({ entries: logOf(1), applied: at(2, 1) })).toThrow("invariant broken");
    expect(() => new LoneCore({ entries: logOf(1), commit: 2 })).toThrow("invariant broken");
  });
});
