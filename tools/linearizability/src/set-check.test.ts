import { describe, expect, test } from "vitest";
import type { Outcome } from "./operation.ts";
import { checkSet, type SetAdd } from "./set-check.ts";

const add = (element: string, outcome: Outcome = "ok"): SetAdd => ({ client: 1, element, outcome });
const read = (node: string, ...elements: string[]) => ({ node, elements });
const kindsOf = (...args: Parameters<typeof checkSet>): string[] => checkSet(...args).map(({ kind }) => kind);

describe("a set passes", () => {
  test("when every node holds every acknowledged add, in any order", () => {
    expect(checkSet([add("a"), add("b")], [read("n1", "a", "b"), read("n2", "b", "a")])).toEqual([]);
  });

  test.each([[["a", "u"]], [["a"]]])("with an add of unknown outcome on all nodes or on none: %s", (elements) => {
    expect(checkSet([add("a"), add("u", "unknown")], [read("n1", ...elements), read("n2", ...elements)])).toEqual([]);
  });

  test("when a refused add was tried again and the outcome of that is unknown", () => {
    const adds = [add("a", "refused"), add("a", "unknown")];
    expect(checkSet(adds, [read("n1", "a")])).toEqual([]);
    expect(checkSet(adds, [read("n1")])).toEqual([]);
  });
});

describe("a set fails", () => {
  test("when an acknowledged add is missing on one node, which then also differs from the others", () => {
    expect(kindsOf([add("a"), add("b")], [read("n1", "a", "b"), read("n2", "a")])).toEqual(["lost", "nodes-differ"]);
  });

  test("when an acknowledged add is missing everywhere, also when another attempt of it was refused", () => {
    expect(kindsOf([add("a")], [read("n1"), read("n2")])).toEqual(["lost", "lost"]);
    expect(kindsOf([add("a"), add("a", "refused")], [read("n1")])).toEqual(["lost"]);
  });

  test("when a refused add is present", () => {
    expect(kindsOf([add("a", "refused")], [read("n1", "a")])).toEqual(["refused-present"]);
  });

  test("when something is present that nobody added", () => {
    expect(kindsOf([add("a")], [read("n1", "a", "z")])).toEqual(["never-added"]);
  });

  test("when an element is there twice", () => {
    expect(kindsOf([add("a")], [read("n1", "a", "a")])).toEqual(["doubled"]);
  });

  test("when an add of unknown outcome is on some nodes only", () => {
    expect(kindsOf([add("u", "unknown")], [read("n1"), read("n2", "u")])).toEqual(["nodes-differ"]);
    expect(kindsOf([add("u", "unknown")], [read("n1", "u"), read("n2")])).toEqual(["nodes-differ"]);
  });

  test("when nobody read it", () => {
    expect(kindsOf([add("a")], [])).toEqual(["no-reads"]);
  });

  test("and the message names the node and the element", () => {
    expect(checkSet([add("a")], [read("n7")])[0]!.message).toBe("node n7 does not hold a, whose add was acknowledged");
  });
});
