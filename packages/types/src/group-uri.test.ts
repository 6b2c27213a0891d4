import { expect, test } from "vitest";
import { groupUri } from "./group-uri.ts";

test("a group becomes one URI of ASCII characters that nothing can break out of", () => {
  expect(groupUri("default.group.dister")).toBe("dister://default.group.dister/node");
  expect(groupUri('a/node, URI:"b"')).toBe("dister://a%2Fnode%2C%20URI%3A%22b%22/node");
  expect(groupUri("(it's!*)")).toBe("dister://%28it%27s%21%2A%29/node");
  expect(groupUri("Köln")).toBe("dister://K%C3%B6ln/node");
  expect(groupUri("\ud800")).toBe("dister://%EF%BF%BD/node");
});

test("two groups never have the same URI, not even by case or by what looks encoded", () => {
  const groups = ["g", "G", "g/", "g%2F", "g ", "g+", ""];
  expect(new Set(groups.map(groupUri)).size).toBe(groups.length);
});
