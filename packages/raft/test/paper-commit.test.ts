import { isDisterError } from "@dister/types";
import { describe, expect, it } from "vitest";
import { members, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeatReply, logOf, vote, voteReply } from "./messages.ts";

describe("§5.4.2 committing entries from previous terms", () => {
  it("R4 §5.4.2: an entry of an earlier term is not committed by counting its replicas", () => {
    const node = new LoneCore({ entries: logOf(1, 2), term: 3 });
    node.toLeader();
    node.receive(2, accepted(4, 1));
    node.receive(3, accepted(4, 2));
    node.receive(2, accepted(4, 2));
    expect(node.status.commitIndex).toBe(0);
    expect(node.committed).toEqual([]);
  });

  it("R4 §5.4.2: once an entry of the current term is committed, all before it are", () => {
    const node = new LoneCore({ entries: logOf(1, 2), term: 3 });
    node.toLeader();
    node.receive(2, accepted(4, 3));
    expect(node.status.commitIndex).toBe(3);
    expect(node.committed.map(({ index, term }) => [index, term])).toEqual([
      [1, 1],
      [2, 2],
      [3, 4],
    ]);
  });

  it("R4 §5.3: of several matches the one that a majority reaches is committed, the highest and no higher", () => {
    const node = new LoneCore({ count: 5, entries: logOf(1) });
    node.toLeader([2, 3]);
    for (const text of ["a", "b", "c", "d"]) node.propose(text);
    // Own 6; others 5, 4, 3, 0: two of five reach 5, three reach 4.
    node.receive(2, accepted(2, 5));
    node.receive(3, accepted(2, 4));
    node.receive(4, accepted(2, 3));
    expect(node.status.commitIndex).toBe(4);
    node.receive(5, accepted(2, 6));
    expect(node.status.commitIndex).toBe(5);
  });

  it("R5 §8: until the empty entry of its term is committed a leader answers no read and changes no membership", () => {
    const node = new LoneCore({ entries: logOf(1) });
    node.toLeader();
    node.core.readIndex(1, node.nowMs);
    node.drain();
    node.receive(2, heartbeatReply(2, 1));
    node.receive(3, heartbeatReply(2, 1));
    expect(node.reads.filter(({ index }) => index >= 0)).toEqual([]);
    let refusal: unknown;
    try {
      node.core.changeMembership(members(4));
    } catch (error) {
      refusal = error;
    }
    expect(isDisterError(refusal)).toBe(true);
  });
});

/*
 * Figure 8, with S1 as the real core. Index 1 is common, of term 1; S1 then wrote index 2 in term 2, S5 in term 3.
 *
 *      (a)        (b)        (c)        (d) or (e)
 *  S1  1 2        1 2        1 2 4      1 3   | 1 2 4
 *  S2  1 2        1 2        1 2        1 3   | 1 2 4
 *  S3  1          1          1 2        1 3   | 1 2 4
 *  S4  1          1          1          1 3   | 1
 *  S5  1          1 3        1 3        1 3   | 1 3
 */
describe("Figure 8", () => {
  /** S1 in (c): it leads term 4, the entry of term 2 is on S1, S2 and S3, its own empty entry only on S1. */
  function throughC(): LoneCore {
    const s1 = new LoneCore({ count: 5, entries: [entry(1, 1), entry(2, 2, "two")], term: 3, commit: 1 });
    s1.toLeader([2, 3]);
    expect(s1.status.term).toBe(4);
    s1.receive(2, accepted(4, 2));
    s1.receive(3, accepted(4, 2));
    return s1;
  }

  it("R4 Figure 8 (c): the entry of term 2 is on a majority and yet not committed", () => {
    const s1 = throughC();
    expect(s1.status.commitIndex).toBe(1);
    expect(s1.committed.map(({ index }) => index)).toEqual([1]);
  });

  it("R4 Figure 8 (d): S5 may still be elected with its entry of term 3 and overwrite it everywhere", () => {
    const s1 = throughC();
    s1.restart();
    s1.wait(600);
    s1.clear();
    // S1 itself has term 4 at its end and refuses S5; a voter like S2 in (c) gives its vote and is overwritten.
    s1.receive(5, vote(5, at(2, 3)));
    expect(s1.sentOf("voteReply", 5)).toEqual([voteReply(5, { granted: false })]);
    const s2 = new LoneCore({ number: 2, count: 5, entries: [entry(1, 1), entry(2, 2, "two")], term: 4, commit: 1 });
    s2.wait(600);
    s2.receive(5, vote(5, at(2, 3)));
    expect(s2.sentOf("voteReply", 5)).toEqual([voteReply(5)]);
    for (const node of [s1, s2]) {
      node.receive(5, append(5, at(1, 1), [entry(2, 3, "three"), entry(3, 5)], 3));
      expect(node.terms).toEqual([1, 3, 5]);
      expect(node.committed.map(({ term }) => term)).toEqual([1, 3, 5]);
    }
  });

  it("R4 Figure 8 (e): once S1's entry of term 4 is on a majority both are committed, and S5 cannot be elected", () => {
    const s1 = throughC();
    s1.receive(2, accepted(4, 3));
    expect(s1.status.commitIndex).toBe(1);
    s1.receive(3, accepted(4, 3));
    expect(s1.status.commitIndex).toBe(3);
    expect(s1.committed.map(({ term }) => term)).toEqual([1, 2, 4]);
    const s3 = new LoneCore({ number: 3, count: 5, entries: [entry(1, 1), entry(2, 2), entry(3, 4)], term: 4 });
    s3.wait(600);
    s3.receive(5, vote(5, at(2, 3)));
    expect(s3.sentOf("voteReply", 5)).toEqual([voteReply(5, { granted: false })]);
    expect(s3.hardState.vote).not.toBe(nodeId(5));
  });
});
