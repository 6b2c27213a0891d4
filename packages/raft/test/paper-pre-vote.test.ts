import type { RaftMessage } from "@dister/types";
import { describe, expect, it } from "vitest";
import { CoreCluster, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeat, heartbeatReply, logOf, vote, voteReply } from "./messages.ts";

describe("dissertation §9.6 pre-vote", () => {
  it("E5 §9.6: a node that is cut off never raises its term, and changes nothing when it comes back", () => {
    const cluster = new CoreCluster(3, 7);
    const leader = cluster.elect();
    cluster.run(1_000);
    const { term } = leader.core.status();
    const [lonely] = [...cluster.nodes.values()].filter((node) => node !== leader);
    cluster.isolate(lonely!.id);
    cluster.run(60_000);
    expect(lonely!.core.status()).toMatchObject({ term, role: expect.not.stringMatching("leader") });
    cluster.propose(leader, "meanwhile");
    cluster.heal();
    cluster.run(5_000);
    expect(cluster.leaders).toEqual([leader]);
    for (const node of cluster.nodes.values()) expect(node.core.status().term).toBe(term);
    expect(cluster.logOf(lonely!)).toBe(cluster.logOf(leader));
  });

  it("E6 §9.6: asking for a pre-vote changes neither term nor vote, durably or not", () => {
    const node = new LoneCore({ term: 4, vote: nodeId(3) });
    node.toPreVote();
    expect(node.sentOf("vote", 2)).toEqual([vote(5, at(0, 0), { pre: true })]);
    expect(node.status.term).toBe(4);
    expect(node.hardState).toMatchObject({ term: 4, vote: nodeId(3) });
  });

  it("E6 §9.6: giving a pre-vote changes neither term nor vote, and several may have it", () => {
    const node = new LoneCore({ term: 4 });
    node.wait(600);
    node.disk = "held";
    node.receive(2, vote(5, at(0, 0), { pre: true }));
    node.receive(3, vote(7, at(0, 0), { pre: true }));
    expect(node.sentOf("voteReply")).toMatchObject([
      { pre: true, granted: true, asked: 5 },
      { pre: true, granted: true, asked: 7 },
    ]);
    expect(node.writes).toEqual([]);
    expect(node.hardState).toMatchObject({ term: 4, vote: null });
  });

  it("E6 §9.6: a pre-vote is refused to a term that is not above the own, and the answer tells the term", () => {
    const node = new LoneCore({ term: 4 });
    node.wait(600);
    node.receive(2, vote(4, at(9, 3), { pre: true }));
    node.receive(3, vote(2, at(9, 1), { pre: true }));
    for (const reply of node.sentOf("voteReply")) expect(reply).toMatchObject({ granted: false, pre: true, term: 4 });
    expect(node.sentOf("voteReply").length).toBeGreaterThan(0);
  });

  it("E6 §9.6: a pre-vote of an earlier round counts for nothing", () => {
    const node = new LoneCore({ count: 5, term: 1 });
    node.toPreVote();
    expect(node.sentOf("vote", 2)).toMatchObject([{ term: 2 }]);
    node.receive(2, heartbeat(3));
    node.toPreVote();
    expect(node.sentOf("vote", 2)).toMatchObject([{ term: 4 }]);
    node.receive(2, voteReply(2, { pre: true, term: 3 }));
    node.receive(3, voteReply(2, { pre: true, term: 3 }));
    expect(node.status.role).toBe("preCandidate");
  });

  it("E6: a vote is not counted as a pre-vote, nor a pre-vote as a vote", () => {
    const node = new LoneCore();
    node.toPreVote();
    node.receive(2, { type: "voteReply", term: 0, pre: false, granted: true, asked: 1 });
    expect(node.status.role).not.toBe("candidate");
    node.toCandidate();
    node.receive(2, voteReply(1, { pre: true, term: 0 }));
    node.receive(2, voteReply(1, { pre: true, term: 1 }));
    expect(node.status.role).toBe("candidate");
  });

  it("E6: a majority of refused pre-votes ends the round without a candidacy; the node tries again later", () => {
    const node = new LoneCore();
    node.toPreVote();
    node.receive(2, voteReply(1, { pre: true, granted: false, term: 0 }));
    node.receive(3, voteReply(1, { pre: true, granted: false, term: 0 }));
    expect(node.status.term).toBe(0);
    node.toCandidate();
    expect(node.status.term).toBe(1);
  });
});

describe("dissertation §6.2 check quorum", () => {
  it("E8 §6.2: a leader that hears no majority steps down within one election time-out", () => {
    const node = new LoneCore({ count: 5 });
    node.toLeader();
    node.receive(2, accepted(1, 1));
    // One of four peers is not enough, however well it is heard.
    for (let ms = 0; ms < 2_000 && node.status.role === "leader"; ms += 50) {
      node.pass(50);
      node.receive(2, heartbeatReply(1));
    }
    expect(node.status).toMatchObject({ role: "follower", term: 1, leader: null });
    expect(node.nowMs).toBeLessThan(4_000);
  });

  it("E8 §6.2: it does so within twice the minimum time-out, and what it was asked to read is refused", () => {
    const node = new LoneCore();
    node.toLeader();
    node.receive(2, accepted(1, 1));
    const since = node.nowMs;
    node.core.readIndex(77, node.nowMs);
    node.drain();
    node.pass(5_000, () => node.status.role !== "leader");
    expect(node.nowMs - since).toBeLessThanOrEqual(1_000);
    expect(node.reads).toEqual([{ id: 77, index: -1 }]);
  });

  it.each([
    ["heartbeat answers", heartbeatReply(1)],
    ["append answers", accepted(1, 1)],
  ])("E8 §6.2: a leader that hears a majority by %s stays", (_, message) => {
    const node = new LoneCore({ count: 5 });
    node.toLeader();
    for (let ms = 0; ms < 10_000; ms += 200) {
      node.pass(200);
      node.receive(2, message);
      node.receive(4, message);
    }
    expect(node.status).toMatchObject({ role: "leader", term: 1 });
  });

  it("E8: one-way: a leader that is heard but hears nobody steps down, and the others elect one that does", () => {
    const cluster = new CoreCluster(3, 11);
    const leader = cluster.elect();
    for (const other of cluster.nodes.values()) cluster.cut.add(`${other.id}>${leader.id}`);
    cluster.run(6_000);
    const { role } = leader.core.status();
    expect(role).not.toBe("leader");
    expect(cluster.leaders).toHaveLength(1);
  });
});

describe("dissertation §4.2.3 a live leader is not disturbed", () => {
  const asking: [string, RaftMessage][] = [
    ["vote", vote(9, at(9, 8))],
    ["pre-vote", vote(9, at(9, 8), { pre: true })],
  ];
  it.each(asking)(
    "E9 §4.2.3: within the minimum time-out of hearing its leader a node grants no %s and keeps its term",
    (_, message) => {
      const node = new LoneCore();
      node.pass(100);
      node.receive(2, heartbeat(1));
      node.clear();
      node.wait(499);
      node.receive(3, message);
      expect(node.status).toMatchObject({ term: 1, leader: nodeId(2) });
      expect(node.sentOf("voteReply").filter(({ granted }) => granted)).toEqual([]);
      node.wait(2);
      node.receive(3, message);
      expect(node.sentOf("voteReply", 3).at(-1)).toMatchObject({ granted: true, asked: 9 });
    },
  );

  it.each(asking)("E9 §4.2.3: a leader in touch with its majority ignores a %s", (_, message) => {
    const node = new LoneCore();
    node.toLeader();
    node.receive(2, accepted(1, 1));
    node.clear();
    node.receive(3, message);
    expect(node.status).toMatchObject({ role: "leader", term: 1 });
    expect(node.sentOf("voteReply").filter(({ granted }) => granted)).toEqual([]);
  });

  it("E9 §3.10: a vote for a leadership transfer is not held up by that", () => {
    const node = new LoneCore();
    node.receive(2, heartbeat(1));
    node.receive(3, vote(2, at(0, 0), { transfer: true }));
    expect(node.sentOf("voteReply", 3)).toEqual([voteReply(2)]);
  });

  it.each(asking)(
    "E9: a restarted voter grants no %s for one minimum time-out: it may have heard its leader just before",
    (_, message) => {
      const node = new LoneCore({ term: 1 });
      node.restart();
      node.receive(3, message);
      node.wait(499);
      node.receive(3, message);
      expect(node.sentOf("voteReply").filter(({ granted }) => granted)).toEqual([]);
      expect(node.status.term).toBe(1);
      node.wait(2);
      node.receive(3, message);
      expect(node.sentOf("voteReply").filter(({ granted }) => granted)).toHaveLength(1);
    },
  );

  it("E9: an append counts as hearing the leader as a heartbeat does; a refused one too", () => {
    for (const message of [append(1, at(0, 0), [entry(1, 1)]), append(1, at(7, 1))]) {
      const node = new LoneCore();
      node.wait(5_000);
      node.receive(2, message);
      node.wait(400);
      node.receive(3, vote(2, at(9, 1)));
      expect(node.status.term).toBe(1);
    }
  });

  it("E9: a closed connection to the leader's process ends the wait for it", () => {
    const node = new LoneCore();
    node.receive(2, heartbeat(1));
    node.core.peerDown(nodeId(2), node.nowMs);
    node.drain();
    node.receive(3, vote(2, at(0, 0)));
    expect(node.sentOf("voteReply", 3)).toEqual([voteReply(2)]);
  });

  it("E9: a closed connection to anybody else changes nothing", () => {
    const node = new LoneCore();
    node.receive(2, heartbeat(1));
    node.core.peerDown(nodeId(3), node.nowMs);
    node.drain();
    node.receive(3, vote(2, at(0, 0)));
    expect(node.status).toMatchObject({ term: 1, leader: nodeId(2) });
  });
});

describe("E10 partial partitions", () => {
  /** Terms that were begun after the cut, and what could be written meanwhile. */
  function underCut(seed: number, size: number, cutOff: (cluster: CoreCluster) => void) {
    const cluster = new CoreCluster(size, seed);
    cluster.elect();
    cluster.run(1_000);
    const before = Math.max(...[...cluster.nodes.values()].map((node) => node.core.status().term));
    cutOff(cluster);
    let written = 0;
    for (let round = 0; round < 60; round++) {
      cluster.run(500);
      for (const leader of cluster.leaders) {
        const from = leader.core.status().commitIndex;
        cluster.propose(leader, `w${round}`);
        cluster.run(50);
        if (leader.core.status().commitIndex > from) written++;
      }
    }
    const terms = Math.max(...[...cluster.nodes.values()].map((node) => node.core.status().term)) - before;
    return { terms, written };
  }

  const both = (cluster: CoreCluster, a: number, b: number): void => {
    cluster.cut.add(`${nodeId(a)}>${nodeId(b)}`);
    cluster.cut.add(`${nodeId(b)}>${nodeId(a)}`);
  };

  it.each([1, 2, 3, 4, 5, 6])("E10: bridge A-B-C, seed %i: few elections, and writes go on", (seed) => {
    const { terms, written } = underCut(seed, 3, (cluster) => both(cluster, 1, 3));
    expect(terms).toBeLessThanOrEqual(2);
    expect(written).toBeGreaterThan(50);
  });

  it.each([1, 2, 3, 4, 5, 6])("E10: one way is dead, seed %i: few elections, and writes go on", (seed) => {
    const { terms, written } = underCut(seed, 3, (cluster) => cluster.cut.add(`${nodeId(1)}>${nodeId(2)}`));
    expect(terms).toBeLessThanOrEqual(2);
    expect(written).toBeGreaterThan(50);
  });

  it.each([1, 2, 3])(
    "E10: a ring of five, each hearing two, seed %i: a leader that reaches a majority keeps working",
    (seed) => {
      const { terms, written } = underCut(seed, 5, (cluster) => {
        for (const [a, b] of [
          [1, 3],
          [1, 4],
          [2, 4],
          [2, 5],
          [3, 5],
        ] as const)
          both(cluster, a, b);
      });
      expect(terms).toBeLessThanOrEqual(3);
      expect(written).toBeGreaterThan(40);
    },
  );
});

describe("E15 the comparison before an election", () => {
  function compared(
    node: LoneCore,
    answers: [peer: number, scoreCount: number, score: number, last?: readonly [number, number]][],
  ) {
    node.clear();
    node.pass(2_000, () => node.sentOf("compare").length > 0);
    const round = node.sentOf("compare").at(-1)!.round;
    for (const [peer, scoreCount, score, last = [0, 0]] of answers) {
      const position = at(last[0], last[1]);
      node.receive(peer, {
        type: "compareReply",
        term: 0,
        round,
        last: position,
        scoreCount,
        score,
        leaderAlive: false,
      });
    }
    node.pass(node.options.compareMs);
  }
  const UNMEASURED = { measureMs: 1e9 };

  it("E15: the better connected of equal logs is asked to stand, and this node does not", () => {
    const node = new LoneCore({ options: UNMEASURED });
    compared(node, [
      [2, 9, 1],
      [3, 1, 1],
    ]);
    expect(node.sentOf("stand").length).toBe(1);
    expect(node.sent.filter(({ message }) => message.type === "stand")[0]?.to).toBe(nodeId(2));
    expect(node.sentOf("vote")).toEqual([]);
  });

  it("E15: a longer log goes before any score", () => {
    const node = new LoneCore({ entries: logOf(1, 1), options: UNMEASURED });
    compared(node, [
      [2, 9, 1, [1, 1]],
      [3, 9, 1, [0, 0]],
    ]);
    expect(node.sentOf("stand")).toEqual([]);
    expect(node.sentOf("vote", 2)).toHaveLength(1);
  });

  it("E15: if the one who was asked does not win, this node stands itself at the next time-out", () => {
    const node = new LoneCore({ options: UNMEASURED });
    compared(node, [
      [2, 9, 1],
      [3, 1, 1],
    ]);
    node.clear();
    node.pass(1_000, () => node.sentOf("vote").length > 0);
    expect(node.sentOf("vote", 3)).toHaveLength(1);
  });

  it("E15: the score never decides a vote: the worst connected node gets it if its log is good enough", () => {
    const node = new LoneCore({ entries: logOf(1), options: UNMEASURED });
    compared(node, [
      [2, 0, 0, [1, 1]],
      [3, 9, 1, [1, 1]],
    ]);
    node.clear();
    node.receive(2, vote(2, at(1, 1)));
    node.receive(3, vote(2, at(1, 1)));
    expect(node.sentOf("voteReply", 2)).toEqual([voteReply(2)]);
    expect(node.sentOf("voteReply", 3)).toEqual([voteReply(2, { granted: false })]);
  });

  it("E15: late or foreign answers to a comparison decide nothing", () => {
    const node = new LoneCore({ options: UNMEASURED });
    compared(node, []);
    const { role } = node.status;
    node.clear();
    for (const round of [0, 1, 2, 99]) {
      node.receive(2, {
        type: "compareReply",
        term: 0,
        round,
        last: at(9, 9),
        scoreCount: 9,
        score: 1,
        leaderAlive: false,
      });
    }
    expect(node.status.role).toBe(role);
    expect(node.sentOf("stand")).toEqual([]);
  });

  it("E15: a request to stand is a wish: the receiver asks for pre-votes first, and a leader or learner ignores it", () => {
    const node = new LoneCore({ options: UNMEASURED });
    node.receive(2, { type: "stand", term: 0 });
    expect(node.sentOf("vote", 2)).toMatchObject([{ pre: true }]);
    expect(node.status.term).toBe(0);
    const leader = new LoneCore({ options: UNMEASURED });
    leader.toLeader();
    leader.receive(2, { type: "stand", term: 1 });
    expect(leader.status).toMatchObject({ role: "leader", term: 1 });
  });

  it("E15: with the leader dead and the best scored node lagging or dead a leader is found in a few time-outs", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = new CoreCluster(5, seed);
      const leader = cluster.elect();
      cluster.run(1_000);
      const [best] = [...cluster.nodes.values()].filter((node) => node !== leader);
      cluster.isolate(best!.id);
      cluster.crash(leader.id);
      const found = cluster.run(5_000, () => cluster.leaders.some((node) => node.core.status().term > 1));
      expect(found).toBe(true);
    }
  });
});
