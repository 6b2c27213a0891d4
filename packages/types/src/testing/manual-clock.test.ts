import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";

describe("the manual clock", () => {
  it("stands still until it is moved, and never goes back", () => {
    const clock = new ManualClock();
    expect(clock.nowMs()).toBe(0);
    clock.advance(1.5);
    clock.advance(0);
    expect(clock.nowMs()).toBe(1.5);
    expect(clock.wallMs()).toBe(1_700_000_000_001);
  });

  it("fires timers in the order of their times, equal ones in the order of their making, each at its own time", () => {
    const clock = new ManualClock();
    const fired: [string, number][] = [];
    const timer = (name: string, delayMs: number): unknown =>
      clock.setTimer(delayMs, () => fired.push([name, clock.nowMs()]));
    timer("late", 30);
    timer("first", 10);
    timer("twin", 10);
    timer("at once", 0);
    timer("before that", -5);
    expect(fired).toEqual([]);
    clock.advance(29);
    expect(fired).toEqual([
      ["at once", 0],
      ["before that", 0],
      ["first", 10],
      ["twin", 10],
    ]);
    clock.advance(1);
    expect(fired.at(-1)).toEqual(["late", 30]);
    expect([clock.nowMs(), clock.pending]).toEqual([30, 0]);
  });

  it("fires a timer that a timer sets, within the same move when it falls due", () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.nowMs());
      if (fired.length < 3) clock.setTimer(10, again);
    };
    clock.setTimer(10, again);
    clock.advance(25);
    expect(fired).toEqual([10, 20]);
    clock.advance(5);
    expect(fired).toEqual([10, 20, 30]);
  });

  it("never calls a timer that was stopped, also by another timer of the same moment", () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const first = clock.setTimer(10, () => {
      fired.push("first");
      second.cancel();
    });
    const second = clock.setTimer(10, () => fired.push("second"));
    clock.advance(10);
    first.cancel();
    second.cancel();
    expect(fired).toEqual(["first"]);
    expect(clock.pending).toBe(0);
  });

  it("moves the wall alone when the wall jumps", () => {
    const clock = new ManualClock();
    let fired = false;
    clock.setTimer(10, () => {
      fired = true;
    });
    clock.jumpWall(-3_600_000);
    expect([clock.nowMs(), clock.wallMs(), fired]).toEqual([0, 1_699_996_400_000, false]);
  });
});
