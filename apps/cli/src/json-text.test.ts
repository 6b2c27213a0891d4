import { describe, expect, it } from "vitest";
import { readJson } from "./json-text.ts";

describe("a text that is no JSON", () => {
  it.each<[string, string, string]>([
    ["a text without quotes", '{\n  "pass": hunter2\n}', "line 2, column 11"],
    ["a comma before the end", '[\n  {"a": 1},\n]', "line 3, column 1"],
    ["a comment", '// services\n{"a": 1}', "line 1, column 1"],
    ["two values without a comma", '{"pass":"hunter2" "a":1}', "line 1, column 19"],
    ["a name without quotes", '{pass:"hunter2"}', "line 1, column 2"],
    ["something behind the end", '{"pass":"hunter2"}\nx', "line 2, column 1"],
    ["a word that is nearly one", "[trve]", "line 1, column 4"],
    ["a text that does not end", '{"pass":"hunter2', "line 1, column 17"],
    ["half an object", '{"pass":"hunter2",', "line 1, column 19"],
    ["half a list", "[1,", "it ends too early"],
    ["nothing", "", "it ends too early"],
  ])("is told by its place, without a word of what it holds: %s (X11)", (_what, text, wrong) => {
    expect(readJson(text)).toEqual({ wrong });
  });

  it("is found in a large file", () => {
    const lines = Array.from({ length: 20_000 }, (_, at) => `{"a":${at}},`);
    expect(readJson(`[\n${lines.join("\n")}\noops]`)).toEqual({ wrong: "line 20002, column 1" });
  });
});

it("JSON is its value", () => {
  expect(readJson('{"a":[1,null]}')).toEqual({ value: { a: [1, null] } });
});
