import { describe, expect, test } from "vitest";
import { compareText, rangeOf } from "./key-range.ts";

describe("the range of a page", () => {
  test("begins at the prefix, or behind the last key when that is further on", () => {
    expect(rangeOf("b", "")).toMatchObject({ from: "b", behind: false });
    expect(rangeOf("b", "b")).toMatchObject({ from: "b", behind: true });
    expect(rangeOf("b", "bx")).toMatchObject({ from: "bx", behind: true });
    expect(rangeOf("", "")).toMatchObject({ from: "", behind: true });
  });

  test("ends at the first text that is behind everything with the prefix", () => {
    expect(rangeOf("a", "").to).toBe("b");
    expect(rangeOf("a\u{10FFFF}", "").to).toBe("b");
    expect(rangeOf("\uD7FF", "").to).toBe("\uE000");
    expect(rangeOf("\uFFFF", "").to).toBe("\u{10000}");
    expect(rangeOf("\u{10FFFF}\u{10FFFF}", "").to).toBeUndefined();
    expect(rangeOf("", "").to).toBeUndefined();
  });
});

test("text is ordered by its UTF-8 bytes, not by its UTF-16 units", () => {
  expect(compareText("\uFFFF", "\u{10000}")).toBeLessThan(0);
  expect(compareText("a", "ab")).toBeLessThan(0);
  expect(compareText("b", "ab")).toBeGreaterThan(0);
  expect(compareText("é", "é")).toBe(0);
});
