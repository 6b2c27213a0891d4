import { SeededRng } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import { observersOf } from "./observers.ts";

const IDS = ["A1", "B2", "C3", "D4", "E5", "F6", "G7"];
const keys = Array.from({ length: 500 }, (_, n) => `shop/10.0.${n >> 8}.${n & 255}:80`);
const judged = (key: string, type: "tcp" | "ttl" = "tcp") => ({ key, type });

describe("who judges an instance", () => {
  it("is the leader alone with one observer, nobody while nobody leads", () => {
    expect(observersOf(judged("a/b"), { members: IDS, leader: "C3", observers: 1 })).toEqual(["C3"]);
    expect(observersOf(judged("a/b"), { members: IDS, leader: null, observers: 1 })).toEqual([]);
  });

  it("is the same for every member, in whatever order it knows the others, and whoever it takes for the leader", () => {
    const rng = new SeededRng(3);
    for (const key of keys) {
      const wanted = observersOf(judged(key), { members: IDS, leader: "A1", observers: 3 });
      const shuffled = IDS.map((id) => [rng.next(), id] as const).sort(([a], [b]) => a - b);
      const members = shuffled.map(([, id]) => id);
      expect(observersOf(judged(key), { members, leader: null, observers: 3 })).toEqual(wanted);
      expect(new Set(wanted).size).toBe(3);
    }
  });

  it("is every member when there are fewer than observers are wanted", () => {
    const observers = observersOf(judged("a/b"), { members: ["A1", "B2"], leader: "A1", observers: 5 });
    expect(observers.sort()).toEqual(["A1", "B2"]);
    expect(observersOf(judged("a/b"), { members: [], leader: null, observers: 5 })).toEqual([]);
  });

  it("is always the leader for applications that report to it", () => {
    expect(observersOf(judged("a/b", "ttl"), { members: IDS, leader: "G7", observers: 3 })).toEqual(["G7"]);
    expect(observersOf(judged("a/b", "ttl"), { members: IDS, leader: null, observers: 3 })).toEqual([]);
  });

  it("stays but for one place where a member goes, and is shared out evenly", () => {
    const load = new Map(IDS.map((id) => [id, 0]));
    for (const key of keys) {
      const before = observersOf(judged(key), { members: IDS, leader: "A1", observers: 3 });
      for (const id of before) load.set(id, load.get(id)! + 1);
      const after = observersOf(judged(key), { members: IDS.filter((id) => id !== "D4"), leader: "A1", observers: 3 });
      const left = before.filter((id) => id !== "D4");
      expect(after.filter((id) => before.includes(id))).toEqual(left);
      expect(after).toHaveLength(3);
    }
    const fair = (keys.length * 3) / IDS.length;
    for (const count of load.values()) expect(Math.abs(count - fair)).toBeLessThan(fair * 0.3);
  });
});
