import { membershipOf } from "@dister/types";
import { describe, expect, it } from "vitest";
import { CoreCluster, member, nodeId, type SimNode } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, at, entry, heartbeatReply } from "./messages.ts";

/** What a node that starts now may have acknowledged, by the signs in its log: `more` entries beyond everything there is. */
function damage(cluster: CoreCluster, node: SimNode, more: number): void {
  cluster.crash(node.id);
  const { term } = node.log.hardState();
  const last = node.log.lastIndex();
  const signs = Array.from({ length: more }, (_, at) => entry(last + 1 + at, term));
  void node.log.append({ entries: signs });
  node.log.sync();
  node.log.damageBehind(last);
  expect(node.log.suspect()).toEqual(at(last + more, term));
  cluster.boot(node);
}

describe("R13: a suspect whose mark lies behind the end of its leader's log, in the leader's own term", () => {
  it("is whole again although nobody writes anything", () => {
    const cluster = new CoreCluster(3);
    const leader = cluster.elect();
    cluster.propose(leader, "x");
    cluster.run(1_000);
    const follower = [...cluster.nodes.values()].find((node) => node !== leader)!;
    damage(cluster, follower, 2);
    expect(follower.core.status().suspect).toBe(true);
    expect(cluster.run(20_000, () => !follower.core.status().suspect)).toBe(true);
    const next = cluster.elect();
    expect(next).not.toBe(follower);
    expect(cluster.run(1_000, () => cluster.logOf(follower) === cluster.logOf(next))).toBe(true);
    expect(follower.core.status().lastIndex).toBeLessThan(2 + 1 + 2);
  });

  it("and does not vote before that, however long it takes", () => {
    const cluster = new CoreCluster(3);
    const leader = cluster.elect();
    cluster.run(1_000);
    const follower = [...cluster.nodes.values()].find((node) => node !== leader)!;
    let votes = 0;
    cluster.watch = (from, _, message) => {
      const isVote = (message.type === "voteReply" && message.granted) || message.type === "vote";
      if (from === follower.id && isVote && follower.core.status().suspect) votes++;
    };
    damage(cluster, follower, 1_000);
    expect(cluster.run(20_000, () => !follower.core.status().suspect)).toBe(true);
    expect(votes).toBe(0);
  });

  it("as a learner of an only voter as well", () => {
    const cluster = new CoreCluster(1);
    const leader = cluster.elect();
    const learner = cluster.add(nodeId(2));
    leader.core.changeMembership(membershipOf([member(1), member(2, false)]));
    cluster.run(1_000);
    cluster.propose(leader, "x");
    cluster.run(1_000);
    damage(cluster, learner, 3);
    let leaderless = 0;
    cluster.check = (node) => {
      if (node === leader && node.core.status().role !== "leader") leaderless++;
    };
    expect(cluster.run(20_000, () => !learner.core.status().suspect)).toBe(true);
    expect(leader.core.status()).toMatchObject({ role: "leader", term: 2 });
    expect(leaderless).toBe(0);
  });
});

/** A leader of three in term 1 with one entry; node 2 answers like any other and node 3 as `third` says. */
function leads(third: (node: LoneCore) => void, ms: number): LoneCore {
  const node = new LoneCore();
  node.toLeader();
  node.receive(2, accepted(1, 1));
  node.clear();
  for (let passed = 0; passed < ms && node.sentOf("timeoutNow").length === 0; passed += 50) {
    node.pass(50);
    node.receive(2, heartbeatReply(1));
    third(node);
  }
  return node;
}

const says = (matched: number, hint = at(0, 0)) => ({ type: "suspectReply", term: 1, matched, hint }) as const;

describe("R13: a leader", () => {
  it("hands over to a whole voter when a suspect has had everything for a while, so that there is a newer term", () => {
    const node = leads((leader) => leader.receive(3, says(1)), 10_000);
    expect(node.sentOf("timeoutNow", 2)).toHaveLength(1);
    expect(node.sentOf("timeoutNow", 3)).toEqual([]);
  });

  it("does not while the suspect lacks anything", () => {
    const node = leads((leader) => leader.receive(3, says(0, at(1, 1))), 10_000);
    expect(node.sentOf("timeoutNow")).toEqual([]);
  });

  it("does not for a suspect that is silent since", () => {
    let left = 80;
    const node = leads((leader) => {
      if (left-- > 0) leader.receive(3, says(1));
    }, 10_000);
    expect(node.sentOf("timeoutNow")).toEqual([]);
  });

  it("does not when the suspect is whole in the meantime", () => {
    let left = 105; // Until shortly before the check that would be one too many.
    const node = leads((leader) => leader.receive(3, left-- > 0 ? says(1) : accepted(1, 1)), 10_000);
    expect(node.sentOf("timeoutNow")).toEqual([]);
  });

  it("leaves ten election time-outs to writes, which may reach the mark, and then no more", () => {
    const writes = (leader: LoneCore): void => {
      leader.receive(3, says(leader.status.lastIndex));
      if (leader.status.transferring) return;
      leader.receive(2, accepted(1, leader.propose("x").index));
    };
    expect(leads(writes, 5_000).sentOf("timeoutNow")).toEqual([]);
    expect(leads(writes, 10_000).sentOf("timeoutNow", 2)).toHaveLength(1);
  });

  it("sends a suspect that has everything what is new and what is committed at once", () => {
    const node = leads((leader) => leader.receive(3, says(1)), 500);
    node.receive(3, says(1));
    node.clear();
    node.receive(3, says(1));
    expect(node.sentOf("append", 3)).toEqual([]);
    node.propose("x");
    node.propose("y");
    expect(node.take("append", 3)).toMatchObject([{ prev: at(1, 1), entries: [{ index: 2 }], commit: 1 }]);
    node.receive(3, says(2));
    expect(node.take("append", 3)).toMatchObject([{ prev: at(2, 1), entries: [{ index: 3 }], commit: 1 }]);
    node.receive(3, says(3));
    expect(node.sentOf("append", 3)).toEqual([]);
    node.receive(2, accepted(1, 3));
    expect(node.sentOf("append", 3)).toMatchObject([{ prev: at(3, 1), entries: [], commit: 3 }]);
  });

  it("asks a suspect that has everything about once a heartbeat, and not as fast as it answers", () => {
    const node = new LoneCore();
    node.toLeader();
    node.receive(2, accepted(1, 1));
    node.clear();
    let asked = 0;
    for (let ms = 0; ms < 750; ms += 5) {
      node.pass(5);
      const questions = node.take("append", 3).length + node.take("heartbeat", 3).length;
      asked += questions;
      for (let left = questions; left > 0; left--) node.receive(3, says(1));
      node.receive(2, heartbeatReply(1));
    }
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(30);
  });
});
