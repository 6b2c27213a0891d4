import { describe, expect, it } from "vitest";
import { scheduleOf } from "./schedule.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"];
const minutes = (count: number) => count * 60_000;

describe("the schedule", () => {
  it("is the same for the same seed and another one for another seed", () => {
    const of = (seed: number) => scheduleOf({ seed, totalMs: minutes(10), nemeses: NAMES });
    expect(of(7)).toEqual(of(7));
    expect(of(7)).not.toEqual(of(8));
  });

  it("has every nemesis before any comes again, phases of everything apart", () => {
    for (let seed = 0; seed < 50; seed++) {
      const single = scheduleOf({ seed, totalMs: minutes(10), nemeses: NAMES }).filter(
        ({ nemeses }) => nemeses.length < NAMES.length,
      );
      const order = single.flatMap(({ nemeses }) => nemeses);
      for (let at = 0; at + NAMES.length <= order.length; at += NAMES.length) {
        expect(new Set(order.slice(at, at + NAMES.length)).size).toBeGreaterThanOrEqual(NAMES.length - 2);
      }
      expect(new Set(order)).toEqual(new Set(NAMES));
    }
  });

  it("never has a nemesis twice in one phase", () => {
    for (let seed = 0; seed < 50; seed++) {
      for (const { nemeses } of scheduleOf({ seed, totalMs: minutes(5), nemeses: NAMES })) {
        expect(new Set(nemeses).size).toBe(nemeses.length);
        expect(nemeses.length).toBeGreaterThan(0);
      }
    }
  });

  it("has all of them in a short run too", () => {
    for (let seed = 0; seed < 50; seed++) {
      const phases = scheduleOf({ seed, totalMs: 25_000, nemeses: NAMES });
      expect(new Set(phases.flatMap(({ nemeses }) => nemeses))).toEqual(new Set(NAMES));
    }
  });

  it("takes about as long as it may", () => {
    for (const totalMs of [30_000, minutes(1), minutes(10), minutes(60)]) {
      const phases = scheduleOf({ seed: 1, totalMs, nemeses: NAMES });
      const troubleMs = phases.reduce((sum, phase) => sum + phase.troubleMs, 0);
      expect(troubleMs).toBeLessThan(totalMs);
      expect(troubleMs).toBeGreaterThan(totalMs / 2);
    }
  });

  it("runs everything at once every fifth phase", () => {
    const phases = scheduleOf({ seed: 3, totalMs: minutes(10), nemeses: NAMES });
    expect(phases[4]!.nemeses).toEqual(NAMES);
  });
});
