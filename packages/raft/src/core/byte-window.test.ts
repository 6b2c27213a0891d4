import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWindow } from "./byte-window.ts";

describe("ByteWindow", () => {
  it("R12: counts what was added and not released", () => {
    const window = new ByteWindow();
    window.add(1, 10);
    window.add(2, 0);
    window.add(3, 5);
    window.release(0);
    expect(window.total).toBe(15);
    window.release(2);
    expect(window.total).toBe(5);
    window.release(2);
    window.release(9);
    expect(window.total).toBe(0);
    window.add(10, 7);
    window.clear();
    expect(window.total).toBe(0);
    window.release(99);
    expect(window.total).toBe(0);
  });

  it("R12: equals a sum over a list, also over thousands of entries", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(3)), { minLength: 3_000, maxLength: 4_000 }), (steps) => {
        const window = new ByteWindow();
        let total = 0;
        let released = 0;
        const bytesOf: number[] = [];
        for (const [bytes, behind] of steps) {
          window.add(bytesOf.push(bytes), bytes);
          total += bytes;
          const upTo = Math.max(released, bytesOf.length - behind);
          while (released < upTo) total -= bytesOf[released++]!;
          window.release(upTo);
          if (window.total !== total) throw new Error(`${window.total} instead of ${total}`);
        }
      }),
      { numRuns: 10 },
    );
  });
});
