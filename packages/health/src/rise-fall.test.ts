import { isDisterError, STATUS } from "@dister/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RiseFall } from "./rise-fall.ts";

const { alive, dead } = STATUS;
const run = (riseFall: RiseFall, results: string): (number | undefined)[] =>
  results.split("").map((result) => riseFall.observe(result === "+"));

test("the dead become alive with the rise-th success in a row, and that is told once", () => {
  const riseFall = new RiseFall({ rise: 3, fall: 1, initial: dead });
  expect(run(riseFall, "++++")).toEqual([undefined, undefined, alive, undefined]);
  expect(riseFall.status).toBe(alive);
});

test("the living become dead with the fall-th failure in a row, and that is told once", () => {
  const riseFall = new RiseFall({ rise: 1, fall: 2, initial: alive });
  expect(run(riseFall, "---")).toEqual([undefined, dead, undefined]);
});

test("one result of the other kind starts the count anew", () => {
  const riseFall = new RiseFall({ rise: 2, fall: 3, initial: alive });
  expect(run(riseFall, "--+--+--")).toEqual(Array(8).fill(undefined));
  expect(run(riseFall, "-+-+-")).toEqual([dead, undefined, undefined, undefined, undefined]);
});

test("for any results the status is what the last run that was long enough says", () => {
  const anyCount = fc.integer({ min: 1, max: 5 });
  const anyResults = fc.array(fc.constantFrom("+", "-"), { maxLength: 60 }).map((results) => results.join(""));
  fc.assert(
    fc.property(anyCount, anyCount, anyResults, fc.constantFrom(alive, dead), (rise, fall, results, initial) => {
      const riseFall = new RiseFall({ rise, fall, initial });
      run(riseFall, results);
      const lastRise = results.lastIndexOf("+".repeat(rise)) + rise;
      const lastFall = results.lastIndexOf("-".repeat(fall)) + fall;
      const rose = results.includes("+".repeat(rise));
      const fell = results.includes("-".repeat(fall));
      const wanted = !rose && !fell ? initial : rose && (!fell || lastRise > lastFall) ? alive : dead;
      expect(riseFall.status).toBe(wanted);
    }),
  );
});

test.each([0, -1, 1.5, Number.NaN])("a count of %s is refused by name", (count) => {
  for (const field of ["rise", "fall"] as const) {
    try {
      new RiseFall({ rise: 1, fall: 1, initial: dead, [field]: count });
      expect.unreachable();
    } catch (error) {
      expect(isDisterError(error, "DISTER_ERR_INVALID")).toBe(true);
      expect((error as Error).message).toContain(`${field}: got ${count}`);
    }
  }
});

test("what is not known yet is decided by rise successes or fall failures in a row, whichever come first", () => {
  const unknown = () => new RiseFall({ rise: 3, fall: 2, initial: null });
  expect(unknown().status).toBeNull();
  expect(run(unknown(), "++-++--")).toEqual([undefined, undefined, undefined, undefined, undefined, undefined, dead]);
  expect(run(unknown(), "-+++")).toEqual([undefined, undefined, undefined, alive]);
});

test("the status that was given is not found until a result speaks for it", () => {
  const riseFall = new RiseFall({ rise: 2, fall: 3, initial: alive });
  run(riseFall, "--");
  expect([riseFall.status, riseFall.found]).toEqual([alive, null]);
  run(riseFall, "+");
  expect(riseFall.found).toBe(alive);
  run(riseFall, "--");
  expect(riseFall.found).toBe(alive);
  run(riseFall, "-");
  expect(riseFall.found).toBe(dead);
  run(riseFall, "+");
  expect(riseFall.found).toBe(dead);
});
