import { NO_LOGGER, STATUS } from "@dister/types";
import { ManualClock, SeededRng } from "@dister/types/testing";
import { describe, expect, test } from "vitest";
import { down, scene, settled, targetOf, up } from "../test/scheduler-scene.ts";
import { CheckScheduler } from "./check-scheduler.ts";

const { alive, dead } = STATUS;

describe("when checks run", () => {
  test("a target is checked at its start and then every interval, counted from start to start", async () => {
    const { scheduler, started, advance } = scene();
    scheduler.update([targetOf("a")]);
    expect(started).toHaveLength(0);
    await advance(0);
    await advance(300);
    await started[0]!.end(up);
    await advance(700);
    await started[1]!.end(up);
    await advance(1_000);
    expect(started.map(({ atMs }) => atMs)).toEqual([0, 1_000, 2_000]);
  });

  test("first checks are spread over the interval or the spread, whichever is shorter", async () => {
    const { scheduler, started, advance } = scene({ startSpreadMs: 2_000, answer: () => up });
    const many = (prefix: string, intervalMs: number) =>
      Array.from({ length: 200 }, (_, n) => targetOf(prefix + n, { intervalMs }));
    scheduler.update([...many("short", 500), ...many("long", 86_400_000)]);
    for (let ms = 0; ms <= 2_000; ms += 50) await advance(50);
    const first = new Map<string, number>();
    for (const { target, atMs } of started) if (!first.has(target.key)) first.set(target.key, atMs);
    expect(first.size).toBe(400);
    for (const [prefix, limitMs] of [
      ["short", 500],
      ["long", 2_000],
    ] as const) {
      const times = [...first].filter(([key]) => key.startsWith(prefix)).map(([, atMs]) => atMs);
      expect(Math.max(...times)).toBeLessThan(limitMs);
      for (const quarter of [0, 1, 2, 3]) {
        const inside = times.filter((atMs) => Math.floor((atMs * 4) / limitMs) === quarter).length;
        expect(inside).toBeGreaterThan(20);
      }
    }
  });

  test("there are never two checks of one target at once: what is due meanwhile is left out", async () => {
    const { scheduler, started, advance } = scene();
    scheduler.update([targetOf("a", { timeoutMs: 10_000 })]);
    await advance(3_500);
    expect(started).toHaveLength(1);
    await started[0]!.end(up);
    expect(started).toHaveLength(1);
    await advance(500);
    expect(started.map(({ atMs }) => atMs)).toEqual([0, 4_000]);
  });

  test("after a pause of the process the rhythm goes on without making up for what was missed", async () => {
    const { clock, scheduler, started, advance } = scene({ answer: () => up });
    scheduler.update([targetOf("a")]);
    await advance(0);
    const timer = clock.setTimer.bind(clock);
    // A pause: the timer that was to fire at 1,000 fires at 5,300 only.
    clock.setTimer = (delayMs, fire) => timer(delayMs === 1_000 ? 4_300 : delayMs, fire);
    await advance(1_000);
    expect(started).toHaveLength(2);
    let timersMade = 0;
    clock.setTimer = (delayMs, fire) => {
      timersMade += 1;
      return timer(delayMs, fire);
    };
    await advance(4_300);
    // One for the next check and one for the limit of this one; none for those that were missed.
    expect(timersMade).toBe(2);
    expect(started.map(({ atMs }) => atMs)).toEqual([0, 1_000, 5_300]);
    await advance(1_700);
    expect(started.map(({ atMs }) => atMs).slice(3)).toEqual([6_000, 7_000]);
  });

  test("no more than the limit run at once, and the waiting get their turn in the order of their times", async () => {
    const { scheduler, started, advance } = scene({ checksAtOnceMax: 2 });
    const keys = ["a", "b", "c", "d", "e"];
    scheduler.update(keys.map((key) => targetOf(key, { timeoutMs: 100_000 })));
    await advance(0);
    expect(scheduler.counts()).toEqual({ targets: 5, running: 2, waiting: 3 });
    // Due again and again while they wait: that gains nobody a second place in the row.
    await advance(3_000);
    expect(scheduler.counts()).toEqual({ targets: 5, running: 2, waiting: 3 });
    for (let n = 0; n < 5; n++) {
      expect(scheduler.counts().running).toBeLessThanOrEqual(2);
      await started[n]!.end(up);
    }
    expect(started.map(({ target }) => target.key)).toEqual(keys);
    expect(scheduler.counts()).toEqual({ targets: 5, running: 0, waiting: 0 });
  });
});

describe("what is decided", () => {
  test("a status is told when results in a row decide another than the one in force", async () => {
    const results = [down, up, down, down];
    const { scheduler, decisions, advance } = scene({ answer: () => results.shift()! });
    scheduler.update([targetOf("a", { definedIndex: 42 })]);
    await advance(0);
    await advance(1_000);
    await advance(1_000);
    expect(decisions).toEqual([]);
    await advance(1_000);
    expect(decisions).toEqual([{ key: "a", definedIndex: 42, status: dead, output: "down" }]);
  });

  test("results that agree with the status in force are never told", async () => {
    const { scheduler, decisions, advance } = scene({ answer: ({ key }) => (key === "up" ? up : down) });
    scheduler.update([targetOf("up"), targetOf("down", { status: dead })]);
    for (let n = 0; n < 10; n++) await advance(1_000);
    expect(decisions).toEqual([]);
  });

  test("a decision is told again with every check until it is in force, and then no more", async () => {
    const { scheduler, decisions, advance } = scene({ answer: () => up });
    scheduler.update([targetOf("a", { status: dead })]);
    await advance(0);
    await advance(1_000);
    expect(decisions.map(({ status }) => status)).toEqual([alive, alive]);
    scheduler.update([targetOf("a", { status: alive })]);
    await advance(2_000);
    expect(decisions).toHaveLength(2);
  });

  test("a status that somebody else put in force is corrected by the next check", async () => {
    const { scheduler, decisions, advance } = scene({ answer: () => up });
    scheduler.update([targetOf("a")]);
    await advance(0);
    scheduler.update([targetOf("a", { status: dead })]);
    expect(decisions).toEqual([]);
    await advance(1_000);
    expect(decisions).toEqual([{ key: "a", definedIndex: 1, status: alive, output: "up" }]);
  });

  test("a check that takes longer than its timeout is aborted and counted as a failure, once", async () => {
    const { scheduler, started, decisions, advance } = scene();
    scheduler.update([targetOf("a", { fall: 1 })]);
    await advance(399);
    expect(started[0]!.signal.aborted).toBe(false);
    await advance(1);
    expect(started[0]!.signal.aborted).toBe(true);
    expect(decisions).toEqual([{ key: "a", definedIndex: 1, status: dead, output: "timed out after 400 ms" }]);
    await started[0]!.end(up);
    expect(decisions).toHaveLength(1);
  });

  test("what a check finds after its timeout is not counted on top", async () => {
    const { scheduler, started, decisions, advance } = scene();
    scheduler.update([targetOf("a", { fall: 2 })]);
    await advance(400);
    await started[0]!.end(down);
    expect(decisions).toEqual([]);
  });

  test("a prober that never ends keeps its place and lets its target fail at every interval", async () => {
    const { scheduler, started, decisions, advance } = scene();
    scheduler.update([targetOf("a", { fall: 3 })]);
    await advance(1_000);
    expect(decisions).toEqual([]);
    await advance(1_000);
    expect(decisions.map(({ status, output }) => [status, output])).toEqual([[dead, "the check before has not ended"]]);
    expect(started).toHaveLength(1);
    await started[0]!.end(down);
    await advance(1_000);
    expect(started).toHaveLength(2);
  });

  test("a prober that rejects counts as a failure, is logged, and the checks go on", async () => {
    const { scheduler, started, decisions, errors, advance } = scene();
    scheduler.update([targetOf("a", { fall: 1 })]);
    await advance(0);
    await started[0]!.fail(new Error("s3cret"));
    expect(decisions.map(({ output }) => output)).toEqual(["the check could not be run"]);
    expect(errors).toEqual(["a prober failed"]);
    await advance(1_000);
    expect(started).toHaveLength(2);
  });

  test("a listener that throws is logged and does not stop the checks of others", async () => {
    const clock = new ManualClock();
    const errors: string[] = [];
    const checked: string[] = [];
    const scheduler = new CheckScheduler(
      {
        clock,
        rng: new SeededRng(1),
        logger: { ...NO_LOGGER, error: (message) => errors.push(message) },
        prober: async ({ key }) => {
          checked.push(key);
          return up;
        },
        onChange: () => {
          throw new Error("no");
        },
      },
      { startSpreadMs: 0, checksAtOnceMax: 1 },
    );
    scheduler.update([targetOf("a", { status: dead }), targetOf("b", { status: dead })]);
    clock.advance(0);
    await settled();
    await settled();
    expect(checked).toEqual(["a", "b"]);
    expect(errors).toHaveLength(2);
  });
});

describe("when the list changes", () => {
  test("an unchanged target keeps its counters and its rhythm", async () => {
    const { scheduler, started, decisions, advance } = scene({ answer: () => down });
    scheduler.update([targetOf("a")]);
    await advance(0);
    await advance(600);
    scheduler.update([targetOf("b"), targetOf("a")]);
    await advance(400);
    expect(started.filter(({ target }) => target.key === "a").map(({ atMs }) => atMs)).toEqual([0, 1_000]);
    expect(decisions.map(({ key }) => key)).toEqual(["a"]);
  });

  test.each([
    ["definedIndex", { definedIndex: 2 }],
    ["fall", { fall: 3 }],
    ["rise", { rise: 2 }],
    ["intervalMs", { intervalMs: 1_100 }],
    ["timeoutMs", { timeoutMs: 500 }],
  ])(
    "a target with another %s starts anew: old counters and the check under way mean nothing",
    async (_field, fields) => {
      const { scheduler, started, decisions, advance } = scene();
      scheduler.update([targetOf("a")]);
      await advance(0);
      await started[0]!.end(down);
      await advance(1_000);
      scheduler.update([targetOf("a", fields)]);
      expect(started[1]!.signal.aborted).toBe(true);
      await started[1]!.end(down);
      await advance(0);
      await started[2]!.end(down);
      expect(decisions).toEqual([]);
    },
  );

  test("a new definition waits for the check of the old one to end", async () => {
    const { scheduler, started, advance } = scene();
    scheduler.update([targetOf("a")]);
    await advance(0);
    scheduler.update([targetOf("a", { definedIndex: 2 })]);
    await advance(0);
    expect(started).toHaveLength(1);
    await started[0]!.end(up);
    expect(started.map(({ target }) => target.definedIndex)).toEqual([1, 2]);
  });

  test("a new definition whose old check never ends fails instead of staying as it was", async () => {
    const { scheduler, decisions, advance } = scene();
    scheduler.update([targetOf("a")]);
    await advance(0);
    scheduler.update([]);
    scheduler.update([targetOf("a", { definedIndex: 2, fall: 1 })]);
    await advance(1_000);
    expect(decisions).toEqual([{ key: "a", definedIndex: 2, status: dead, output: "the check before has not ended" }]);
  });

  test("a target that is gone is aborted, checked no more, and what it finds is not told", async () => {
    const { clock, scheduler, started, decisions, advance } = scene();
    scheduler.update([targetOf("a", { fall: 1 }), targetOf("b", { status: dead })]);
    await advance(0);
    scheduler.update([]);
    expect(started.every(({ signal }) => signal.aborted)).toBe(true);
    expect(clock.pending).toBe(0);
    await started[0]!.end(down);
    await started[1]!.fail(new Error("aborted"));
    await advance(10_000);
    expect(started).toHaveLength(2);
    expect(decisions).toEqual([]);
    expect(scheduler.counts()).toEqual({ targets: 0, running: 0, waiting: 0 });
  });

  test("one that waits for a place and goes is not checked", async () => {
    const { scheduler, started, advance } = scene({ checksAtOnceMax: 1 });
    scheduler.update([targetOf("a"), targetOf("b")]);
    await advance(0);
    scheduler.update([targetOf("a")]);
    await started[0]!.end(up);
    await advance(0);
    expect(started.map(({ target }) => target.key)).toEqual(["a"]);
  });

  test.each([
    ["an interval too short", targetOf("x", { intervalMs: 99 }), "targets.1.intervalMs"],
    ["an interval that is no number", targetOf("x", { intervalMs: Number.NaN }), "targets.1.intervalMs"],
    ["an interval too long", targetOf("x", { intervalMs: Number.POSITIVE_INFINITY }), "targets.1.intervalMs"],
    ["a timeout of 0", targetOf("x", { timeoutMs: 0 }), "targets.1.timeoutMs"],
    ["a rise of 0", targetOf("x", { rise: 0 }), "targets.1.rise"],
    ["a fall of 0.5", targetOf("x", { fall: 0.5 }), "targets.1.fall"],
    ["a key that comes twice", targetOf("ok"), "targets.1.key"],
  ])("X13 %s is refused by name, and the old list stays in force", async (_what, target, field) => {
    const { scheduler, started, advance } = scene({ answer: () => up });
    scheduler.update([targetOf("old")]);
    expect(() => scheduler.update([targetOf("ok"), target])).toThrow(field);
    await advance(0);
    expect(started.map(({ target: { key } }) => key)).toEqual(["old"]);
  });
});

describe("when it stops", () => {
  test("everything is cancelled and nothing is told any more", async () => {
    const { clock, scheduler, started, decisions, advance } = scene({ checksAtOnceMax: 2 });
    scheduler.update(["a", "b", "c"].map((key) => targetOf(key, { fall: 1 })));
    await advance(0);
    scheduler.stop();
    expect(clock.pending).toBe(0);
    expect(started.every(({ signal }) => signal.aborted)).toBe(true);
    await started[0]!.end(down);
    await started[1]!.fail(new Error("aborted"));
    await advance(10_000);
    expect(decisions).toEqual([]);
    expect(started).toHaveLength(2);
    expect(() => scheduler.update([])).toThrow("has stopped");
  });

  test("it may be stopped by the listener, from inside a decision", async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const scheduler: CheckScheduler = new CheckScheduler(
      {
        clock,
        rng: new SeededRng(1),
        logger: NO_LOGGER,
        prober: async () => up,
        onChange: ({ key }) => {
          told.push(key);
          scheduler.stop();
        },
      },
      { startSpreadMs: 0 },
    );
    scheduler.update(["a", "b", "c"].map((key) => targetOf(key, { status: dead })));
    clock.advance(0);
    await settled();
    clock.advance(10_000);
    await settled();
    expect(told).toEqual(["a"]);
    expect(clock.pending).toBe(0);
  });
});

test.each([0, -1, 1.5, Number.NaN])("a limit of %s checks at once is refused", (checksAtOnceMax) => {
  expect(() => scene({ checksAtOnceMax })).toThrow("checksAtOnceMax");
});
