import { describe, expect, test } from "vitest";
import { type AppendAttempt, checkAppend, type ListRead } from "./append-check.ts";
import type { Outcome } from "./operation.ts";

type Span = readonly [from: number, to: number];

const append = (element: string, [invokedAt, completedAt]: Span, outcome: Outcome = "ok"): AppendAttempt => ({
  list: "l",
  element,
  requestId: `request of ${element}`,
  invokedAt,
  completedAt,
  outcome,
});
const read = (elements: string, [invokedAt, completedAt]: Span, reader = "r"): ListRead => ({
  list: "l",
  reader,
  elements: elements.split(""),
  invokedAt,
  completedAt,
});
const kindsOf = (...args: Parameters<typeof checkAppend>): string[] => checkAppend(...args).map(({ kind }) => kind);

const a = append("a", [0, 1]);
const b = append("b", [2, 3]);
const c = append("c", [4, 5]);

describe("a list passes", () => {
  test("when reads show longer and longer prefixes", () => {
    expect(
      checkAppend([a, b, c], [read("", [0, 1]), read("a", [2, 3]), read("ab", [4, 5]), read("abc", [6, 7])]),
    ).toEqual([]);
  });

  test("when overlapping reads differ by an append that runs at the same time", () => {
    expect(checkAppend([a, append("b", [2, 9])], [read("ab", [3, 6]), read("a", [4, 7])])).toEqual([]);
  });

  test("when a retry with the same request id is acknowledged and the element is there once", () => {
    const attempts = [
      append("a", [0, 1], "unknown"),
      append("a", [2, 3], "unknown"),
      append("a", [4, 5]),
      append("b", [6, 7]),
    ];
    expect(checkAppend(attempts, [read("ab", [8, 9])])).toEqual([]);
  });

  test.each(["a", "ab"])("when the last append is of unknown outcome and the list is %s", (elements) => {
    expect(checkAppend([a, append("b", [2, 3], "unknown")], [read(elements, [9, 10])])).toEqual([]);
  });

  test("when a refused append is left out", () => {
    expect(checkAppend([a, append("b", [2, 3], "refused"), c], [read("ac", [6, 7])])).toEqual([]);
  });

  test("when lists of two writers grow apart from each other", () => {
    const other = { ...append("z", [0, 1]), list: "m" };
    expect(checkAppend([a, other], [read("a", [2, 3]), { ...read("z", [2, 3]), list: "m" }])).toEqual([]);
  });
});

describe("a list fails", () => {
  test("when an acknowledged append is not in a later read, and is told once", () => {
    expect(kindsOf([a, b], [read("a", [4, 5]), read("a", [6, 7])])).toEqual(["lost"]);
  });

  test("when an acknowledged append is missing in the middle", () => {
    expect(kindsOf([a, b, c], [read("ac", [6, 7])])).toEqual(["lost"]);
  });

  test("when an append is there twice after a retry", () => {
    expect(kindsOf([append("a", [0, 1], "unknown"), append("a", [2, 3])], [read("aa", [4, 5])])).toEqual(["doubled"]);
  });

  test("when two reads fork", () => {
    const open = [append("a", [0, 99]), append("b", [99, 100])];
    expect(kindsOf(open, [read("ab", [99, 99]), read("b", [99, 99])])).toEqual(["fork"]);
  });

  test("when a later read shows less than an earlier one", () => {
    const attempts = [a, append("b", [2, 9])];
    expect(kindsOf(attempts, [read("ab", [3, 4]), read("a", [5, 6])])).toEqual(["went-back"]);
  });

  test("when a refused append is present", () => {
    expect(kindsOf([a, append("b", [2, 3], "refused")], [read("ab", [4, 5])])).toEqual(["refused-present"]);
  });

  test("when an element is there that nobody appended", () => {
    expect(kindsOf([a], [read("az", [2, 3])])).toEqual(["never-appended"]);
  });

  test("when a read shows what was only appended afterwards", () => {
    expect(kindsOf([a, append("b", [9, 10])], [read("ab", [2, 3])])).toEqual(["from-the-future"]);
  });

  test("when two appends stand in the wrong order", () => {
    expect(kindsOf([a, b], [read("ba", [4, 5])])).toEqual(["out-of-order"]);
  });

  test("when its writer went on before an append was settled, which would make the other findings doubtful", () => {
    expect(kindsOf([append("a", [0, 1], "unknown"), b], [read("ab", [4, 5])])).toEqual(["writer-went-on"]);
  });

  test("and the message names the list, the reader and the time", () => {
    const { message } = checkAppend([a], [read("", [4, 5], "node 2")])[0]!;
    expect(message).toBe("list l: a, acknowledged at 1, is not in the read by node 2 at 4");
  });
});

describe("a history of appends that the harness made wrongly is refused", () => {
  test("one request id for two elements", () => {
    expect(() => checkAppend([a, { ...b, requestId: a.requestId }], [])).toThrow(TypeError);
  });

  test("one element with two request ids", () => {
    expect(() => checkAppend([a, { ...a, requestId: "another" }], [])).toThrow(TypeError);
  });
});
