import { expect, test } from "vitest";
import { shrink } from "../src/shrink.ts";

test.each([[[3]], [[0, 9]], [[2, 3, 11]], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]], [[]]])(
  "of twelve faults those that are needed are left: %j",
  async (needed) => {
    const all = Array.from({ length: 12 }, (_, at) => at);
    let runs = 0;
    const kept = await shrink(all, async (faults) => {
      runs++;
      return needed.every((fault) => faults.includes(fault));
    });
    expect(kept).toEqual(needed);
    expect(runs).toBeLessThan(100);
  },
);
