import { describe, expect, test } from "vitest";
import { textOf } from "../../test/fake-page.ts";
import { durationText, foreignText, momentText, SHOWN_CHARS_MAX } from "./text.ts";

describe("text of a stranger", () => {
  test.each([
    ["a mark that turns the direction around", "a\u202egpj.exe", "aU+202Egpj.exe"],
    ["a character without width", "pass\u200bword", "passU+200Bword"],
    ["a control character", "\u0000\u001b[31m", "U+0000U+001B[31m"],
    ["a byte order mark at the end", "x\ufeff", "xU+FEFF"],
    ["a tag character beyond the first plane", "x\u{e0041}", "xU+E0041"],
    ["half of a surrogate pair", "x\ud800y", "xU+D800y"],
    ["a line break and a tab", "one\ntwo\tthree", "one↵two⇥three"],
  ])("shows %s", (_what, text, shown) => {
    expect(textOf(foreignText(text))).toBe(shown);
  });

  test("keeps letters of every script and whole pairs as they are", () => {
    const text = "Grüße, שלום, 你好, 👋🏽, <b>&amp;</b>";
    expect(foreignText(text).children).toEqual([text]);
  });

  test("does not turn the text around it", () => {
    expect(foreignText("שלום").tag).toBe("bdi");
  });

  test("says that there is nothing", () => {
    expect(textOf(foreignText(""))).toBe("empty");
  });

  test("is cut when it is too long, and says how long it is", () => {
    expect(textOf(foreignText("x".repeat(SHOWN_CHARS_MAX)))).toBe("x".repeat(SHOWN_CHARS_MAX));
    const long = textOf(foreignText("x".repeat(SHOWN_CHARS_MAX + 1)));
    expect(long).toBe(`${"x".repeat(SHOWN_CHARS_MAX)} … ${SHOWN_CHARS_MAX + 1} characters`);
  });

  test("is not cut through a pair of surrogates", () => {
    const text = `${"x".repeat(SHOWN_CHARS_MAX - 1)}👋`;
    expect(textOf(foreignText(text))).toBe(`${"x".repeat(SHOWN_CHARS_MAX - 1)} … ${SHOWN_CHARS_MAX + 1} characters`);
  });
});

test.each([
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_599_999, "59 min"],
  [3_600_000, "1 h 0 min"],
  [47 * 3_600_000, "47 h 0 min"],
  [51 * 3_600_000, "2 d 3 h"],
])("%i ms are %s", (durationMs, text) => {
  expect(durationText(durationMs)).toBe(text);
});

test("a moment is shown in the reader's time zone", () => {
  expect(momentText(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe("2026-01-02 03:04:05");
});
