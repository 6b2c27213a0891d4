import { type ChangeEvent, LIMITS, NO_LOGGER } from "@dister/types";
import { describe, expect, test } from "vitest";
import { ChangeFeed } from "./change-feed.ts";

function event(logId: number, key = "a", value = "1"): ChangeEvent {
  return { type: "kv", logId, key, record: { key, value, createIndex: 1, modifyIndex: 1, version: 1 } };
}

const idsOf = (feed: ChangeFeed, from: number, limit = 100) => {
  const changes = feed.since(from, limit);
  return changes.compacted ? `compacted to ${changes.oldestLogId}` : changes.events.map(({ logId }) => logId);
};

describe("changes behind a log id", () => {
  test("are those of later entries, up to what was applied last", () => {
    const feed = new ChangeFeed(NO_LOGGER, 10);
    feed.publish([event(20), event(30)], 35);
    expect(feed.since(10, 100)).toEqual({ compacted: false, events: [event(20), event(30)], throughLogId: 35 });
    expect(feed.since(20, 100)).toEqual({ compacted: false, events: [event(30)], throughLogId: 35 });
    expect(feed.since(30, 100)).toEqual({ compacted: false, events: [], throughLogId: 35 });
  });

  test("from before the beginning are compacted, never an empty answer", () => {
    const feed = new ChangeFeed(NO_LOGGER, 10);
    expect(idsOf(feed, 9)).toBe("compacted to 10");
    expect(idsOf(feed, 10)).toEqual([]);
  });

  test("of a log id that lies ahead are none yet, and it is not taken back", () => {
    const feed = new ChangeFeed(NO_LOGGER, 10);
    expect(feed.since(50, 10)).toEqual({ compacted: false, events: [], throughLogId: 50 });
  });

  test("come in portions that never cut an entry apart, so that the next log id misses nothing", () => {
    const feed = new ChangeFeed(NO_LOGGER, 0);
    feed.publish([event(10, "a"), event(10, "b"), event(10, "c"), event(20), event(30)], 30);
    expect(feed.since(0, 1)).toMatchObject({ throughLogId: 10, events: { length: 3 } });
    expect(feed.since(10, 1)).toMatchObject({ throughLogId: 20, events: { length: 1 } });
    expect(feed.since(0, 4)).toMatchObject({ throughLogId: 20, events: { length: 4 } });
    expect(feed.since(0, 5)).toMatchObject({ throughLogId: 30, events: { length: 5 } });
    feed.publish([event(40, "a"), event(40, "b")], 40);
    expect(feed.since(20, 2)).toMatchObject({ throughLogId: 30, events: { length: 1 } });
  });
});

describe("the history", () => {
  test("is bounded in events, and drops whole entries", () => {
    const feed = new ChangeFeed(NO_LOGGER, 0);
    feed.publish([event(10, "a"), event(10, "b")], 10);
    for (let logId = 11; logId < 11 + LIMITS.changesKeptMax - 2; logId++) feed.publish([event(logId)], logId);
    expect(idsOf(feed, 0, 3)).toEqual([10, 10, 11]);
    feed.publish([event(50_000)], 50_000);
    expect(idsOf(feed, 0)).toBe("compacted to 10");
    expect(idsOf(feed, 10, 2)).toEqual([11, 12]);
    expect(idsOf(feed, 10, 100_000)).toHaveLength(LIMITS.changesKeptMax - 1);
  });

  test("is bounded in size: large values push out what many small ones would not", () => {
    const feed = new ChangeFeed(NO_LOGGER, 0);
    const large = "x".repeat(LIMITS.valueBytesMax);
    for (let logId = 1; logId <= 40; logId++) feed.publish([event(logId, "a", large)], logId);
    expect(idsOf(feed, 0)).toBe("compacted to 9");
    expect(idsOf(feed, 9)).toHaveLength(31);
  });

  test("begins anew with a reset, which is told once to those who listen for it", () => {
    const feed = new ChangeFeed(NO_LOGGER, 0);
    const told: number[] = [];
    const stop = feed.listenReset((logId) => told.push(logId));
    feed.listenReset(() => {
      throw new Error("a listener's own trouble");
    });
    feed.publish([event(10)], 10);
    feed.reset(70);
    expect(idsOf(feed, 10)).toBe("compacted to 70");
    expect(idsOf(feed, 70)).toEqual([]);
    stop();
    feed.reset(80);
    expect(told).toEqual([70]);
  });
});
