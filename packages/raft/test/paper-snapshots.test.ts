import { membershipOf, type SnapshotHeader } from "@dister/types";
import { describe, expect, it } from "vitest";
import { member, members, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { accepted, append, at, entry, heartbeat, heartbeatReply, logOf, membershipEntry, refused } from "./messages.ts";

function header(term: number, index: number, of: number, membership = members(3)): SnapshotHeader {
  return { term, position: at(index, of), membership };
}

/** A leader of term 2 whose log begins behind index 50; node 2 has everything, node 3 nothing. */
function compactedLeader(): LoneCore {
  const node = new LoneCore({ base: at(50, 1), applied: at(50, 1), term: 1, entries: [entry(51, 1)] });
  node.toLeader();
  node.receive(2, accepted(2, 52));
  node.clear();
  return node;
}

function peer3(node: LoneCore) {
  return node.status.progress.find(({ id }) => id === nodeId(3))!;
}

/** Does what the shell does around an accepted snapshot. */
function install(node: LoneCore, from: number, snapshot: SnapshotHeader) {
  expect(node.core.offerSnapshot(nodeId(from), snapshot, node.nowMs)).toBeNull();
  node.drain();
  void node.log.reset(snapshot.position);
  const reply = node.core.snapshotInstalled(snapshot, node.nowMs);
  node.drain();
  return reply;
}

describe("§7 snapshots, the leader", () => {
  it("S1 §7: a follower that needs an entry which is gone gets a snapshot, once, and no appends meanwhile", () => {
    const node = compactedLeader();
    node.receive(3, refused(2, 51, at(0, 0)));
    expect(node.snapshots).toEqual([nodeId(3)]);
    expect(peer3(node).state).toBe("snapshot");
    for (let write = 0; write < 5; write++) node.propose("x");
    node.receive(3, heartbeatReply(2));
    node.pass(200);
    expect(node.snapshots).toEqual([nodeId(3)]);
    expect(node.sentOf("append", 3).filter(({ entries }) => entries.length > 0)).toEqual([]);
  });

  it("S1 §5.3: a follower whose entry conflicts with the place where the log begins gets a snapshot too", () => {
    const node = new LoneCore({ base: at(50, 4), applied: at(50, 4), term: 4, entries: [entry(51, 4)] });
    node.toLeader();
    let refusals = 0;
    for (; refusals < 20 && node.snapshots.length === 0; refusals++) {
      const [probe] = node.take("append", 3).slice(-1);
      node.receive(3, refused(5, probe!.prev.index, at(Math.min(50, probe!.prev.index), 3)));
    }
    expect(node.snapshots).toEqual([nodeId(3)]);
    expect(refusals).toBeLessThanOrEqual(2);
  });

  it("S1 §7: when it is installed, replication goes on right behind it", () => {
    const node = compactedLeader();
    node.receive(3, refused(2, 51, at(0, 0)));
    node.clear();
    node.core.snapshotSent(nodeId(3), { term: 2, ok: true, index: 51 }, node.nowMs);
    node.drain();
    expect(peer3(node)).toMatchObject({ match: 51 });
    expect(node.sentOf("append", 3)).toMatchObject([{ prev: at(51, 1), entries: [{ index: 52 }] }]);
    node.receive(3, accepted(2, 52));
    expect(peer3(node)).toMatchObject({ match: 52, state: "replicate" });
  });

  it("S1 M7: one that reaches the end of the log makes a caught-up peer, although nothing follows to prove it", () => {
    const node = compactedLeader();
    node.receive(3, refused(2, 51, at(0, 0)));
    node.clear();
    node.core.snapshotSent(nodeId(3), { term: 2, ok: true, index: 52 }, node.nowMs);
    node.drain();
    expect(peer3(node)).toMatchObject({ match: 52, state: "replicate" });
    node.propose("x");
    expect(node.sentOf("append", 3).at(-1)).toMatchObject({ prev: at(52, 2), entries: [{ index: 53 }] });
  });

  it("S1 §7: a stream that broke is tried again when the follower shows that it lives, not before", () => {
    const node = compactedLeader();
    node.receive(3, refused(2, 51, at(0, 0)));
    node.core.snapshotSent(nodeId(3), null, node.nowMs);
    node.drain();
    node.clear();
    node.pass(75);
    const before = node.snapshots.length;
    node.receive(3, heartbeatReply(2));
    for (const { prev } of node.take("append", 3)) node.receive(3, refused(2, prev.index, at(0, 0)));
    expect(node.snapshots.length).toBeGreaterThan(before - 1);
    for (let beat = 0; beat < 5 && node.snapshots.length < 2; beat++) {
      node.receive(3, heartbeatReply(2));
      for (const { prev } of node.take("append", 3)) node.receive(3, refused(2, prev.index, at(0, 0)));
    }
    expect(node.snapshots).toEqual([nodeId(3), nodeId(3)]);
  });

  it("S4 §7: an append answer that reaches behind the log's beginning ends the snapshot state, before the status came", () => {
    const node = compactedLeader();
    node.receive(3, refused(2, 51, at(0, 0)));
    node.clear();
    node.receive(3, accepted(2, 51));
    expect(peer3(node).state).not.toBe("snapshot");
    expect(peer3(node).match).toBe(51);
    node.core.snapshotSent(nodeId(3), null, node.nowMs);
    node.drain();
    node.receive(3, heartbeatReply(2));
    const [next] = node.sentOf("append", 3).slice(-1);
    expect(next?.prev.index).toBeGreaterThanOrEqual(51);
    node.receive(3, accepted(2, 52));
    expect(peer3(node)).toMatchObject({ match: 52, state: "replicate" });
  });

  it("S4: a status that comes after a change of leadership is not looked at", () => {
    const node = compactedLeader();
    node.receive(3, refused(2, 51, at(0, 0)));
    node.receive(2, heartbeat(3));
    node.core.snapshotSent(nodeId(3), { term: 2, ok: true, index: 51 }, node.nowMs);
    node.drain();
    expect(node.status).toMatchObject({ role: "follower", term: 3 });
    const again = compactedLeader();
    again.receive(3, refused(2, 51, at(0, 0)));
    again.core.snapshotSent(nodeId(3), { term: 9, ok: false, index: 0 }, again.nowMs);
    again.drain();
    expect(again.status).toMatchObject({ role: "follower", term: 9 });
  });
});

describe("§7 snapshots, the follower", () => {
  it("S1 §7: a snapshot beyond the log replaces it; membership, commit and applied come from it", () => {
    const node = new LoneCore({ entries: logOf(1, 1), commit: 1 });
    const membership = membershipOf([member(1), member(2), member(4)]);
    expect(install(node, 2, header(3, 90, 2, membership))).toEqual({ term: 3, ok: true, index: 90 });
    expect(node.status).toMatchObject({
      term: 3,
      leader: nodeId(2),
      commitIndex: 90,
      appliedIndex: 90,
      lastIndex: 90,
      firstIndex: 91,
      durableIndex: 90,
      membership,
    });
    node.receive(2, append(3, at(90, 2), [entry(91, 3)], 91));
    expect(node.status).toMatchObject({ commitIndex: 91, appliedIndex: 91 });
    expect(node.committed.map(({ index }) => index)).toEqual([1, 91]);
  });

  it("S1 §7: the term of the snapshot's sender becomes durable", () => {
    const node = new LoneCore({ entries: logOf(1) });
    install(node, 2, header(3, 90, 2));
    expect(node.hardState.term).toBe(3);
  });

  it.each([
    ["older than the commit index", header(2, 2, 1)],
    ["equal to the commit index", header(2, 3, 1)],
  ])("S3 §7: a snapshot that is %s is not taken but acknowledged with where this node is", (_, snapshot) => {
    const node = new LoneCore({ entries: logOf(1, 1, 1, 1), commit: 3 });
    expect(node.core.offerSnapshot(nodeId(2), snapshot, node.nowMs)).toEqual({ term: 2, ok: true, index: 3 });
    node.drain();
    expect(node.terms).toEqual([1, 1, 1, 1]);
    expect(node.status).toMatchObject({ commitIndex: 3, lastIndex: 4 });
  });

  it("S3 §7: a late one, older than where the own log begins, is acknowledged in the same way", () => {
    const node = new LoneCore({ base: at(50, 1), applied: at(50, 1), entries: [entry(51, 1)], commit: 51 });
    const late = header(2, 40, 1);
    expect(node.core.offerSnapshot(nodeId(2), late, node.nowMs)).toEqual({ term: 2, ok: true, index: 51 });
    expect(node.status).toMatchObject({ commitIndex: 51, lastIndex: 51, firstIndex: 51 });
  });

  it("S3 §7: a snapshot whose last entry is in the log keeps what lies behind it, and commits up to it", () => {
    const node = new LoneCore({ entries: logOf(1, 1, 1, 1, 1), commit: 1 });
    expect(node.core.offerSnapshot(nodeId(2), header(2, 4, 1), node.nowMs)).toEqual({ term: 2, ok: true, index: 4 });
    node.drain();
    expect(node.terms).toEqual([1, 1, 1, 1, 1]);
    expect(node.status).toMatchObject({ commitIndex: 4, appliedIndex: 4, lastIndex: 5 });
  });

  it("S3: a snapshot that the log holds, but not durably yet, never lowers the commit index", () => {
    const node = new LoneCore({ entries: logOf(1, 1) });
    node.disk = "held";
    node.receive(2, append(1, at(2, 1), [entry(3, 1), entry(4, 1), entry(5, 1)], 4));
    expect(node.status).toMatchObject({ commitIndex: 4, durableIndex: 2 });
    const reply = node.core.offerSnapshot(nodeId(2), header(1, 5, 1), node.nowMs);
    // What is acknowledged is durable; what is committed stays so.
    expect(reply).toEqual({ term: 1, ok: true, index: 2 });
    expect(node.status.commitIndex).toBe(5);
    node.drain();
    expect(node.committed.map(({ index }) => index)).toEqual([1, 2]);
    node.store();
    expect(node.status.appliedIndex).toBe(5);
  });

  it("S2: a term that changes while the log is being reset does not break the installation", () => {
    const node = new LoneCore({ entries: logOf(1, 1), commit: 1 });
    const snapshot = header(3, 90, 2);
    expect(node.core.offerSnapshot(nodeId(2), snapshot, node.nowMs)).toBeNull();
    node.drain();
    void node.log.reset(snapshot.position);
    node.disk = "held";
    node.receive(3, heartbeat(5));
    expect(node.writes).toHaveLength(1);
    expect(node.core.snapshotInstalled(snapshot, node.nowMs)).toMatchObject({ term: 5 });
    node.store();
    expect(node.status).toMatchObject({ term: 5, leader: nodeId(3), lastIndex: 90, durableIndex: 90 });
  });

  it("S3 §7: a snapshot that conflicts with the tail replaces the whole log, and the membership in that tail is gone", () => {
    const tail = [entry(1, 1), entry(2, 1), membershipEntry(3, 1, members(4)), entry(4, 1), entry(5, 1)];
    const node = new LoneCore({ entries: tail, commit: 1 });
    expect(node.status.membership).toEqual(members(4));
    install(node, 2, header(3, 4, 2));
    expect(node.status).toMatchObject({ lastIndex: 4, commitIndex: 4, membership: members(3), membershipIndex: 4 });
    expect(node.terms).toEqual([]);
  });

  it("S3 S1: a snapshot of an earlier term is refused, and the answer tells the term", () => {
    const node = new LoneCore({ entries: logOf(1), term: 5 });
    const reply = node.core.offerSnapshot(nodeId(2), header(4, 90, 4), node.nowMs);
    expect(reply).toMatchObject({ term: 5, ok: false });
    expect(node.status.leader).toBeNull();
  });

  it("S2: a second sender during an installation is refused, and a failed one changes nothing", () => {
    const node = new LoneCore({ entries: logOf(1, 1), commit: 2 });
    expect(node.core.offerSnapshot(nodeId(2), header(3, 90, 2), node.nowMs)).toBeNull();
    expect(node.core.offerSnapshot(nodeId(2), header(3, 95, 2), node.nowMs)).toMatchObject({ ok: false });
    expect(node.core.snapshotFailed()).toMatchObject({ ok: false });
    node.drain();
    expect(node.status).toMatchObject({ commitIndex: 2, lastIndex: 2, appliedIndex: 2 });
    expect(node.core.offerSnapshot(nodeId(2), header(3, 95, 2), node.nowMs)).toBeNull();
  });

  it("S2: what a new leader does while a snapshot is being installed does not break the installation", () => {
    const node = new LoneCore({ entries: logOf(1, 1), commit: 1 });
    const snapshot = header(3, 4, 3);
    expect(node.core.offerSnapshot(nodeId(2), snapshot, node.nowMs)).toBeNull();
    node.drain();
    // Another leader still has the entries, and they come faster than the snapshot.
    const tail = [entry(3, 3), entry(4, 3), entry(5, 4)];
    node.receive(3, append(4, at(2, 1), tail, 5));
    void node.log.reset(snapshot.position);
    const reply = node.core.snapshotInstalled(snapshot, node.nowMs);
    node.drain();
    expect(reply).toMatchObject({ term: 4 });
    expect(node.status.lastIndex).toBe(4);
    node.receive(3, append(4, at(4, 3), [entry(5, 4)], 5));
    expect(node.status).toMatchObject({ commitIndex: 5, appliedIndex: 5 });
  });

  it("S1 R7: nothing is applied while a snapshot is being installed", () => {
    const node = new LoneCore({ entries: logOf(1, 1, 1) });
    node.receive(2, heartbeat(1));
    expect(node.core.offerSnapshot(nodeId(2), header(1, 90, 1), node.nowMs)).toBeNull();
    node.receive(2, heartbeat(1, 3));
    expect(node.committed).toEqual([]);
  });

  it("§7: a second leader of the same term is as impossible here as in an append", () => {
    const node = new LoneCore();
    node.receive(2, heartbeat(3));
    expect(() => node.core.offerSnapshot(nodeId(3), header(3, 90, 2), node.nowMs)).toThrow("invariant broken");
  });
});
