import { STATUS } from "@dister/types";
import { describe, expect, test } from "vitest";
import { down, scene, targetOf, up } from "../test/scheduler-scene.ts";
import type { CheckTarget } from "./check-target.ts";

const { alive, dead } = STATUS;

describe("a target whose status nobody knows", () => {
  test("is unknown until rise successes or fall failures in a row decide, and that is told", async () => {
    const results = [down, up, up, down, down];
    const { scheduler, decisions, advance } = scene({ answer: () => results.shift() ?? down });
    scheduler.update([targetOf("a", { status: null, rise: 3, fall: 2 })]);
    expect(scheduler.report("a")).toEqual({ state: "unknown", output: undefined, latencyMs: undefined, checks: 0 });
    for (const ms of [0, 1_000, 1_000, 1_000]) await advance(ms);
    expect(scheduler.report("a")).toMatchObject({ state: "unknown", output: "down", checks: 4 });
    expect(decisions).toEqual([]);
    await advance(1_000);
    expect(decisions.map(({ status }) => status)).toEqual([dead]);
    expect(scheduler.report("a")).toMatchObject({ state: "dead", checks: 5 });
  });

  test("one with a status in force is unknown in the report until its first check", async () => {
    const { scheduler, advance } = scene({ answer: () => up });
    scheduler.update([targetOf("a", { status: alive })]);
    expect(scheduler.report("a")?.state).toBe("unknown");
    await advance(0);
    expect(scheduler.report("a")?.state).toBe("alive");
    expect(scheduler.report("b")).toBeUndefined();
  });
});

describe("a target that is believed alive", () => {
  test("is unknown until a check says so too, or enough say the contrary; each is told", async () => {
    const results = [down, down, up, down, down, down];
    const states: (string | undefined)[] = [];
    const { scheduler, advance } = scene({
      answer: () => results.shift() ?? down,
      onState: () => states.push(scheduler.report("a")?.state),
    });
    scheduler.update([targetOf("a", { status: alive, fall: 3 })]);
    for (const ms of [0, 1_000]) await advance(ms);
    expect(states).toEqual(["unknown"]);
    await advance(1_000);
    expect(states).toEqual(["unknown", "alive"]);
    for (const ms of [1_000, 1_000, 1_000]) await advance(ms);
    expect(states).toEqual(["unknown", "alive", "dead"]);
  });
});

describe("a status that comes into force later", () => {
  test("is what is counted from while nothing was found, and changes nothing of what was", async () => {
    const results = [down, up, up, up, up];
    const { scheduler, advance } = scene({ answer: () => results.shift() ?? up });
    scheduler.update([targetOf("a", { status: alive, rise: 3, fall: 2 })]);
    await advance(0);
    scheduler.inForce("a", dead);
    scheduler.inForce("b", dead);
    const states: (string | undefined)[] = [];
    for (const ms of [1_000, 1_000, 1_000]) {
      await advance(ms);
      states.push(scheduler.report("a")?.state);
    }
    expect(states).toEqual(["unknown", "unknown", "alive"]);
    scheduler.inForce("a", dead);
    expect(scheduler.report("a")?.state).toBe("alive");
    await advance(1_000);
    expect(scheduler.report("a")?.state).toBe("alive");
  });

  test("is what decisions are measured by: the same one is none, another one is told again", async () => {
    const results = [down, up, up];
    const { scheduler, decisions, advance } = scene({ answer: () => results.shift() ?? up });
    scheduler.update([targetOf("a", { status: alive, rise: 2 })]);
    scheduler.inForce("a", dead);
    await advance(0);
    expect(decisions).toEqual([]);
    for (const ms of [1_000, 1_000]) await advance(ms);
    expect(decisions.map(({ status }) => status)).toEqual([alive]);
    scheduler.inForce("a", alive);
    await advance(1_000);
    expect(decisions).toHaveLength(1);
    scheduler.inForce("a", dead);
    await advance(1_000);
    expect(decisions.map(({ status }) => status)).toEqual([alive, alive]);
  });
});

describe("the measured latency", () => {
  test("is smoothed over the successful checks, and failures do not count", async () => {
    const results = [10, 20, Number.NaN, 20].map((latencyMs) => ({
      ...(Number.isNaN(latencyMs) ? down : up),
      latencyMs,
    }));
    const { scheduler, advance } = scene({ answer: () => results.shift() ?? down });
    scheduler.update([targetOf("a")]);
    const measured: (number | undefined)[] = [];
    for (const ms of [0, 1_000, 1_000, 1_000]) {
      await advance(ms);
      measured.push(scheduler.report("a")?.latencyMs);
    }
    expect(measured).toEqual([10, 12, 12, 13.6]);
  });
});

describe("damping", () => {
  const flapping = () => {
    let n = 0;
    return scene({ dampingMs: 10_000, answer: () => (n++ % 2 === 0 ? down : up) });
  };

  test("lets one change of a target through in a window, and the last word at its end", async () => {
    const { clock, scheduler, decisions, advance } = flapping();
    const told: [number, number][] = [];
    let status: CheckTarget["status"] = alive;
    const put = (): void => scheduler.update([targetOf("a", { fall: 1, status })]);
    put();
    for (let second = 0; second < 40; second++) {
      await advance(second === 0 ? 0 : 1_000);
      for (const decision of decisions.splice(0)) {
        told.push([clock.nowMs(), decision.status]);
        status = decision.status;
        put();
      }
    }
    const windows = told.map(([atMs]) => atMs);
    expect(told.length).toBeGreaterThan(2);
    for (const [n, atMs] of windows.entries()) if (n > 0) expect(atMs - windows[n - 1]!).toBeGreaterThanOrEqual(10_000);
    expect(told[0]).toEqual([0, dead]);
  });

  test("does not hold back the repetition of a change that got lost", async () => {
    const { scheduler, decisions, advance } = scene({ dampingMs: 10_000, answer: () => down });
    scheduler.update([targetOf("a", { fall: 1 })]);
    await advance(0);
    await advance(1_000);
    expect(decisions.map(({ status }) => status)).toEqual([dead, dead]);
  });
});

describe("lateness", () => {
  test("of a check that waited for a place is counted and told, that of one in time is not", async () => {
    const { scheduler, started, late, advance } = scene({ checksAtOnceMax: 1 });
    scheduler.update([targetOf("a", { timeoutMs: 100_000 }), targetOf("b")]);
    await advance(0);
    expect(scheduler.lateness()).toEqual({ checks: 1, late: 0, worstMs: 0 });
    await advance(1_300);
    await started[0]!.end(up);
    expect(started.map(({ target }) => target.key)).toEqual(["a", "b"]);
    expect(late).toEqual([{ key: "b", lateMs: 1_300 }]);
    expect(scheduler.lateness()).toEqual({ checks: 2, late: 1, worstMs: 1_300 });
  });

  test("of a check behind a timer that fires late is seen too, within the share that is allowed it is not", async () => {
    const { clock, scheduler, late, advance } = scene({ answer: () => up });
    const timer = clock.setTimer.bind(clock);
    clock.setTimer = (delayMs, fire) => timer(delayMs === 1_000 ? 1_200 : delayMs === 800 ? 1_100 : delayMs, fire);
    scheduler.update([targetOf("a")]);
    await advance(0);
    await advance(1_200);
    expect(late).toEqual([]);
    await advance(1_100);
    expect(late).toEqual([{ key: "a", lateMs: 300 }]);
  });
});

describe("jitter", () => {
  test("moves each check by a part of its interval and leaves the rhythm where it was", async () => {
    const { scheduler, started, late, advance } = scene({ jitter: 0.4, answer: () => up });
    scheduler.update([targetOf("a")]);
    for (let ms = 0; ms < 20_000; ms += 50) await advance(50);
    const offsets = started.map(({ atMs }, n) => atMs - n * 1_000);
    expect(offsets.length).toBeGreaterThanOrEqual(19);
    expect(Math.min(...offsets)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...offsets)).toBeLessThanOrEqual(400);
    expect(Math.max(...offsets) - Math.min(...offsets.slice(1))).toBeGreaterThan(200);
    expect(late).toEqual([]);
  });
});

test.each([
  ["checksAtOnceMax", { checksAtOnceMax: 0 }],
  ["startSpreadMs", { startSpreadMs: -1 }],
  ["jitter", { jitter: 0.6 }],
  ["dampingMs", { dampingMs: Number.NaN }],
  ["lateFrom", { lateFrom: 0 }],
])("X13 an option that cannot be meant is refused by name: %s", (name, options) => {
  expect(() => scene(options)).toThrow(`${name}: got`);
});
