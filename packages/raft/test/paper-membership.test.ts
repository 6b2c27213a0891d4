import {
  type ErrorCode,
  isDisterError,
  LIMITS,
  type Membership,
  membershipOf,
  NO_MEMBERSHIP,
  voterIds,
} from "@dister/types";
import { describe, expect, it } from "vitest";
import { CoreCluster, member, members, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, logOf, membershipEntry, vote, voteReply } from "./messages.ts";

function leader(count = 3): LoneCore {
  const node = new LoneCore({ count });
  node.toLeader();
  for (let peer = 2; peer <= count; peer++) node.receive(peer, accepted(1, 1));
  node.clear();
  return node;
}

function change(node: LoneCore, membership: Membership): { index: number; term: number } {
  const position = node.core.changeMembership(membership);
  node.drain();
  return position;
}

function refusal(node: LoneCore, membership: Membership): ErrorCode | undefined {
  try {
    change(node, membership);
  } catch (error) {
    if (isDisterError(error)) return error.code;
    throw error;
  }
  return undefined;
}

const withLearner = (voters: number, learner: number): Membership =>
  membershipOf([...members(voters).members, member(learner, false)]);

describe("dissertation §4.1 one change at a time", () => {
  it("M1 §4.1: a new membership is in use as soon as it is appended, on the leader", () => {
    const node = leader();
    const { index } = change(node, members(4));
    expect(node.status).toMatchObject({ membership: members(4), membershipIndex: index, commitIndex: 1 });
    expect(node.sentOf("append", 4).length).toBeGreaterThan(0);
    // Three of four now, also for the entry that says so.
    node.receive(2, accepted(1, index));
    expect(node.status.commitIndex).toBe(1);
    node.receive(3, accepted(1, index));
    expect(node.status.commitIndex).toBe(index);
  });

  it("M1 §4.1: and on a follower, committed or not", () => {
    const node = new LoneCore();
    node.receive(2, append(1, at(0, 0), [membershipEntry(1, 1, members(4))]));
    expect(node.status).toMatchObject({ membership: members(4), membershipIndex: 1, commitIndex: 0 });
    node.toPreVote();
    expect(node.sentOf("vote", 4)).toHaveLength(1);
  });

  it("M1 §4.1: a candidate counts the votes of its newest membership", () => {
    const node = new LoneCore();
    node.receive(2, append(1, at(0, 0), [membershipEntry(1, 1, members(4))]));
    node.toPreVote();
    node.receive(2, voteReply(2, { pre: true }));
    expect(node.status.role).toBe("preCandidate");
    node.receive(4, voteReply(2, { pre: true }));
    expect(node.status.role).toBe("candidate");
  });

  it("M1 §4.1: a second change is refused until the first is committed", () => {
    const node = leader();
    const { index } = change(node, withLearner(3, 4));
    expect(refusal(node, members(4))).toBe("DISTER_ERR_MEMBERSHIP_PENDING");
    node.receive(2, accepted(1, index));
    expect(refusal(node, members(4))).toBeUndefined();
  });

  it("M1 §4.1: a change by more than one voter is refused: the two majorities might not overlap", () => {
    const node = leader();
    expect(refusal(node, members(5))).toBe("DISTER_ERR_MEMBERSHIP");
    expect(refusal(node, members(1))).toBe("DISTER_ERR_MEMBERSHIP");
    const replaced = membershipOf([member(1), member(2), member(9)]);
    expect(refusal(node, replaced)).toBe("DISTER_ERR_MEMBERSHIP");
    expect(node.status.lastIndex).toBe(1);
  });

  it("M8 §4.1: a change that leaves no voter is refused", () => {
    const node = new LoneCore({ count: 1 });
    node.pass(1_000, () => node.status.role === "leader");
    expect(refusal(node, NO_MEMBERSHIP)).toBe("DISTER_ERR_MEMBERSHIP");
    expect(refusal(node, membershipOf([member(1, false)]))).toBe("DISTER_ERR_MEMBERSHIP");
    expect(node.status.membership).toEqual(members(1));
  });

  it("a membership above the limit is refused, as is a member that is listed twice", () => {
    const node = leader();
    const learners = Array.from({ length: LIMITS.membersMax - 2 }, (_, i) => member(i + 4, false));
    expect(refusal(node, membershipOf([...members(3).members, ...learners]))).toBe("DISTER_ERR_MEMBERSHIP");
    const twice = membershipOf([...members(3).members, member(4, false), member(4, false)]);
    expect(refusal(node, twice)).toBe("DISTER_ERR_MEMBERSHIP");
    expect(refusal(node, membershipOf([...members(3).members, ...learners.slice(1)]))).toBeUndefined();
  });

  it("M2 §4.1: a new leader refuses changes until its empty entry is committed", () => {
    const node = new LoneCore({ entries: logOf(1, 1) });
    node.toLeader();
    expect(refusal(node, members(4))).toBe("DISTER_ERR_MEMBERSHIP_PENDING");
    node.receive(2, accepted(2, 3));
    expect(refusal(node, members(4))).toBeUndefined();
  });

  it("M2 §4.1: nor may it begin one while one of an earlier leader is not committed", () => {
    const node = new LoneCore({ entries: [entry(1, 1), membershipEntry(2, 1, members(4))] });
    node.toLeader();
    node.receive(2, accepted(2, 2));
    node.receive(3, accepted(2, 2));
    expect(refusal(node, members(3))).toBe("DISTER_ERR_MEMBERSHIP_PENDING");
    node.receive(2, accepted(2, 3));
    node.receive(3, accepted(2, 3));
    expect(refusal(node, members(3))).toBeUndefined();
  });

  it("M3 §4.1: an uncommitted change that is overwritten is gone, and the one before it is back", () => {
    const node = new LoneCore();
    node.receive(2, append(1, at(0, 0), [membershipEntry(1, 1, withLearner(3, 4)), entry(2, 1)], 1));
    node.receive(2, append(1, at(2, 1), [membershipEntry(3, 1, members(4)), entry(4, 1)]));
    expect(node.status.membershipIndex).toBe(3);
    node.receive(3, append(2, at(2, 1), [entry(3, 2)]));
    expect(node.status).toMatchObject({ membership: withLearner(3, 4), membershipIndex: 1 });
    node.receive(3, append(2, at(3, 2), [membershipEntry(4, 2, membershipOf([member(1), member(2)]))]));
    expect(voterIds(node.status.membership)).toHaveLength(2);
  });

  it("M3 §4.1: a leader that is deposed with its own change uncommitted goes back too", () => {
    const node = leader();
    const { index } = change(node, members(4));
    node.receive(2, append(5, at(index - 1, 1), [entry(index, 5)]));
    expect(node.status).toMatchObject({ role: "follower", membership: members(3) });
    expect(node.terms).toEqual([1, 5]);
  });

  it("M3 §4.1: after a restart the membership is that of the log, committed or not, applied or not", () => {
    const entries = [membershipEntry(1, 1, withLearner(3, 4)), entry(2, 1), membershipEntry(3, 1, members(4))];
    for (const commit of [0, 1, 2, 3]) {
      const node = new LoneCore({ entries, commit });
      expect(node.status).toMatchObject({ membership: members(4), membershipIndex: 3 });
      node.receive(2, append(2, at(2, 1), commit < 3 ? [entry(3, 2)] : []));
      expect(node.status.membership).toEqual(commit < 3 ? withLearner(3, 4) : members(4));
    }
  });

  it("M3 §4.1: what lies behind a compacted log comes from the state machine", () => {
    const entries = [entry(11, 1), membershipEntry(12, 1, members(4))];
    const node = new LoneCore({ base: at(10, 1), entries, membership: withLearner(3, 4) });
    expect(node.status.membership).toEqual(members(4));
    node.receive(2, append(2, at(11, 1), [entry(12, 2)]));
    expect(node.status.membership).toEqual(withLearner(3, 4));
  });
});

describe("dissertation §4.2.2 removing the leader", () => {
  it("M5 §4.2.2: a leader that removes itself is not counted for that entry", () => {
    const node = leader();
    const { index } = change(node, membershipOf([member(2), member(3)]));
    node.receive(2, accepted(1, index));
    expect(node.status).toMatchObject({ role: "leader", commitIndex: index - 1 });
    node.receive(3, accepted(1, index));
    expect(node.status.commitIndex).toBe(index);
  });

  it("M5 §4.2.2: it leads until the change is committed, then steps down and does not stand again", () => {
    const node = leader();
    const { index } = change(node, membershipOf([member(2), member(3)]));
    expect(node.status.role).toBe("leader");
    node.receive(2, accepted(1, index));
    node.receive(3, accepted(1, index));
    expect(node.status.role).toBe("follower");
    node.clear();
    node.pass(30_000);
    expect(node.sentOf("vote")).toEqual([]);
    expect(node.committed.at(-1)?.index).toBe(index);
  });

  it("M5 §4.2.2: who removed itself by an entry that is not committed still stands, and does not count its own vote", () => {
    // Only this node has the entry: the others, with the shorter log, cannot win without it.
    for (const then of [membershipOf([member(2), member(3)]), membershipOf([member(1, false), member(2), member(3)])]) {
      const node = new LoneCore({ entries: [entry(1, 1), membershipEntry(2, 1, then)], commit: 1 });
      node.toPreVote();
      expect([...new Set(node.sent.filter((e) => e.message.type === "vote").map(({ to }) => to))]).toEqual([
        nodeId(2),
        nodeId(3),
      ]);
      node.receive(2, voteReply(2, { pre: true }));
      expect(node.status.role).toBe("preCandidate");
      node.receive(3, voteReply(2, { pre: true }));
      node.receive(2, voteReply(2));
      expect(node.status.role).toBe("candidate");
      node.receive(3, voteReply(2));
      expect(node.status).toMatchObject({ role: "leader", term: 2 });
      node.receive(2, accepted(2, 3));
      node.receive(3, accepted(2, 3));
      expect(node.status).toMatchObject({ role: "follower", commitIndex: 3 });
      node.clear();
      node.pass(20_000);
      expect(node.sentOf("vote")).toEqual([]);
    }
  });

  it("M5 §4.2.2: two voters of which one demotes itself and crashes before that is committed find a leader again", () => {
    const cluster = new CoreCluster(2, 3);
    const leading = cluster.elect();
    cluster.run(200);
    const [other] = [...cluster.nodes.values()].filter((node) => node !== leading);
    cluster.isolate(other!.id);
    const number = Number.parseInt(leading.id, 16);
    leading.core.changeMembership(membershipOf([member(number, false), member(3 - number)]));
    cluster.drain(leading);
    cluster.run(100);
    cluster.crash(leading.id);
    cluster.heal();
    cluster.boot(leading);
    cluster.run(10_000, () => cluster.leaders[0] === other);
    expect(cluster.leaders).toEqual([other]);
  });

  it("M5 M6: in a cluster the others elect a leader and work on, and the removed one does not disturb them", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = new CoreCluster(4, seed);
      const old = cluster.elect();
      cluster.run(200);
      const rest = membershipOf(old.core.status().membership.members.filter(({ id }) => id !== old.id));
      old.core.changeMembership(rest);
      cluster.drain(old);
      const found = cluster.run(10_000, () => cluster.leaders.length === 1 && cluster.leaders[0] !== old);
      expect(found).toBe(true);
      const [next] = cluster.leaders;
      const { term } = next!.core.status();
      cluster.run(10_000);
      expect(cluster.leaders).toEqual([next]);
      expect(next!.core.status().term).toBe(term);
      cluster.propose(next!, "after");
      cluster.run(500);
      expect(next!.applied.at(-1)?.text).toBe("after");
    }
  });

  it("M5: a leader that makes itself a learner steps down once that is committed", () => {
    const node = leader();
    const { index } = change(node, membershipOf([member(1, false), member(2), member(3)]));
    node.receive(2, accepted(1, index));
    expect(node.status.commitIndex).toBe(index - 1);
    node.receive(3, accepted(1, index));
    expect(node.status).toMatchObject({ role: "follower", commitIndex: index });
  });
});

describe("dissertation §4.2.3 disruptive servers", () => {
  it("M6 §4.2.3: a removed node that never learned of it cannot raise the term of the others", () => {
    const cluster = new CoreCluster(4, 21);
    const leading = cluster.elect();
    cluster.run(200);
    const [removed] = [...cluster.nodes.values()].filter((node) => node !== leading);
    cluster.isolate(removed!.id);
    const rest = membershipOf(leading.core.status().membership.members.filter(({ id }) => id !== removed!.id));
    leading.core.changeMembership(rest);
    cluster.drain(leading);
    cluster.run(3_000);
    cluster.heal();
    const { term } = leading.core.status();
    cluster.run(30_000);
    expect(cluster.leaders).toEqual([leading]);
    expect(leading.core.status().term).toBe(term);
    expect(removed!.core.status().role).not.toBe("leader");
  });

  it("M6: nobody counts the vote of a node that is no member, but a member answers one that it does not know", () => {
    const node = leader();
    change(node, membershipOf([member(1), member(2)]));
    const voter = new LoneCore({ membership: membershipOf([member(1), member(2)]), entries: logOf(1) });
    voter.wait(600);
    voter.receive(3, vote(2, at(1, 1)));
    expect(voter.sentOf("voteReply", 3)).toHaveLength(1);
  });
});

describe("dissertation §4.2.1 learners", () => {
  it("M7 §4.2.1: a learner gets the log, and counts neither for commits nor for the touch with a majority", () => {
    const node = leader();
    const { index } = change(node, withLearner(3, 4));
    expect(node.sentOf("append", 4).length).toBeGreaterThan(0);
    node.receive(4, accepted(1, index));
    expect(node.status.commitIndex).toBe(index - 1);
    node.receive(2, accepted(1, index));
    expect(node.status.commitIndex).toBe(index);
    for (let ms = 0; ms < 2_000 && node.status.role === "leader"; ms += 50) {
      node.pass(50);
      node.receive(4, { type: "heartbeatReply", term: 1, round: 0 });
    }
    expect(node.status.role).toBe("follower");
  });

  it("M7: a new node without a membership follows as a learner, is made a voter by an entry, and then may lead", () => {
    const cluster = new CoreCluster(3, 4);
    const leading = cluster.elect();
    for (let write = 0; write < 50; write++) cluster.propose(leading, `w${write}`);
    cluster.run(100);
    const fresh = cluster.add(nodeId(4));
    cluster.run(5_000);
    expect(fresh.core.status()).toMatchObject({ term: 0, lastIndex: 0 });
    leading.core.changeMembership(withLearner(3, 4));
    cluster.drain(leading);
    cluster.run(1_000);
    expect(cluster.logOf(fresh)).toBe(cluster.logOf(leading));
    leading.core.changeMembership(members(4));
    cluster.drain(leading);
    cluster.run(1_000);
    leading.core.transferLeadership(nodeId(4), cluster.nowMs);
    cluster.drain(leading);
    cluster.run(2_000);
    expect(cluster.leaders).toEqual([fresh]);
  });

  it("M8: a dead node is removed, another added, and nothing acknowledged is lost; five become one", () => {
    const cluster = new CoreCluster(5, 8);
    let leading = cluster.elect();
    const acknowledged: string[] = [];
    for (let left = 5; left > 1; left--) {
      cluster.propose(leading, `at ${left}`);
      cluster.run(300);
      acknowledged.push(`at ${left}`);
      const { members: now } = leading.core.status().membership;
      const gone = now.find(({ id }) => id !== leading.id)!;
      cluster.crash(gone.id);
      leading.core.changeMembership(membershipOf(now.filter(({ id }) => id !== gone.id)));
      cluster.drain(leading);
      cluster.run(2_000);
      leading = cluster.elect();
    }
    expect(voterIds(leading.core.status().membership)).toEqual([leading.id]);
    cluster.propose(leading, "alone");
    cluster.run(100);
    const texts = leading.applied.map(({ text }) => text);
    expect(texts).toEqual(expect.arrayContaining([...acknowledged, "alone"]));
  });

  it("M8: a demoted voter gets the log on and counts no more", () => {
    const node = leader();
    const { index } = change(node, membershipOf([member(1), member(2), member(3, false)]));
    node.receive(3, accepted(1, index));
    expect(node.status.commitIndex).toBe(index - 1);
    node.receive(2, accepted(1, index));
    expect(node.status.commitIndex).toBe(index);
    node.clear();
    node.propose("x");
    expect(node.sentOf("append", 3)).toHaveLength(1);
  });

  it("M8: when a removal makes the rest a majority, what waited is committed with it", () => {
    const node = leader(2);
    const waiting = node.propose("waits for a dead peer");
    expect(node.status.commitIndex).toBe(1);
    const { index } = change(node, membershipOf([member(1)]));
    expect(index).toBe(waiting.index + 1);
    expect(node.status.commitIndex).toBe(index);
  });
});
