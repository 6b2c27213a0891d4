import { expect, it } from "vitest";
import { Refusals } from "./refusals.ts";

it("tells the same refusal of the same address once in ten minutes", () => {
  const refusals = new Refusals();
  expect(refusals.isNews("10.0.0.1", "wrong secret", 0)).toBe(true);
  expect(refusals.isNews("10.0.0.1", "wrong secret", 599_999)).toBe(false);
  expect(refusals.isNews("10.0.0.2", "wrong secret", 1)).toBe(true);
  expect(refusals.isNews("10.0.0.1", "other group", 2)).toBe(true);
  expect(refusals.isNews("10.0.0.2", "wrong secret", 600_001)).toBe(true);
});

it("remembers a bounded number of addresses and forgets the one that was told longest ago", () => {
  const refusals = new Refusals();
  for (let host = 0; host <= 256; host++) refusals.isNews(`10.0.${host}`, "no", 0);
  expect(refusals.isNews("10.0.1", "no", 1)).toBe(false);
  expect(refusals.isNews("10.0.0", "no", 1)).toBe(true);
});

it("X2: tells a bounded number of reasons of one address, as of one that has learned to vary them", () => {
  const refusals = new Refusals();
  const told = Array.from({ length: 1_000 }, (_, at) => refusals.isNews("10.0.0.1", `reason ${at}`, at));
  expect(told.filter((isNews) => isNews)).toHaveLength(8);
  expect(refusals.isNews("10.0.0.1", "reason 9", 600_000)).toBe(true);
});

it("X2: tells no reason twice that alternates with another", () => {
  const refusals = new Refusals();
  const told = Array.from({ length: 100 }, (_, at) => refusals.isNews("10.0.0.1", `reason ${at % 2}`, at));
  expect(told.filter((isNews) => isNews)).toHaveLength(2);
});
