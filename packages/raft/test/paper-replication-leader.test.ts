import { isDisterError, LIMITS, type LogEntry } from "@dister/types";
import { describe, expect, it } from "vitest";
import { CoreCluster, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeatReply, logOf, refused } from "./messages.ts";

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
    // Older than the acceptance, although it speaks of a later place.
    node.propose("a");
    node.propose("b");
    node.receive(2, refused(2, 5, at(1, 1)));
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
