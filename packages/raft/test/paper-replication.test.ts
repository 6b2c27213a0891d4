import { isDisterError, LIMITS, type LogEntry } from "@dister/types";
import { describe, expect, it } from "vitest";
import { CoreCluster, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeat, heartbeatReply, logOf, refused } from "./messages.ts";

/** A leader of term 2 whose log is 1.1, 2.1 and its own empty entry at 3; node 2 has everything, node 3 is silent. */
function leaderOfTwo(options: ConstructorParameters<typeof LoneCore>[0] = {}): LoneCore {
  const node = new LoneCore({ entries: logOf(1, 1), ...options });
  node.toLeader();
  node.receive(2, accepted(2, 3));
  node.clear();
  return node;
}

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

describe("§5.3 log replication, the leader", () => {
  it("R5 §8: a new leader appends an empty entry of its term at once and sends it", () => {
    const node = new LoneCore({ entries: logOf(1, 1) });
    node.toLeader();
    expect(node.terms).toEqual([1, 1, 2]);
    const [first] = node.sentOf("append", 2);
    expect(first).toMatchObject({ term: 2, prev: at(2, 1), commit: 0 });
    expect(first?.entries).toMatchObject([{ index: 3, term: 2, kind: 1 }]);
  });

  it("§5.3: a leader never overwrites or deletes its own entries", () => {
    const node = leaderOfTwo();
    for (let write = 0; write < 20; write++) {
      const before = node.terms;
      node.propose(`w${write}`);
      node.receive(3, refused(2, 2, at(0, 0)));
      node.receive(2, accepted(2, before.length));
      expect(node.terms.slice(0, before.length)).toEqual(before);
    }
  });

  it("R8: the leader sends before its own write is durable, and counts itself only afterwards", () => {
    const node = leaderOfTwo();
    node.disk = "held";
    const { index } = node.propose("a");
    expect(node.sentOf("append", 2).flatMap(({ entries }) => indexesOf(entries))).toEqual([4]);
    node.receive(2, accepted(2, index));
    expect(node.status.commitIndex).toBe(3);
    node.store();
    expect(node.status.commitIndex).toBe(4);
    expect(indexesOf(node.committed)).toContain(4);
  });

  it("R8 R7: others may commit an entry before the leader holds it durably, but it is applied here only then", () => {
    const node = leaderOfTwo();
    node.disk = "held";
    const { index } = node.propose("a");
    node.receive(2, accepted(2, index));
    node.receive(3, accepted(2, index));
    expect(node.status.commitIndex).toBe(index);
    expect(indexesOf(node.committed)).not.toContain(index);
    node.store();
    expect(indexesOf(node.committed)).toContain(index);
  });

  it("R8: a write of an older term that becomes durable in a new one does not count for what replaced it", () => {
    const node = leaderOfTwo();
    node.disk = "held";
    node.propose("lost");
    node.receive(3, append(3, at(3, 2), [entry(4, 3, "other")]));
    node.storeOne();
    expect(node.status.durableIndex).toBe(3);
    node.store();
    expect(node.status).toMatchObject({ role: "follower", durableIndex: 4 });
    expect(node.status.commitIndex).toBe(3);
  });

  it("§5.3: an entry is committed when a majority has it, and everybody is told at once", () => {
    const node = leaderOfTwo({ count: 5 });
    node.receive(3, accepted(2, 3));
    node.clear();
    const { index } = node.propose("a");
    node.receive(2, accepted(2, index));
    expect(node.status.commitIndex).toBe(3);
    node.clear();
    node.receive(3, accepted(2, index));
    expect(node.status.commitIndex).toBe(index);
    const told = node.sent.filter(({ message }) => "commit" in message && message.commit === index);
    expect(told.map(({ to }) => to)).toEqual(expect.arrayContaining([nodeId(2), nodeId(3)]));
  });

  it("R3 §5.3: after a refusal the leader goes back to where both may agree, in one step per conflicting term", () => {
    // The leader: 1 1 1 4 4 5 5 6 6 6. The follower: 1 1 1 2 2 2 3 3 3 3 3.
    const leader = new LoneCore({ entries: logOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6) });
    leader.toLeader();
    const follower = new LoneCore({ number: 2, entries: logOf(1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3) });
    let rounds = 0;
    for (; rounds < 10; rounds++) {
      for (const message of leader.take("append", 2)) follower.receive(1, message);
      const replies = follower.take("appendReply", 1);
      for (const reply of replies) leader.receive(2, reply);
      if (replies.some(({ ok }) => ok)) break;
    }
    for (const message of leader.take("append", 2)) follower.receive(1, message);
    expect(follower.terms).toEqual([1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7]);
    // Two wrong terms on the follower's side: two refusals at most.
    expect(rounds).toBeLessThanOrEqual(2);
  });

  it("R3 §5.3: a follower that is 5,000 entries behind costs one refusal", () => {
    const leader = new LoneCore({ entries: logOf(...Array.from({ length: 5_000 }, () => 1)) });
    leader.toLeader();
    leader.receive(2, refused(2, 5_000, at(10, 1)));
    const [next] = leader.sentOf("append", 2).slice(-1);
    expect(next?.prev).toEqual(at(10, 1));
  });

  it("R10: a delayed refusal never moves next to or below match", () => {
    const node = leaderOfTwo();
    node.receive(2, refused(2, 2, at(0, 0)));
    node.receive(2, refused(2, 3, at(1, 1)));
    const [peer] = node.status.progress.filter(({ id }) => id.endsWith("2"));
    expect(peer?.match).toBe(3);
    expect(peer!.next).toBeGreaterThan(3);
  });

  it("R10: a delayed acceptance never lowers match", () => {
    const node = leaderOfTwo();
    node.receive(2, accepted(2, 1));
    const [peer] = node.status.progress.filter(({ id }) => id.endsWith("2"));
    expect(peer?.match).toBe(3);
    node.receive(2, accepted(2, 3));
    expect(node.status.commitIndex).toBe(3);
  });

  it("R10: an answer that claims more than the leader has is no reason to commit what is not there", () => {
    const node = leaderOfTwo();
    try {
      node.receive(2, accepted(2, 99));
    } catch (error) {
      expect(String(error)).toContain("invariant broken");
    }
    expect(node.status.commitIndex).toBeLessThanOrEqual(node.status.lastIndex);
  });

  it("R10 R13: a peer that refuses what it has acknowledged is asked again at heartbeats, not in a loop", () => {
    const node = leaderOfTwo();
    node.propose("a");
    node.core.peerDown(nodeId(2), node.nowMs);
    node.drain();
    node.clear();
    node.receive(2, heartbeatReply(2));
    let asked = 0;
    for (let time = 0; time < 50; time++) {
      const appends = node.take("append", 2);
      asked += appends.length;
      for (const { prev } of appends) node.receive(2, refused(2, prev.index, at(0, 0)));
    }
    expect(asked).toBe(1);
    node.receive(2, heartbeatReply(2));
    expect(node.sentOf("append", 2)).toMatchObject([{ prev: at(3, 2) }]);
  });

  it("R10: answers of a node that is no member change nothing", () => {
    const node = leaderOfTwo();
    const { index } = node.propose("a");
    node.receive(9, accepted(2, index));
    node.receive(9, refused(2, index, at(0, 0)));
    node.receive(9, heartbeatReply(2, 0));
    expect(node.status.commitIndex).toBe(3);
    expect(node.status.progress).toHaveLength(2);
  });

  it("R11: never more appends under way than the window; an answer makes room", () => {
    const node = leaderOfTwo({ options: { inflightAppendsMax: 4 } });
    for (let write = 0; write < 20; write++) node.propose("x");
    const sent = node.sentOf("append", 2);
    expect(sent).toHaveLength(4);
    node.clear();
    node.receive(2, accepted(2, 4));
    const more = node.sentOf("append", 2).flatMap(({ entries }) => indexesOf(entries));
    expect(more[0]).toBe(8);
    expect(node.sentOf("append", 2).length).toBeLessThanOrEqual(1);
  });

  it("R11: an append holds at most the configured bytes, or one entry", () => {
    const node = leaderOfTwo({ options: { appendBytesMax: 100 } });
    for (let write = 0; write < 9; write++) node.core.propose(Buffer.alloc(40));
    node.core.propose(Buffer.alloc(500));
    node.drain();
    for (const { entries } of node.sentOf("append", 2)) {
      const bytes = entries.reduce((sum, { payload }) => sum + payload.length, 0);
      expect(bytes <= 100 || entries.length === 1).toBe(true);
    }
  });

  it("R11: a probe is not repeated for every proposal, and a heartbeat's answer frees one that was lost", () => {
    const node = leaderOfTwo();
    for (let write = 0; write < 10; write++) node.propose("x");
    expect(node.sentOf("append", 3).length).toBeLessThanOrEqual(1);
    node.clear();
    node.receive(3, heartbeatReply(2));
    expect(node.sentOf("append", 3)).toHaveLength(1);
    node.receive(3, accepted(2, node.sentOf("append", 3)[0]!.prev.index));
    const [peer] = node.status.progress.filter(({ id }) => id.endsWith("3"));
    expect(peer?.state).toBe("replicate");
  });

  it("R11: appends that were lost in replicate are sent again after a refusal or a heartbeat's answer", () => {
    const node = leaderOfTwo({ options: { inflightAppendsMax: 2 } });
    for (let write = 0; write < 6; write++) node.propose("x");
    node.clear();
    // Everything under way was lost. What comes next is either a later append, which is refused, or a heartbeat.
    for (let beat = 0; beat < 20 && node.status.commitIndex < 9; beat++) {
      node.receive(2, heartbeatReply(2));
      for (const { prev, entries } of node.take("append", 2)) {
        const { match } = node.status.progress[0]!;
        node.receive(
          2,
          prev.index <= match ? accepted(2, prev.index + entries.length) : refused(2, prev.index, at(3, 2)),
        );
      }
      node.pass(75);
    }
    expect(node.status.commitIndex).toBe(9);
  });

  it("R12: proposals beyond the uncommitted limit are refused as busy, and accepted again when some commit", () => {
    const node = leaderOfTwo({ options: { uncommittedBytesMax: 1_000 } });
    let busy: unknown;
    let taken = 0;
    try {
      for (; taken < 100; taken++) node.core.propose(Buffer.alloc(100));
    } catch (error) {
      busy = error;
    }
    node.drain();
    expect(isDisterError(busy, "DISTER_ERR_BUSY")).toBe(true);
    expect(taken).toBe(10);
    node.receive(2, accepted(2, node.status.lastIndex));
    expect(node.status.commitIndex).toBe(13);
    expect(() => node.propose("again")).not.toThrow();
  });

  it("R12: one proposal larger than the limit goes alone, so that it is not busy for ever", () => {
    const node = leaderOfTwo({ options: { uncommittedBytesMax: 50 } });
    expect(() => node.core.propose(Buffer.alloc(100))).not.toThrow();
    expect(() => node.core.propose(Buffer.alloc(1))).toThrow("limit");
  });

  it("R12: a payload that no log can hold is refused and leaves no trace", () => {
    const node = leaderOfTwo();
    let refusal: unknown;
    try {
      node.core.propose(new Uint8Array(LIMITS.entryPayloadBytesMax + 1));
    } catch (error) {
      refusal = error;
    }
    expect(isDisterError(refusal, "DISTER_ERR_TOO_LARGE")).toBe(true);
    expect(node.status.lastIndex).toBe(3);
  });

  it("R12: a dead follower costs the leader a bounded number of messages under endless writes", () => {
    const cluster = new CoreCluster(3, 5);
    const leader = cluster.elect();
    const [dead] = [...cluster.nodes.values()].filter((node) => node !== leader);
    cluster.crash(dead!.id);
    let toDead = 0;
    cluster.watch = (_, to) => {
      if (to === dead!.id) toDead++;
    };
    const started = cluster.nowMs;
    for (let write = 0; write < 500; write++) {
      cluster.propose(leader, "x");
      cluster.run(2);
    }
    expect(leader.core.status().commitIndex).toBeGreaterThan(490);
    const beats = (cluster.nowMs - started) / 75;
    expect(toDead).toBeLessThan(3 * beats + 70);
  });
});

describe("Figure 7", () => {
  const LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  it.each([
    ["a", [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ["b", [1, 1, 1, 4]],
    ["c", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ["d", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ["e", [1, 1, 1, 4, 4, 4, 4]],
    ["f", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])("R2 §5.3: follower (%s) ends with the log of the leader of term 8", (_, terms) => {
    const leader = new LoneCore({ entries: logOf(...LEADER), term: 7 });
    const follower = new LoneCore({ number: 2, entries: logOf(...terms), term: 7 });
    // Node 3 gives the vote; node 2 is the follower of the figure and has not heard of the election.
    leader.toLeader([3]);
    expect(leader.status.term).toBe(8);
    for (let round = 0; round < 20; round++) {
      for (const message of leader.take("append", 2)) follower.receive(1, message);
      for (const reply of follower.take("appendReply", 1)) leader.receive(2, reply);
    }
    expect(follower.terms).toEqual([...LEADER, 8]);
    expect(follower.status).toMatchObject({ term: 8, commitIndex: 11, appliedIndex: 11 });
    expect(leader.status.commitIndex).toBe(11);
  });
});
