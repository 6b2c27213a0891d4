import type { LogFields, Logger } from "@dister/types";
import { ManualClock } from "@dister/types/testing";
import { beforeEach, expect, it } from "vitest";
import { SlownessWatch } from "./slowness-watch.ts";

let clock: ManualClock;
let lines: [string, LogFields | undefined][];
let watch: SlownessWatch;
const disk = { waitingMs: 0 };

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  const line = (message: string, fields?: LogFields): void => void lines.push([message, fields]);
  const logger: Logger = { debug: line, info: line, warn: line, error: line, child: () => logger };
  watch = new SlownessWatch({ clock, logger });
  disk.waitingMs = 0;
});

it("says nothing of a disk that is quick and a process that is on time", () => {
  watch.start(disk);
  for (let i = 0; i < 1_000; i++) watch.stored({ durationMs: 5, entryCount: 1 });
  clock.advance(60_000);
  expect(lines).toEqual([]);
  watch.stop();
  expect(clock.pending).toBe(0);
});

it("tells a slow write once in ten seconds, with the number of those it passed over", () => {
  for (let i = 0; i < 500; i++) watch.stored({ durationMs: 150, entryCount: 2 });
  expect(lines).toEqual([
    ["a write to the log was slow", { durationMs: 150, entryCount: 2, thresholdMs: 100, leftOut: 0 }],
  ]);
  clock.advance(10_000);
  watch.stored({ durationMs: 100, entryCount: 1 });
  expect(lines[1]?.[1]).toEqual({ durationMs: 100, entryCount: 1, thresholdMs: 100, leftOut: 499 });
});

it("tells a write that hangs before it ends, again and again while it does, not oftener than every ten seconds", () => {
  watch.start(disk);
  disk.waitingMs = 1_500;
  clock.advance(35_000);
  expect(lines.map(([message]) => message)).toEqual(Array.from({ length: 4 }, () => "the disk does not answer"));
});

it("tells how late the process was when it comes back", () => {
  const late = new (class extends ManualClock {
    skippedMs = 0;
    override nowMs(): number {
      return super.nowMs() + this.skippedMs;
    }
  })();
  const told: unknown[] = [];
  const line = (message: string, fields?: LogFields): void => void told.push(message, fields);
  const logger: Logger = { debug: line, info: line, warn: line, error: line, child: () => logger };
  new SlownessWatch({ clock: late, logger }).start(disk);
  late.skippedMs = 3_000; // As after a pause: the time is gone, and the timer fires when the process runs again.
  late.advance(250);
  expect(told).toEqual(["the process was late", { lateMs: 3_000, thresholdMs: 250, leftOut: 0 }]);
});
