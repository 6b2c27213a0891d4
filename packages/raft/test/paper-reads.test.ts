import { membershipOf } from "@dister/types";
import { describe, expect, it } from "vitest";
import { CoreCluster, member, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeat, heartbeatReply, logOf } from "./messages.ts";

/** A leader of term 1 whose empty entry is committed. */
function leader(count = 3): LoneCore {
  const node = new LoneCore({ count });
  node.toLeader();
  for (let peer = 2; peer <= count; peer++) node.receive(peer, accepted(1, 1));
  node.clear();
  return node;
}

function ask(node: LoneCore, id: number): void {
  node.core.readIndex(id, node.nowMs);
  node.drain();
}

function lastRound(node: LoneCore): number {
  return Math.max(...node.sentOf("heartbeat").map(({ round }) => round));
}

describe("dissertation §6.4 read-only queries, the leader", () => {
  it("Q1 §6.4: a read is confirmed by a majority of heartbeat answers to a round begun after it was asked", () => {
    const node = leader(5);
    ask(node, 7);
    const round = lastRound(node);
    expect(round).toBeGreaterThan(0);
    expect(node.reads).toEqual([]);
    node.receive(2, heartbeatReply(1, round));
    node.receive(2, heartbeatReply(1, round));
    expect(node.reads).toEqual([]);
    node.receive(4, heartbeatReply(1, round));
    expect(node.reads).toEqual([{ id: 7, index: 1 }]);
  });

  it("Q1 §6.4: the read index is not below what was committed when the read was asked", () => {
    const node = leader();
    const { index } = node.propose("a");
    node.receive(2, accepted(1, index));
    ask(node, 1);
    node.receive(2, heartbeatReply(1, lastRound(node)));
    expect(node.reads[0]!.index).toBeGreaterThanOrEqual(index);
    expect(node.reads[0]!.index).toBeLessThanOrEqual(node.status.commitIndex);
  });

  it("Q1: answers to heartbeats from before the read, and to appends, confirm nothing", () => {
    const node = leader();
    node.pass(75);
    const before = lastRound(node);
    ask(node, 1);
    node.receive(2, heartbeatReply(1, before));
    node.receive(3, heartbeatReply(1, 0));
    node.receive(3, accepted(1, 1));
    expect(node.reads).toEqual([]);
  });

  it("Q2: no round is used twice: a late answer to an earlier one confirms no later read", () => {
    const node = leader();
    ask(node, 1);
    const first = lastRound(node);
    node.receive(2, heartbeatReply(1, first));
    expect(node.reads).toHaveLength(1);
    ask(node, 2);
    expect(lastRound(node)).toBeGreaterThan(first);
    node.receive(3, heartbeatReply(1, first));
    node.receive(2, heartbeatReply(1, first));
    expect(node.reads).toHaveLength(1);
    node.receive(3, heartbeatReply(1, lastRound(node)));
    expect(node.reads.map(({ id }) => id)).toEqual([1, 2]);
  });

  it("Q2: a read that is asked while a round is under way does not ride on it", () => {
    const node = leader();
    ask(node, 1);
    const first = lastRound(node);
    ask(node, 2);
    node.receive(2, heartbeatReply(1, first));
    expect(node.reads.map(({ id }) => id)).toEqual([1]);
    node.pass(100);
    node.receive(2, heartbeatReply(1, lastRound(node)));
    expect(node.reads.map(({ id }) => id)).toEqual([1, 2]);
  });

  it("Q2: reads that came during a round share the next, which begins as soon as the first is confirmed", () => {
    const node = leader();
    for (const id of [1, 2, 3]) ask(node, id);
    node.receive(3, heartbeatReply(1, lastRound(node)));
    node.receive(3, heartbeatReply(1, lastRound(node)));
    expect(node.reads.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(new Set(node.sentOf("heartbeat").map(({ round }) => round)).size).toBe(2);
  });

  it("Q2: in a new term the answers of the old one confirm nothing, whatever their round", () => {
    const node = leader();
    ask(node, 1);
    const old = lastRound(node);
    node.receive(3, heartbeat(2));
    expect(node.reads).toEqual([{ id: 1, index: -1 }]);
    node.toLeader();
    node.receive(2, accepted(3, 2));
    node.clear();
    ask(node, 2);
    node.receive(2, heartbeatReply(1, old));
    node.receive(3, heartbeatReply(1, old));
    node.receive(3, heartbeatReply(1, 1_000));
    expect(node.reads).toHaveLength(1);
  });

  it("Q1: lost heartbeats of a read are sent again", () => {
    const node = leader();
    ask(node, 1);
    node.clear();
    node.pass(80);
    const round = lastRound(node);
    expect(round).toBeGreaterThan(0);
    node.receive(2, heartbeatReply(1, round));
    expect(node.reads).toHaveLength(1);
  });

  it("Q6 §6.4: a single voter answers without a message", () => {
    const node = new LoneCore({ count: 1 });
    node.pass(1_000, () => node.status.role === "leader");
    ask(node, 3);
    expect(node.reads).toEqual([{ id: 3, index: 1 }]);
    expect(node.sent).toEqual([]);
  });

  it("Q6: answers of learners do not count", () => {
    const membership = membershipOf([member(1), member(2), member(3), member(4, false), member(5, false)]);
    const node = new LoneCore({ membership });
    node.toLeader();
    node.receive(2, accepted(1, 1));
    ask(node, 1);
    const round = lastRound(node);
    for (const learner of [4, 5, 9]) node.receive(learner, heartbeatReply(1, round));
    expect(node.reads).toEqual([]);
  });

  it("Q6: when the membership shrinks while a read waits, the new majority is enough", () => {
    const node = new LoneCore({ count: 2 });
    node.toLeader();
    node.receive(2, accepted(1, 1));
    ask(node, 1);
    node.core.changeMembership(membershipOf([member(1)]));
    node.drain();
    node.pass(100);
    expect(node.status.commitIndex).toBe(2);
    expect(node.reads).toEqual([{ id: 1, index: expect.any(Number) }]);
    expect(node.reads[0]!.index).toBeGreaterThanOrEqual(1);
  });
});

describe("dissertation §6.4 read-only queries, the follower", () => {
  function follower(): LoneCore {
    const node = new LoneCore();
    node.receive(2, append(1, at(0, 0), [entry(1, 1)], 1));
    node.clear();
    return node;
  }

  it("Q3 §6.4: a follower asks its leader and answers with what it says", () => {
    const node = follower();
    ask(node, 5);
    const [request] = node.sentOf("readIndex", 2);
    expect(request).toMatchObject({ term: 1 });
    node.receive(2, { type: "readIndexReply", term: 1, id: request!.id, index: 9 });
    expect(node.reads).toEqual([{ id: 5, index: 9 }]);
    node.receive(2, { type: "readIndexReply", term: 1, id: request!.id, index: 9 });
    expect(node.reads).toHaveLength(1);
  });

  it("Q3: without a leader a read is refused at once, never answered with the own value", () => {
    const node = new LoneCore({ entries: logOf(1, 1), commit: 2 });
    ask(node, 5);
    expect(node.reads).toEqual([{ id: 5, index: -1 }]);
  });

  it("Q3: a leader that cannot answer now says so", () => {
    const node = follower();
    ask(node, 5);
    const [request] = node.sentOf("readIndex", 2);
    node.receive(2, { type: "readIndexReply", term: 1, id: request!.id, index: -1 });
    expect(node.reads).toEqual([{ id: 5, index: -1 }]);
  });

  it("Q3: a read whose leader fell silent or was replaced is refused, and a late answer is not believed", () => {
    const node = follower();
    ask(node, 5);
    const [request] = node.sentOf("readIndex", 2);
    node.receive(3, heartbeat(2));
    expect(node.reads).toEqual([{ id: 5, index: -1 }]);
    node.receive(2, { type: "readIndexReply", term: 1, id: request!.id, index: 1 });
    expect(node.reads).toHaveLength(1);
    const silent = follower();
    ask(silent, 6);
    silent.toPreVote();
    expect(silent.reads).toEqual([{ id: 6, index: -1 }]);
  });

  it("Q3 Q1: the leader confirms a follower's read as its own, by a majority", () => {
    const node = leader(5);
    node.receive(2, { type: "readIndex", term: 1, id: 44 });
    expect(node.sentOf("readIndexReply")).toEqual([]);
    const round = lastRound(node);
    node.receive(2, heartbeatReply(1, round));
    expect(node.sentOf("readIndexReply")).toEqual([]);
    node.receive(3, heartbeatReply(1, round));
    expect(node.sentOf("readIndexReply", 2)).toEqual([{ type: "readIndexReply", term: 1, id: 44, index: 1 }]);
  });

  it("Q3: a node that does not lead answers -1", () => {
    const node = follower();
    node.receive(3, { type: "readIndex", term: 1, id: 44 });
    expect(node.sentOf("readIndexReply", 3)).toMatchObject([{ id: 44, index: -1 }]);
  });

  it("Q1: a leader that was cut off answers no read although it still believes that it leads", () => {
    const cluster = new CoreCluster(3, 9);
    const old = cluster.elect();
    cluster.isolate(old.id);
    old.core.readIndex(1, cluster.nowMs);
    cluster.drain(old);
    cluster.run(5_000, () => cluster.leaders.some((node) => node !== old));
    const [next] = cluster.leaders.filter((node) => node !== old);
    cluster.propose(next!, "new");
    cluster.run(2_000);
    expect(old.reads).toEqual([{ id: 1, index: -1 }]);
    expect(old.core.status().leader).not.toBe(nodeId(Number.parseInt(old.id, 16)));
  });
});
