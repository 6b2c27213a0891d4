import { groupUri } from "@dister/types";
import { describe, expect, test } from "vitest";
import { altNames, groupProblem } from "./peer-certificate.ts";

const NO_GROUP = "names no group: it is not one of a node";
const OTHER = "is for another group";

describe("X6: whose certificate it is", () => {
  test("one of the group is taken, wherever its name stands", () => {
    expect(groupProblem("URI:dister://g/node", "g")).toBeUndefined();
    expect(groupProblem("DNS:a.example, IP Address:192.0.2.1, URI:dister://g/node", "g")).toBeUndefined();
    expect(groupProblem("URI:dister://f/node, URI:dister://g/node", "g")).toBeUndefined();
  });

  test("one of another group, of a client or without any name is not", () => {
    expect(groupProblem("URI:dister://h/node", "g")).toBe(OTHER);
    expect(groupProblem("URI:dister://G/node", "g")).toBe(OTHER);
    expect(groupProblem("URI:dister://g/client", "g")).toBe(OTHER);
    expect(groupProblem("URI:dister://g/node/more", "g")).toBe(OTHER);
    expect(groupProblem("DNS:g, URI:https://g/node", "g")).toBe(NO_GROUP);
    expect(groupProblem("DNS:dister://g/node", "g")).toBe(NO_GROUP);
    expect(groupProblem("", "g")).toBe(NO_GROUP);
    expect(groupProblem(undefined, "g")).toBe(NO_GROUP);
  });

  test("a name that holds what looks like another name stays one name", () => {
    expect(groupProblem('DNS:"x, URI:dister://g/node"', "g")).toBe(NO_GROUP);
    expect(groupProblem('DNS:"x\\", URI:dister://g/node, DNS:\\""', "g")).toBe(NO_GROUP);
    expect(altNames('DNS:"a, b", URI:c')).toEqual([
      { kind: "DNS", value: "a, b" },
      { kind: "URI", value: "c" },
    ]);
  });

  test("what is not of the form is not believed in any part", () => {
    for (const text of [
      'DNS:"x, URI:dister://g/node',
      "URI:dister://g/node,",
      "URI:dister://g/node, x",
      ", URI:a",
      '"',
    ]) {
      expect(altNames(text), text).toBeUndefined();
      expect(groupProblem(text, "g"), text).toMatch(/cannot be read/);
    }
  });

  test("any group finds itself in the URI that is made for it", () => {
    for (const group of ["default.group.dister", 'a, URI:dister://g/node"', "Köln/β", "it's (!)", "%2F"]) {
      expect(groupProblem(`DNS:a, URI:${groupUri(group)}`, group)).toBeUndefined();
      expect(groupProblem(`URI:${groupUri(group)}`, "g")).toBe(OTHER);
    }
  });
});
