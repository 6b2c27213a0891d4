import { membershipOf, NO_MEMBERSHIP, type RaftMessage, voterIds } from "@dister/types";
import { MemoryLogStore, SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { RaftCore, raftOptions } from "../src/index.ts";
import { CoreCluster, member, members, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeat, heartbeatReply, logOf, refused, vote, voteReply } from "./messages.ts";

/** Longer than a restarted voter waits, shorter than any election time-out. */
const AFTER_START_MS = 500;

describe("§5.2 leader election", () => {
  it("E1 §5.2: servers begin as followers and stay so as long as a leader is heard", () => {
    const node = new LoneCore();
    expect(node.status.role).toBe("follower");
    for (let beat = 0; beat < 100; beat++) {
      node.pass(100);
      node.receive(2, heartbeat(1));
    }
    expect(node.status).toMatchObject({ role: "follower", term: 1, leader: nodeId(2) });
    expect(node.sentOf("vote")).toEqual([]);
  });

  it("E1 §5.2: a candidate increments its term, votes for itself and asks every other voter with its last entry", () => {
    const node = new LoneCore({ count: 5, entries: logOf(1, 1, 2) });
    node.toCandidate([2, 3]);
    expect(node.status).toMatchObject({ role: "candidate", term: 3, leader: null });
    expect(node.hardState).toMatchObject({ term: 3, vote: nodeId(1) });
    const asked = node.sent.filter(({ message }) => message.type === "vote" && !message.pre);
    expect(asked.map(({ to }) => to).sort()).toEqual([2, 3, 4, 5].map(nodeId));
    for (const { message } of asked) expect(message).toEqual(vote(3, at(3, 2)));
  });

  it.each([
    [2, 0, false],
    [2, 1, true],
    [3, 0, false],
    [3, 1, true],
    [4, 1, false],
    [4, 2, true],
    [5, 1, false],
    [5, 2, true],
    [7, 2, false],
    [7, 3, true],
    [8, 3, false],
    [8, 4, true],
    [9, 3, false],
    [9, 4, true],
  ])("E1 E12 §5.2: of %i configured voters, the own vote and %i others make a leader: %s", (count, others, leads) => {
    const node = new LoneCore({ count });
    const peers = Array.from({ length: count - 1 }, (_, i) => i + 2);
    node.toCandidate(peers);
    for (const peer of peers.slice(0, others)) node.receive(peer, voteReply(1));
    for (const peer of peers.slice(others)) node.receive(peer, voteReply(1, { granted: false }));
    expect(node.status.role === "leader").toBe(leads);
  });

  it("E1 §5.2: a vote counts once, however often it is told, and only if it comes from a voter", () => {
    const node = new LoneCore({ count: 5 });
    node.toCandidate([2, 3]);
    for (let time = 0; time < 3; time++) node.receive(2, voteReply(1));
    node.receive(9, voteReply(1));
    node.receive(8, voteReply(1));
    expect(node.status.role).toBe("candidate");
    node.receive(3, voteReply(1));
    expect(node.status.role).toBe("leader");
  });

  it("E1 §5.2: a vote of an earlier term counts for nothing", () => {
    const node = new LoneCore();
    node.toCandidate();
    const first = node.status.term;
    node.toCandidate();
    expect(node.status.term).toBe(first + 1);
    node.receive(2, { type: "voteReply", term: first, pre: false, granted: true, asked: first });
    expect(node.status.role).toBe("candidate");
  });

  it("E1 §5.2: votes are given first come, first served, and the same candidate gets the same answer again", () => {
    const node = new LoneCore();
    node.wait(AFTER_START_MS);
    node.receive(2, vote(1, at(0, 0)));
    node.receive(3, vote(1, at(7, 1)));
    node.receive(2, vote(1, at(0, 0)));
    expect(node.sentOf("voteReply", 2)).toEqual([voteReply(1), voteReply(1)]);
    expect(node.sentOf("voteReply", 3)).toEqual([voteReply(1, { granted: false })]);
  });

  it("E1 §5.2: a candidate that hears a leader of its own term becomes a follower", () => {
    for (const message of [append(1, at(0, 0)), heartbeat(1)]) {
      const node = new LoneCore();
      node.toCandidate();
      node.receive(3, message);
      expect(node.status).toMatchObject({ role: "follower", term: 1, leader: nodeId(3) });
      expect(node.hardState.vote).toBe(nodeId(1));
    }
  });

  it("E1 §5.2: a leader announces itself to everybody at once", () => {
    const node = new LoneCore({ count: 5 });
    node.toCandidate([2, 3]);
    node.clear();
    node.receive(2, voteReply(1));
    node.receive(3, voteReply(1));
    const told = new Set(node.sent.filter(({ message }) => message.term === 1).map(({ to }) => to));
    expect([...told].sort()).toEqual([2, 3, 4, 5].map(nodeId));
  });

  it("E1 §5.2: who was refused in its own term stands again after a moment, not after a whole time-out", () => {
    const node = new LoneCore();
    node.toCandidate();
    const { term } = node.status;
    node.clear();
    node.receive(2, voteReply(term, { granted: false, term }));
    const refusedAtMs = node.nowMs;
    node.pass(node.options.electionTimeoutMs, () => node.sentOf("vote").length > 0);
    expect(node.sentOf("vote")[0]).toMatchObject({ pre: true, term: term + 1 });
    expect(node.nowMs - refusedAtMs).toBeLessThanOrEqual(4 * node.options.compareMs);
  });

  it("E1 §5.2: a split vote ends in a new election of a higher term", () => {
    const node = new LoneCore();
    node.toCandidate();
    node.receive(2, voteReply(1, { granted: false }));
    node.receive(3, voteReply(1, { granted: false }));
    expect(node.status.role).not.toBe("leader");
    node.toCandidate();
    expect(node.status).toMatchObject({ role: "candidate", term: 2 });
    expect(node.hardState).toMatchObject({ term: 2, vote: nodeId(1) });
  });

  it("E1 §5.2: time-outs are drawn anew from [T, 2T) each time, and differ between nodes", () => {
    const drawn = new Set<number>();
    for (let seed = 1; seed <= 200; seed++) {
      // The next tick is then the election time-out and not a measurement of the score.
      const node = new LoneCore({ seed, options: { measureMs: 1e9 } });
      for (const passed of [0, 300]) {
        node.wait(passed);
        node.receive(2, heartbeat(1));
        const timeoutMs = node.core.deadlineMs - node.nowMs;
        expect(timeoutMs).toBeGreaterThanOrEqual(500);
        expect(timeoutMs).toBeLessThan(1000);
        drawn.add(Math.floor(timeoutMs));
      }
    }
    expect(drawn.size).toBeGreaterThan(200);
  });

  it.each([3, 5])(
    "E1 §5.2: %i nodes whose timers fire together elect one leader a term, and soon one at all",
    (size) => {
      for (let seed = 1; seed <= 30; seed++) {
        const cluster = new CoreCluster(size, seed);
        const leaderOf = new Map<number, string>();
        cluster.check = (node) => {
          const { role, term } = node.core.status();
          if (role !== "leader") return;
          expect(leaderOf.get(term) ?? node.id).toBe(node.id);
          leaderOf.set(term, node.id);
        };
        // Everybody's time is up at the same moment, several times.
        for (let round = 0; round < 3; round++) {
          cluster.nowMs += 1_000;
          for (const node of cluster.nodes.values()) node.core.tick(cluster.nowMs);
          for (const node of cluster.nodes.values()) cluster.drain(node);
        }
        cluster.elect(5_000);
      }
    },
  );
});

describe("§5.1 terms", () => {
  const higher: [string, RaftMessage][] = [
    ["vote", vote(9, at(0, 0), { transfer: true })],
    ["voteReply", { type: "voteReply", term: 9, pre: false, granted: false, asked: 2 }],
    ["pre-vote refusal", { type: "voteReply", term: 9, pre: true, granted: false, asked: 2 }],
    ["append", append(9, at(0, 0))],
    ["appendReply", refused(9, 0, at(0, 0))],
    ["heartbeat", heartbeat(9)],
    ["heartbeatReply", heartbeatReply(9)],
  ];
  const roles: [string, (node: LoneCore) => void][] = [
    ["follower", (node) => node.receive(2, heartbeat(1))],
    ["candidate", (node) => node.toCandidate()],
    ["leader", (node) => node.toLeader()],
  ];
  for (const [role, become] of roles) {
    it.each(higher)(
      `E4 §5.1: a ${role} that sees a higher term in a %s adopts it, durably, and follows`,
      (_, message) => {
        const node = new LoneCore({ entries: logOf(1) });
        become(node);
        node.receive(3, message);
        expect(node.status).toMatchObject({ role: "follower", term: 9 });
        expect(node.hardState).toMatchObject({ term: 9, vote: null });
        node.restart();
        expect(node.status.term).toBe(9);
      },
    );
  }

  it.each(roles.slice(1))(
    "E4 §5.1: a %s is not moved by a term that is asked for only (pre-vote, comparison, stand)",
    (_, become) => {
      const node = new LoneCore();
      become(node);
      const before = node.status;
      for (const message of [
        vote(9, at(0, 0), { pre: true }),
        { type: "compare", term: 9, round: 4 },
        { type: "compareReply", term: 9, round: 4, last: at(0, 0), scoreCount: 1, score: 1, leaderAlive: false },
        { type: "stand", term: 9 },
      ] satisfies RaftMessage[]) {
        node.receive(3, message);
      }
      expect(node.status).toMatchObject({ role: before.role, term: before.term });
    },
  );

  it("E4 §5.1: requests of a lower term change nothing, and the answer tells the term", () => {
    const node = new LoneCore({ entries: logOf(1, 3), term: 5 });
    node.wait(AFTER_START_MS);
    const deadline = node.core.deadlineMs;
    node.receive(2, append(4, at(1, 1), [entry(2, 4)], 2));
    node.receive(2, heartbeat(4, 2));
    node.receive(2, vote(4, at(9, 4)));
    expect(node.sentOf("appendReply")).toMatchObject([{ term: 5, ok: false }]);
    expect(node.sentOf("heartbeatReply")).toMatchObject([{ term: 5 }]);
    expect(node.sentOf("voteReply")).toMatchObject([{ term: 5, granted: false }]);
    expect(node.status).toMatchObject({ role: "follower", term: 5, leader: null, commitIndex: 0 });
    expect(node.terms).toEqual([1, 3]);
    expect(node.core.deadlineMs).toBe(deadline);
  });

  it("E4 §5.1: answers of a lower term are not looked at", () => {
    const node = new LoneCore({ entries: logOf(1, 1), term: 4 });
    node.toLeader();
    const before = node.status.progress;
    node.receive(2, accepted(4, 3));
    node.receive(2, refused(4, 2, at(1, 1)));
    expect(node.status).toMatchObject({ role: "leader", term: 5, commitIndex: 0 });
    expect(node.status.progress.map(({ match, next }) => [match, next])).toEqual(
      before.map(({ match, next }) => [match, next]),
    );
  });

  it.each([["append"], ["heartbeat"]])(
    "E16 §5.2: a leader that gets an %s of its own term stops with an assertion",
    (type) => {
      const node = new LoneCore();
      node.toLeader();
      const message = type === "append" ? append(1, at(0, 0)) : heartbeat(1);
      expect(() => node.core.step(nodeId(3), message, node.nowMs)).toThrow("invariant broken");
    },
  );

  it("E16 §5.2: so does a follower that hears a second leader of the term", () => {
    const node = new LoneCore();
    node.receive(2, heartbeat(1));
    expect(() => node.core.step(nodeId(3), heartbeat(1), node.nowMs)).toThrow("invariant broken");
  });
});

describe("§5.4.1 election restriction", () => {
  // The voter's log ends at index 3 in term 2.
  it.each([
    ["lower term, longer log", at(9, 1), false],
    ["same term, shorter log", at(2, 2), false],
    ["same term, same length", at(3, 2), true],
    ["same term, longer log", at(4, 2), true],
    ["higher term, shorter log", at(1, 3), true],
    ["nothing at all", at(0, 0), false],
  ])("E2 §5.4.1: a vote goes only to a log at least as up to date, by term first: %s", (_, last, granted) => {
    for (const pre of [false, true]) {
      const node = new LoneCore({ entries: logOf(1, 1, 2), term: 3 });
      node.wait(AFTER_START_MS);
      node.receive(2, vote(5, last, { pre }));
      const term = pre ? 3 : 5;
      const replies = node.sentOf("voteReply", 2);
      expect(replies).toHaveLength(1);
      expect(replies[0]).toMatchObject({ granted, pre, asked: 5 });
      expect(node.status.term).toBe(term);
      expect(node.hardState.vote).toBe(granted && !pre ? nodeId(2) : null);
    }
  });

  it("E2 §5.4.1: entries that are not durable yet count for the comparison: they may be acknowledged any moment", () => {
    const node = new LoneCore();
    node.disk = "held";
    node.receive(2, append(1, at(0, 0), [entry(1, 1), entry(2, 1)]));
    node.store();
    node.receive(2, append(1, at(2, 1), [entry(3, 1)]));
    node.wait(600);
    node.receive(3, vote(2, at(2, 1)));
    node.store();
    expect(node.sentOf("voteReply", 3)).toEqual([voteReply(2, { granted: false })]);
  });
});

describe("§5 persistent state", () => {
  it("E3 §5.2: the answer leaves only when term and vote are durable", () => {
    const node = new LoneCore();
    node.wait(AFTER_START_MS);
    node.disk = "held";
    node.receive(2, vote(4, at(0, 0)));
    expect(node.sentOf("voteReply")).toEqual([]);
    expect(node.hardState).toMatchObject({ term: 4, vote: nodeId(2) });
    node.store();
    expect(node.sentOf("voteReply")).toEqual([voteReply(4)]);
  });

  it("E3 §5.2: after a crash behind the write the vote stands, for the same candidate and for no other", () => {
    const node = new LoneCore();
    node.wait(AFTER_START_MS);
    node.receive(2, vote(4, at(0, 0)));
    node.restart();
    node.wait(AFTER_START_MS);
    node.clear();
    node.receive(3, vote(4, at(9, 3)));
    node.receive(2, vote(4, at(0, 0)));
    expect(node.sentOf("voteReply")).toEqual([voteReply(4, { granted: false }), voteReply(4)]);
  });

  it("E3 §5.2: a vote in a term that was known before is written for itself", () => {
    const node = new LoneCore({ term: 4 });
    node.wait(AFTER_START_MS);
    node.disk = "held";
    node.receive(2, vote(4, at(0, 0)));
    expect(node.sentOf("voteReply")).toEqual([]);
    node.store();
    expect(node.sentOf("voteReply")).toEqual([voteReply(4)]);
    node.restart();
    node.wait(AFTER_START_MS);
    node.clear();
    node.receive(3, vote(4, at(0, 0)));
    expect(node.sentOf("voteReply")).toEqual([voteReply(4, { granted: false })]);
  });

  it("E3 §5.2: after a crash before the write nobody was told, and another may have the vote", () => {
    const node = new LoneCore();
    node.wait(AFTER_START_MS);
    node.disk = "held";
    node.receive(2, vote(4, at(0, 0)));
    expect(node.sent).toEqual([]);
    node.restart();
    node.wait(AFTER_START_MS);
    node.receive(3, vote(4, at(0, 0)));
    expect(node.sentOf("voteReply")).toEqual([voteReply(4)]);
  });

  it("E3 §5.2: a candidate's own vote counts only when it is durable", () => {
    const node = new LoneCore();
    node.toPreVote();
    node.disk = "held";
    node.receive(2, voteReply(1, { pre: true }));
    expect(node.sentOf("vote").filter(({ pre }) => !pre)).toEqual([]);
    node.receive(2, voteReply(1));
    expect(node.status.role).toBe("candidate");
    node.store();
    expect(node.sentOf("vote", 2).filter(({ pre }) => !pre)).toHaveLength(1);
    expect(node.status.role).toBe("leader");
  });

  it("E3 §5.2: after its own candidacy a restarted node votes for nobody else in that term", () => {
    const node = new LoneCore();
    node.toCandidate();
    node.restart();
    node.wait(AFTER_START_MS);
    node.clear();
    node.receive(2, vote(1, at(9, 1)));
    expect(node.sentOf("voteReply")).toEqual([voteReply(1, { granted: false })]);
  });
});

describe("who may stand", () => {
  it("E11 §5.2: the only voter leads by itself and commits behind its own write", () => {
    const node = new LoneCore({ count: 1 });
    node.pass(1_000, () => node.status.role === "leader");
    expect(node.status).toMatchObject({ role: "leader", term: 1, commitIndex: 1 });
    node.disk = "held";
    node.propose("a");
    expect(node.status.commitIndex).toBe(1);
    node.store();
    expect(node.status).toMatchObject({ commitIndex: 2, appliedIndex: 2 });
    expect(node.sent).toEqual([]);
  });

  it("E11 §5.2: the only voter does not lead before its own vote is durable", () => {
    const node = new LoneCore({ count: 1 });
    node.disk = "held";
    node.restart();
    node.disk = "held";
    node.pass(1_000);
    if (node.status.term > 0 && node.writes.length > 0) expect(node.status.role).not.toBe("leader");
    node.store();
    node.store();
    expect(node.status.role).toBe("leader");
  });

  it("E11: the only voter whose disk hangs waits for it, however many time-outs pass, and then leads", () => {
    const [log, id] = [new MemoryLogStore(), nodeId(1)];
    const applied = { index: 0, term: 0 };
    const membership = members(1);
    const hardState = log.hardState();
    const options = raftOptions({});
    const core = new RaftCore({ id, options, rng: new SeededRng(1), log, hardState, applied, membership, nowMs: 0 });
    const { write } = core.takeReady();
    void log.append({ entries: write!.entries, hardState: write!.hardState! });
    for (let timeouts = 0; timeouts < 5; timeouts++) {
      const nowMs = core.deadlineMs;
      core.tick(nowMs);
      expect(core.deadlineMs).toBeGreaterThan(nowMs);
      expect(core.status().role).toBe("candidate");
    }
    core.stored(write!.seq, core.deadlineMs);
    expect(core.status().role).toBe("leader");
  });

  it("E11: without a membership, or with one of others only, a node waits for ever", () => {
    for (const membership of [NO_MEMBERSHIP, membershipOf([member(2), member(3)])]) {
      const node = new LoneCore({ membership });
      node.pass(60_000);
      expect(node.status).toMatchObject({ role: "follower", term: 0 });
      expect(node.sentOf("vote")).toEqual([]);
    }
  });

  it("E11: but it follows and votes: others may know that it is a member", () => {
    const node = new LoneCore({ membership: NO_MEMBERSHIP });
    node.wait(AFTER_START_MS);
    node.receive(2, vote(3, at(4, 2)));
    expect(node.sentOf("voteReply")).toEqual([voteReply(3)]);
    node.receive(2, append(3, at(0, 0), [entry(1, 3)], 1));
    expect(node.status).toMatchObject({ leader: nodeId(2), commitIndex: 1 });
  });

  it("E12: of two nodes one is no majority, and of four two are none", () => {
    for (const [size, kept] of [
      [2, [1]],
      [4, [1, 2]],
    ] as const) {
      const cluster = new CoreCluster(size, 3);
      const leader = cluster.elect();
      cluster.run(500);
      const group = [leader, ...[...cluster.nodes.values()].filter((node) => node !== leader)].slice(0, kept.length);
      for (const node of cluster.nodes.values()) if (!group.includes(node)) cluster.crash(node.id);
      const { index } = cluster.propose(leader, "lost");
      cluster.run(10_000);
      expect(cluster.leaders).toEqual([]);
      for (const node of group) expect(node.core.status().commitIndex).toBeLessThan(index);
    }
  });

  it("E13: a learner never stands, but answers a vote", () => {
    const node = new LoneCore({ membership: membershipOf([member(1, false), member(2), member(3)]) });
    node.pass(30_000);
    node.receive(2, { type: "timeoutNow", term: 1 });
    node.receive(2, { type: "stand", term: 1 });
    node.pass(30_000);
    expect(node.status.role).toBe("follower");
    expect(node.sentOf("vote")).toEqual([]);
    node.receive(2, vote(7, at(0, 0)));
    expect(node.sentOf("voteReply")).toEqual([voteReply(7)]);
  });

  it("E13: a learner's vote and pre-vote do not count", () => {
    const membership = membershipOf([member(1), member(2), member(3), member(4, false), member(5, false)]);
    const node = new LoneCore({ membership });
    node.toPreVote();
    for (const peer of [4, 5]) node.receive(peer, voteReply(1, { pre: true }));
    expect(node.status.role).not.toBe("candidate");
    node.toCandidate([3]);
    for (const peer of [4, 5]) node.receive(peer, voteReply(1));
    expect(node.status.role).toBe("candidate");
    expect(voterIds(node.status.membership)).toHaveLength(3);
  });

  it("E14: while a snapshot is being installed nobody stands, however silent the leader", () => {
    const node = new LoneCore();
    const header = { term: 1, position: at(9, 1), membership: members(3) };
    expect(node.core.offerSnapshot(nodeId(2), header, node.nowMs)).toBeNull();
    node.drain();
    node.pass(30_000);
    expect(node.sentOf("vote")).toEqual([]);
    node.core.snapshotFailed();
    node.toPreVote();
  });
});
