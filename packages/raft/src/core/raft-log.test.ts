import { ENTRY_KIND, type LogEntry } from "@dister/types";
import { MemoryLogStore } from "@dister/types/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RaftLog } from "./raft-log.ts";

function entry(index: number, term: number, bytes = 1): LogEntry {
  return { index, term, r: 0, kind: ENTRY_KIND.command, payload: new Uint8Array(bytes) };
}

function entries(from: number, ...terms: number[]): LogEntry[] {
  return terms.map((term, i) => entry(from + i, term));
}

/** A log over a store whose writes become durable when the test says so. */
class Bench {
  readonly store = new MemoryLogStore();
  readonly log: RaftLog;
  seq = 0;

  constructor(terms: readonly number[] = [], base = { index: 0, term: 0 }) {
    void this.store.reset(base);
    void this.store.append({ entries: entries(base.index + 1, ...terms) });
    this.log = new RaftLog(this.store);
    this.store.hold();
  }

  /** Hands over what is pending, as the loop does. */
  write(): number {
    const seq = ++this.seq;
    void this.store.append({ entries: this.log.handOver(seq) });
    return seq;
  }

  get terms(): number[] {
    return this.log.slice(this.log.firstIndex, this.log.lastIndex, 1e9).map(({ term }) => term);
  }
}

describe("RaftLog", () => {
  it("shows what is stored, under way and pending as one log", () => {
    const made = new Bench([1, 1]);
    made.log.append(entries(3, 2));
    made.write();
    made.log.append(entries(4, 3, 3));
    expect(made.terms).toEqual([1, 1, 2, 3, 3]);
    expect(made.log.last).toEqual({ index: 5, term: 3 });
    expect([0, 1, 3, 4, 5, 6].map((index) => made.log.termAt(index))).toEqual([0, 1, 2, 3, 3, undefined]);
    expect(made.log.durableIndex).toBe(2);
  });

  it("R8: durable is only what was reported, in the order of the writes", () => {
    const bench = new Bench();
    bench.log.append(entries(1, 1));
    const first = bench.write();
    bench.log.append(entries(2, 1));
    const second = bench.write();
    expect(() => new RaftLog(bench.store).stored(1)).toThrow("invariant broken");
    bench.log.stored(first);
    expect(bench.log.durableIndex).toBe(1);
    bench.log.stored(second);
    expect(bench.log.durableIndex).toBe(2);
  });

  it("R9: an acknowledgement of A after A was replaced by B and by A again proves nothing (A-B-A)", () => {
    const bench = new Bench();
    bench.log.append(entries(1, 1, 1, 1));
    const a = bench.write();
    bench.log.append(entries(1, 2));
    const b = bench.write();
    bench.log.append(entries(1, 1, 1, 1));
    const again = bench.write();
    bench.log.stored(a);
    expect(bench.log.durableIndex).toBe(0);
    bench.log.stored(b);
    expect(bench.log.durableIndex).toBe(0);
    bench.log.stored(again);
    expect(bench.log.durableIndex).toBe(3);
  });

  it("R9: of a write whose tail was replaced only the rest counts, also when the replacement is still pending", () => {
    const bench = new Bench();
    bench.log.append(entries(1, 1, 1, 1, 1));
    const first = bench.write();
    bench.log.append(entries(3, 2, 2, 2));
    bench.log.stored(first);
    expect(bench.log.durableIndex).toBe(2);
    bench.log.stored(bench.write());
    expect(bench.log.durableIndex).toBe(5);
  });

  it("R9: replacing what was durable takes it back", () => {
    const bench = new Bench([1, 1, 1]);
    bench.log.append(entries(2, 2));
    expect(bench.log.durableIndex).toBe(1);
    expect(bench.terms).toEqual([1, 2]);
    bench.log.append(entries(3, 2));
    expect(bench.terms).toEqual([1, 2, 2]);
  });

  it("pending entries are replaced in their middle", () => {
    const bench = new Bench([1]);
    bench.log.append(entries(2, 1, 1, 1));
    bench.log.append(entries(3, 2));
    expect(bench.terms).toEqual([1, 1, 2]);
  });

  it("a gap, and anything at or below the base, breaks an invariant", () => {
    const bench = new Bench([2, 2], { index: 5, term: 1 });
    expect(() => bench.log.append(entries(9, 2))).toThrow("invariant broken");
    expect(() => bench.log.append(entries(5, 2))).toThrow("invariant broken");
    bench.log.append([]);
    expect(bench.log.hasPending).toBe(false);
  });

  it("slices hold as many bytes as asked, one entry at least, over the border of stored and pending", () => {
    const bench = new Bench();
    bench.log.append([entry(1, 1, 10), entry(2, 1, 10)]);
    bench.write();
    bench.log.append([entry(3, 1, 10), entry(4, 1, 10)]);
    const indexes = (from: number, to: number, bytes: number): number[] =>
      bench.log.slice(from, to, bytes).map(({ index }) => index);
    expect(indexes(1, 4, 1_000)).toEqual([1, 2, 3, 4]);
    expect(indexes(1, 4, 10)).toEqual([1]);
    expect(indexes(1, 4, 1)).toEqual([1]);
    expect(indexes(1, 4, 25)).toEqual([1, 2]);
    expect(indexes(2, 4, 30)).toEqual([2, 3, 4]);
    expect(indexes(3, 3, 30)).toEqual([3]);
    expect(indexes(5, 4, 30)).toEqual([]);
  });

  it("E2: compares the ends of two logs by term, then by index", () => {
    const { log } = new Bench([1, 3, 3]);
    const upToDate = (index: number, term: number): boolean => log.isUpToDate({ index, term });
    expect([upToDate(3, 3), upToDate(2, 3), upToDate(9, 2), upToDate(1, 4)]).toEqual([true, false, false, true]);
  });

  it("R3: finds the last index of at most a term, never below the base", () => {
    const { log } = new Bench([2, 4, 4], { index: 5, term: 2 });
    expect(log.lastIndexOfTermAtMost(8, 4)).toEqual({ index: 8, term: 4 });
    expect(log.lastIndexOfTermAtMost(99, 3)).toEqual({ index: 6, term: 2 });
    expect(log.lastIndexOfTermAtMost(8, 1)).toEqual({ index: 5, term: 2 });
  });

  it("S2: a reset while entries are under way breaks an invariant; one of a hard state alone does not", () => {
    const bench = new Bench([1]);
    bench.log.append(entries(2, 1));
    bench.write();
    expect(() => bench.log.resetTo({ index: 9, term: 1 })).toThrow("invariant broken");
    const other = new Bench([1]);
    const seq = other.write();
    void other.store.reset({ index: 9, term: 1 });
    other.log.resetTo({ index: 9, term: 1 });
    other.log.stored(seq);
    expect(other.log.durableIndex).toBe(9);
  });

  it("R9: whatever is appended, replaced and stored, only durable entries count (against a naive log)", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("append" as const), back: fc.nat(3), count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant("write" as const) }),
      fc.record({ kind: fc.constant("stored" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bench = new Bench();
        // The naive log numbers every entry ever made; an index is durable when that very entry was stored.
        let made: number[] = [];
        const durable = new Set<number>();
        const underWay: { seq: number; serials: number[] }[] = [];
        let serial = 0;
        let fresh: number[] = [];
        for (const each of steps) {
          if (each.kind === "append") {
            const from = Math.max(1, bench.log.lastIndex + 1 - each.back);
            const added = Array.from({ length: each.count }, () => ++serial);
            bench.log.append(added.map((term, i) => entry(from + i, term)));
            made = [...made.slice(0, from - 1), ...added];
            fresh.push(...added);
          } else if (each.kind === "write") {
            underWay.push({ seq: bench.write(), serials: fresh });
            fresh = [];
          } else {
            const done = underWay.shift();
            if (done === undefined) continue;
            bench.log.stored(done.seq);
            for (const one of done.serials) durable.add(one);
          }
          expect(bench.terms).toEqual(made);
          let expected = 0;
          while (expected < made.length && durable.has(made[expected]!)) expected++;
          expect(bench.log.durableIndex).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  });
});
