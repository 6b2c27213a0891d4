import { type ErrorCode, isDisterError, membershipOf, type NodeId } from "@dister/types";
import { describe, expect, it } from "vitest";
import { CoreCluster, member, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, at, heartbeat, heartbeatReply, logOf } from "./messages.ts";

function leader(options: ConstructorParameters<typeof LoneCore>[0] = {}): LoneCore {
  const node = new LoneCore(options);
  node.toLeader();
  const { term, lastIndex } = node.status;
  node.receive(2, accepted(term, lastIndex));
  node.clear();
  return node;
}

function transfer(node: LoneCore, to?: NodeId): NodeId {
  const target = node.core.transferLeadership(to, node.nowMs);
  node.drain();
  return target;
}

function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
  } catch (error) {
    if (isDisterError(error)) return error.code;
    throw error;
  }
  return undefined;
}

describe("dissertation §3.10 leadership transfer, the leader", () => {
  it("T1 §3.10: an up-to-date target is told to stand at once; proposals are refused meanwhile", () => {
    const node = leader();
    expect(transfer(node, nodeId(2))).toBe(nodeId(2));
    expect(node.sentOf("timeoutNow", 2)).toEqual([{ type: "timeoutNow", term: 1 }]);
    expect(node.status.transferring).toBe(true);
    expect(codeOf(() => node.propose("x"))).toBe("DISTER_ERR_TRANSFERRING");
    node.receive(2, heartbeat(2));
    expect(node.status).toMatchObject({ role: "follower", transferring: false });
  });

  it("T1 §3.10: a slow target is brought up to date first", () => {
    const node = leader();
    transfer(node, nodeId(3));
    expect(node.sentOf("timeoutNow")).toEqual([]);
    node.receive(3, accepted(1, 1));
    expect(node.sentOf("timeoutNow", 3)).toHaveLength(1);
  });

  it("T1: a dead target ends in one election time-out, and the leader works on", () => {
    const node = leader();
    transfer(node, nodeId(3));
    const began = node.nowMs;
    while (node.status.transferring && node.nowMs < began + 5_000) {
      node.pass(50);
      node.receive(2, heartbeatReply(1));
    }
    expect(node.nowMs - began).toBeLessThanOrEqual(1_000);
    expect(node.status.role).toBe("leader");
    const { index } = node.propose("again");
    node.receive(2, accepted(1, index));
    expect(node.status.commitIndex).toBe(index);
  });

  it("T1: without a name the most up-to-date voter is chosen", () => {
    expect(transfer(leader())).toBe(nodeId(2));
  });

  it("T1: an unknown target, a learner and the leader itself are refused, and nothing has begun", () => {
    const node = leader({ membership: membershipOf([member(1), member(2), member(3), member(4, false)]) });
    for (const target of [nodeId(9), nodeId(4)]) {
      expect(codeOf(() => transfer(node, target))).toBe("DISTER_ERR_INVALID");
    }
    expect(codeOf(() => transfer(node, nodeId(1)))).toBe("DISTER_ERR_INVALID");
    expect(node.status.transferring).toBe(false);
    expect(() => node.propose("x")).not.toThrow();
  });

  it("T1: the only voter has nobody to hand over to", () => {
    const node = new LoneCore({ count: 1 });
    node.pass(1_000, () => node.status.role === "leader");
    expect(codeOf(() => transfer(node))).toBe("DISTER_ERR_INVALID");
  });

  it("T1: a node that does not lead refuses", () => {
    const node = new LoneCore();
    expect(codeOf(() => transfer(node, nodeId(2)))).toBe("DISTER_ERR_NO_LEADER");
    node.receive(2, heartbeat(1));
    expect(codeOf(() => transfer(node, nodeId(3)))).toBe("DISTER_ERR_NOT_LEADER");
  });

  it("T1: a second transfer during the first is refused", () => {
    const node = leader();
    transfer(node, nodeId(3));
    expect(codeOf(() => transfer(node, nodeId(2)))).toBe("DISTER_ERR_TRANSFERRING");
    expect(codeOf(() => node.core.changeMembership(membershipOf([member(1), member(2)])))).toBe(
      "DISTER_ERR_TRANSFERRING",
    );
  });

  it("T1: a target whose snapshot is pending is not told before it has caught up", () => {
    const node = leader({ entries: [], base: at(50, 1), applied: at(50, 1), term: 1 });
    node.receive(3, { type: "appendReply", term: 2, ok: false, index: 50, hint: at(0, 0) });
    expect(node.snapshots).toEqual([nodeId(3)]);
    transfer(node, nodeId(3));
    expect(node.sentOf("timeoutNow")).toEqual([]);
    node.core.snapshotSent(nodeId(3), { term: 2, ok: true, index: 50 }, node.nowMs);
    node.drain();
    node.receive(3, accepted(2, 51));
    expect(node.sentOf("timeoutNow", 3)).toHaveLength(1);
  });

  it("T1: a leader that steps down forgets the transfer", () => {
    const node = leader();
    transfer(node, nodeId(3));
    node.receive(2, heartbeat(5));
    expect(node.status.transferring).toBe(false);
    node.toLeader();
    expect(node.status.transferring).toBe(false);
  });
});

describe("dissertation §3.10 leadership transfer, the target", () => {
  it("T1 §3.10: who is told stands at once, without a pre-vote and past the leader's stickiness", () => {
    const node = new LoneCore({ entries: logOf(1) });
    node.receive(2, heartbeat(1));
    node.receive(2, { type: "timeoutNow", term: 1 });
    expect(node.status).toMatchObject({ role: "candidate", term: 2 });
    expect(node.sentOf("vote", 3)).toEqual([{ type: "vote", term: 2, pre: false, last: at(1, 1), transfer: true }]);
  });

  it("T2: one that is late, of an earlier term, is ignored", () => {
    const node = new LoneCore();
    node.receive(3, heartbeat(4));
    node.receive(2, { type: "timeoutNow", term: 3 });
    expect(node.status).toMatchObject({ role: "follower", term: 4 });
  });

  it("T2: a doubled one does not begin another term", () => {
    const node = new LoneCore();
    node.receive(2, heartbeat(1));
    node.receive(2, { type: "timeoutNow", term: 1 });
    node.receive(2, { type: "timeoutNow", term: 1 });
    expect(node.status.term).toBe(2);
  });

  it("T2: a node that is no voter ignores it", () => {
    for (const membership of [membershipOf([member(1, false), member(2)]), membershipOf([member(2), member(3)])]) {
      const node = new LoneCore({ membership });
      node.receive(2, heartbeat(1));
      node.receive(2, { type: "timeoutNow", term: 1 });
      node.pass(10_000);
      expect(node.status).toMatchObject({ role: "follower", term: 1 });
    }
  });

  it("T2: a node that is installing a snapshot ignores it", () => {
    const node = new LoneCore();
    const membership = membershipOf([member(1), member(2), member(3)]);
    expect(node.core.offerSnapshot(nodeId(2), { term: 1, position: at(5, 1), membership }, node.nowMs)).toBeNull();
    node.receive(2, { type: "timeoutNow", term: 1 });
    expect(node.status).toMatchObject({ role: "follower", term: 1 });
  });

  it("T3: in a healthy cluster leadership moves without an election time-out, and nothing is lost", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new CoreCluster(3, seed);
      const old = cluster.elect();
      const { index } = cluster.propose(old, "before");
      cluster.run(300);
      const began = cluster.nowMs;
      const target = old.core.transferLeadership(undefined, cluster.nowMs);
      cluster.drain(old);
      cluster.run(5_000, () => cluster.leaders.length === 1 && cluster.leaders[0]!.id === target);
      expect(cluster.leaders.map(({ id }) => id)).toEqual([target]);
      expect(cluster.nowMs - began).toBeLessThan(100);
      expect(cluster.node(target).applied.some((entry) => entry.index === index && entry.text === "before")).toBe(true);
    }
  });
});
