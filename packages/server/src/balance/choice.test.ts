import { serviceOf } from "@dister/types/testing";
import { expect, it } from "vitest";
import { choicesOf } from "./choice.ts";

function choices(type: string, node: readonly object[]): [string, string | null, string | null][] {
  return choicesOf(serviceOf({ name: "s", type, node })).map(({ id, host, port }) => [id, host, port]);
}

it("a choice is known by its address, and the second of one address by its number as well", () => {
  const node = [
    { host: "a", port: 1 },
    { host: "::1", port: 2 },
    { host: "a", port: 1 },
    { host: "a", port: 1 },
  ];
  expect(choices("tcp", node)).toEqual([
    ["a:1", "a", "1"],
    ["[::1]:2", "::1", "2"],
    ["a:1#2", "a", "1"],
    ["a:1#3", "a", "1"],
  ]);
});

it("the address of a web check stands for the node's, without path and query", () => {
  const urls = ["http://a/x?token=s3cret", "https://b/", "http://[::1]:81/y", "http://a/z"];
  expect(
    choices(
      "web",
      urls.map((url) => ({ url })),
    ),
  ).toEqual([
    ["a:80", "a", "80"],
    ["b:443", "b", "443"],
    ["[::1]:81", "::1", "81"],
    ["a:80#2", "a", "80"],
  ]);
  expect(choices("web", [{ url: "http://a/", host: "front", port: 8080 }])).toEqual([["front:8080", "front", "8080"]]);
});
