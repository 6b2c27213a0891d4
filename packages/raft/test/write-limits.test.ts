import { LIMITS, type LogEntry } from "@dister/types";
import { describe, expect, it } from "vitest";
import type { Ready } from "../src/index.ts";
import { nodeId } from "./core-cluster.ts";
import { LoneCore } from "./lone-core.ts";
import { append, at, entry, refused } from "./messages.ts";

const MAX = LIMITS.appendEntriesMax;
const MANY = 2 * MAX + 3;

function entriesFrom(from: number, count: number, term: number): LogEntry[] {
  return Array.from({ length: count }, (_, position) => entry(from + position, term));
}

describe("R14: more small entries than one write or one message takes", () => {
  it("are handed to the log in writes of at most that many, in order", () => {
    const writes: number[][] = [];
    const node = new LoneCore({
      count: 1,
      onReady: ({ write }: Ready) => {
        if (write !== undefined && write.entries.length > 0) writes.push(write.entries.map(({ index }) => index));
      },
    });
    writes.length = 0;
    for (let at = 0; at < MANY; at++) node.core.propose(Buffer.from("x"));
    node.drain();
    expect(writes.map(({ length }) => length)).toEqual([MAX, MAX, 3]);
    expect(writes.flat()).toEqual(Array.from({ length: MANY }, (_, at) => at + 2));
    expect(node.status.commitIndex).toBe(MANY + 1);
  });

  it("are acknowledged by a follower only when the last of them is durable", () => {
    const node = new LoneCore({ term: 1, entries: [entry(1, 1)] });
    node.disk = "held";
    // Both messages arrive in one turn, so that what is pending is more than a write takes.
    node.core.step(nodeId(2), append(1, at(1, 1), entriesFrom(2, MAX, 1)), node.nowMs);
    node.core.step(nodeId(2), append(1, at(MAX + 1, 1), entriesFrom(MAX + 2, 5, 1)), node.nowMs);
    node.drain();
    expect(node.writes).toHaveLength(2);
    node.storeOne();
    expect(node.sentOf("appendReply")).toEqual([]);
    node.storeOne();
    expect(node.sentOf("appendReply").map(({ index }) => index)).toEqual([MAX + 1, MAX + 6]);
  });

  it("do not make a node call committed what a crash between two of the writes takes away", () => {
    const node = new LoneCore({ term: 1, entries: [entry(1, 1)] });
    node.disk = "held";
    node.core.step(nodeId(2), append(2, at(1, 1), entriesFrom(2, MAX, 2), 1), node.nowMs);
    node.core.step(nodeId(2), append(2, at(MAX + 1, 2), entriesFrom(MAX + 2, 5, 2), MAX + 6), node.nowMs);
    node.drain();
    node.storeOne();
    node.restart();
    expect(node.hardState).toMatchObject({ term: 2, commit: MAX + 1 });
    expect(node.status).toMatchObject({ term: 2, lastIndex: MAX + 1, commitIndex: MAX + 1 });
  });

  it("reach a follower that lacks them all in messages of at most that many", () => {
    const node = new LoneCore({ count: 2, entries: entriesFrom(1, MANY, 1) });
    node.toLeader();
    const [probe] = node.sentOf("append", 2);
    node.clear();
    node.receive(2, refused(node.status.term, probe!.prev.index, at(0, 0)));
    const sent = node.sentOf("append", 2);
    expect(Math.max(...sent.map(({ entries }) => entries.length))).toBe(MAX);
    for (const { entries } of sent) expect(entries.length).toBeLessThanOrEqual(MAX);
  });
});
