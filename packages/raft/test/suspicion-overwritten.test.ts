import { membershipOf } from "@dister/types";
import { describe, expect, it } from "vitest";
import { member, members, nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { append, at, entry, heartbeat, logOf, membershipEntry } from "./messages.ts";

/** Node 1 of three in term 5, of which the log held `now` and holds what had been overwritten there by damage: `left`. */
function damaged(now: ReturnType<typeof logOf>, left: ReturnType<typeof logOf>, applied = at(0, 0)): LoneCore {
  const node = new LoneCore({ entries: now, term: 5, commit: now.length });
  node.log.damageBehind(0);
  void node.log.append({ entries: left });
  node.log.sync();
  node.restart(applied);
  expect(node.status).toMatchObject({ suspect: true, lastIndex: left.length, commitIndex: applied.index });
  return node;
}

describe("R13: what had been overwritten, at the end of a damaged log", () => {
  it("rules as a membership until it is compared, and makes nobody stand, not even where it names no other voter", () => {
    const alone = membershipEntry(2, 4, membershipOf([member(1)]));
    const node = damaged(logOf(1, 5), [entry(1, 1), alone]);
    expect(node.status.membership).toEqual(membershipOf([member(1)]));
    node.pass(20_000);
    node.receive(2, { type: "timeoutNow", term: 5 });
    node.receive(2, { type: "stand", term: 5 });
    expect(node.status).toMatchObject({ role: "follower", term: 5, commitIndex: 0 });
    expect(node.sentOf("vote")).toEqual([]);
    node.receive(2, append(5, at(1, 1), [entry(2, 5)], 2));
    expect(node.status).toMatchObject({ suspect: false, commitIndex: 2, membership: members(3) });
  });

  it("removes nobody: a membership without this node is not committed by what was known before the damage", () => {
    const without = membershipEntry(2, 4, membershipOf([member(2), member(3)]));
    const node = damaged(logOf(1, 5), [entry(1, 1), without]);
    node.receive(2, heartbeat(5, 2));
    expect(node.status).toMatchObject({ commitIndex: 0, membershipIndex: 2 });
    node.receive(2, append(5, at(1, 1), [entry(2, 5)], 2));
    expect(node.status).toMatchObject({ membershipIndex: 0, membership: members(3) });
  });

  it("may be of a newer term than what came instead (Figure 8), and is replaced all the same", () => {
    // Index 2 was of term 3 here and of term 2 at a leader of term 4, which committed it.
    const node = damaged(logOf(1, 2, 4), logOf(1, 3, 3, 3));
    node.receive(2, append(5, at(3, 4), [], 3));
    expect(node.sentOf("suspectReply", 2).at(-1)).toMatchObject({ matched: 0, hint: at(3, 3) });
    node.receive(2, append(5, at(2, 2), [], 3));
    expect(node.sentOf("suspectReply", 2).at(-1)).toMatchObject({ matched: 0, hint: at(1, 1) });
    node.receive(2, append(5, at(1, 1), [entry(2, 2), entry(3, 4), entry(4, 5)], 4));
    expect(node.committed.map(({ term }) => term)).toEqual([1, 2, 4, 5]);
    expect(node.status.suspect).toBe(false);
  });

  it("gives way to a snapshot that has something else there, and keeps the mark when that does not reach it", () => {
    const node = damaged(logOf(1, 1, 5, 5, 5), logOf(1, 1, 3, 3, 3));
    const header = { term: 5, position: at(4, 5), membership: members(3) };
    expect(node.core.offerSnapshot(nodeId(2), header, node.nowMs)).toBeNull();
    node.drain();
    void node.log.reset(header.position);
    node.core.snapshotInstalled(header, node.nowMs);
    node.drain();
    expect(node.status).toMatchObject({ suspect: true, lastIndex: 4, commitIndex: 4, appliedIndex: 4 });
    node.receive(2, append(5, at(4, 5), [entry(5, 5)], 5));
    expect(node.status).toMatchObject({ suspect: false, commitIndex: 5 });
  });

  it("is applied up to a snapshot's position that it holds as well, and no further", () => {
    const node = damaged(logOf(1, 1, 5, 5, 5), logOf(1, 1, 3, 3, 3));
    const header = { term: 5, position: at(2, 1), membership: members(3) };
    expect(node.core.offerSnapshot(nodeId(2), header, node.nowMs)).toEqual({ term: 5, ok: true, index: 2 });
    node.drain();
    node.receive(2, heartbeat(5, 5));
    expect(node.committed.map(({ index, term }) => [index, term])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  it("is read by nobody: a read waits for what the leader has there", () => {
    const node = damaged(logOf(1, 5), logOf(1, 3));
    node.receive(2, heartbeat(5, 2));
    node.core.readIndex(7, node.nowMs);
    node.drain();
    node.receive(2, { type: "readIndexReply", term: 5, id: 7, index: 2 });
    expect(node.reads).toEqual([{ id: 7, index: 2 }]);
    expect(node.status.appliedIndex).toBe(0);
    node.receive(2, append(5, at(1, 1), [entry(2, 5)], 2));
    expect(node.committed.map(({ term }) => term)).toEqual([1, 5]);
  });

  it("may come back a second time while the node is suspect: the mark stays at the higher index and the later term", () => {
    const node = damaged(logOf(1, 1, 5, 5, 5), logOf(1, 1, 3, 3, 3));
    node.receive(3, append(6, at(2, 1), [entry(3, 5)]));
    expect(node.status).toMatchObject({ suspect: true, lastIndex: 3, term: 6 });
    node.log.damageBehind(2);
    void node.log.append({ entries: [entry(3, 3)] });
    node.log.sync();
    node.restart();
    expect(node.log.suspect()).toEqual(at(5, 6));
    // An entry of term 6 proves nothing any more: this node followed a leader of term 6 when it was damaged again.
    node.receive(3, append(6, at(2, 1), [entry(3, 5), entry(4, 6)]));
    expect(node.status.suspect).toBe(true);
    node.receive(3, append(6, at(4, 6), [entry(5, 6)]));
    expect(node.status.suspect).toBe(false);
  });
});
