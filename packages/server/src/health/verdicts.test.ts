import type { Status } from "@dister/types";
import { serviceOf } from "@dister/types/testing";
import { describe, expect, it } from "vitest";
import type { KnownInstance } from "./instances.ts";
import { majorityOf, meanLatencyMs, Verdicts, type Vote } from "./verdicts.ts";

function known(definedIndex = 5): KnownInstance {
  const node = [{ id: "a", host: "h", port: 1 }];
  const [instance] = serviceOf({ name: "web", type: "tcp", node }, { definedIndex }).node;
  return { key: "web/a", service: "web", type: "tcp", instance: instance!, changedMs: 0 };
}
function vote(status: Status | null, more: Partial<Vote> = {}): Vote {
  return { key: "web/a", definedIndex: 5, status, output: "", latencyMs: null, checks: 1, ...more };
}
function heard(...votes: (Status | null)[]): Verdicts {
  const verdicts = new Verdicts();
  for (const [at, status] of votes.entries()) verdicts.take("ABCDE"[at]!, vote(status));
  return verdicts;
}
const majority = (verdicts: Verdicts, instance: KnownInstance, observers: readonly string[]): Status | null =>
  majorityOf(verdicts.of(instance, observers), observers.length);
const of = (count: number): string[] => ["A", "B", "C", "D", "E"].slice(0, count);

describe("the verdict of observers", () => {
  it.each<[string, (Status | null)[], number, Status | null]>([
    ["the only one", [1], 1, 1],
    ["two of three", [0, 1, 0], 3, 0],
    ["two of three, the third not heard", [1, 1], 3, 1],
    ["one of three, the others not heard: it may be the one whose network is broken", [0], 3, null],
    ["one of three, the others undecided", [0, null, null], 3, null],
    ["half of four", [0, 0, 1, 1], 4, null],
    ["half of two", [0, 1], 2, null],
    ["half of four, the others not heard", [0, 0], 4, null],
    ["three of five, heard alone", [0, 0, 0], 5, 0],
    ["nobody", [], 3, null],
    ["nobody is to judge", [0, 0], 0, null],
  ])("is that of more than half of all, not of those that were heard: %s", (_what, votes, count, wanted) => {
    expect(majority(heard(...votes), known(), of(count))).toBe(wanted);
  });

  it("leaves out what was said of an older definition, or of a newer one", () => {
    expect(majority(heard(0, 0, 0), known(6), of(3))).toBeNull();
    expect(majority(heard(0, 0, 0), known(4), of(3))).toBeNull();
    const verdicts = heard(0, 0, 0);
    verdicts.take("A", vote(1, { definedIndex: 6 }));
    expect(verdicts.of(known(6), of(3)).map(([id]) => id)).toEqual(["A"]);
  });

  it("leaves out those who are not to judge", () => {
    expect(majority(heard(0, 0, 1), known(), ["C", "D", "E"])).toBeNull();
  });

  it("changes with what an observer says last", () => {
    const verdicts = heard(0, 0, 1);
    verdicts.take("B", vote(1));
    expect(majority(verdicts, known(), of(3))).toBe(1);
    verdicts.take("B", vote(null));
    expect(majority(verdicts, known(), of(3))).toBeNull();
  });

  it("forgets an observer that fell silent, and nobody else", () => {
    const verdicts = heard(0, 0, 1);
    verdicts.forget("A");
    expect(verdicts.of(known(), of(3)).map(([id]) => id)).toEqual(["B", "C"]);
  });

  it("forgets who was relieved: called again, it counts only when it has checked again", () => {
    const verdicts = heard(1, 1, 0);
    verdicts.keep(() => ["A", "B"]);
    expect(verdicts.of(known(), of(3)).map(([id]) => id)).toEqual(["A", "B"]);
    verdicts.keep(() => []);
    expect(verdicts.of(known(), of(3))).toEqual([]);
  });
});

describe("the latency that observers measured", () => {
  it("is the mean of those that measured the instance as it is defined now", () => {
    const verdicts = new Verdicts();
    expect(meanLatencyMs(verdicts.of(known(), of(4)))).toBeUndefined();
    verdicts.take("A", vote(1, { latencyMs: 10 }));
    verdicts.take("B", vote(1, { latencyMs: 20 }));
    verdicts.take("C", vote(0));
    verdicts.take("D", vote(1, { latencyMs: 1_000, definedIndex: 4 }));
    expect(meanLatencyMs(verdicts.of(known(), of(4)))).toBe(15);
  });
});
