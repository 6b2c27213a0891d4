import { describe, expect, it } from "vitest";
import { NEMESES } from "./nemesis/nemeses.ts";
import { optionsOf } from "./options.ts";

const of = (...argv: string[]) => optionsOf(argv, () => 5);

describe("the options", () => {
  it("have defaults, every nemesis and a seed of their own", () => {
    const expected = {
      minutes: 10,
      nodes: [3, 5],
      seed: 5,
      nemeses: [...NEMESES.keys()],
      network: "proxy",
      keep: false,
    };
    expect(of()).toMatchObject(expected);
  });

  it("are read, also behind the dashes of a package manager", () => {
    const given = of("--", "--minutes", "0.5", "--nodes", "1,3", "--seed", "0", "--nemesis", "kill,pause", "--keep");
    expect(given).toMatchObject({ minutes: 0.5, nodes: [1, 3], seed: 0, nemeses: ["kill", "pause"], keep: true });
  });

  it.each([
    ["--minutes", "soon"],
    ["--minutes", ""],
    ["--nodes", "3,x"],
    ["--nodes", "2.5"],
    ["--nodes", "0"],
    ["--seed", "-1"],
    ["--nemesis", "kil"],
    ["--network", "radio"],
    ["--colour", "red"],
  ])("refuse %s %s", (name, value) => {
    expect(() => of(`${name}=${value}`)).toThrow(name.slice(2));
  });
});
