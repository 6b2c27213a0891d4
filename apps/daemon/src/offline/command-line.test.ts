import { expect, test } from "vitest";
import { offlineCommandLine } from "./command-line.ts";

test("a command line without a command runs a node", () => {
  for (const argv of [[], ["--MinNode=3"], ["-h"]]) expect(offlineCommandLine(argv)).toBeUndefined();
});

test("a command takes its own flags, whatever their form, and leaves those of the configuration", () => {
  const argv = ["recover", "--Yes", "--SavePath", "x", "--accept-damage", "--AcceptDamage", "--json", "--MinNode=3"];
  expect(offlineCommandLine(argv)).toEqual({
    command: "recover",
    switches: new Set(["yes", "acceptdamage", "json"]),
    from: undefined,
    rest: ["--SavePath", "x", "--MinNode=3"],
  });
  expect(offlineCommandLine(["restore", "--from", "a=b", "--cfg", "y"])).toMatchObject({
    from: "a=b",
    rest: ["--cfg", "y"],
  });
  expect(offlineCommandLine(["inspect", "--from=f"])).toMatchObject({ from: "f", rest: [] });
  // A flag of another command is none of this one's, and is refused with those of the configuration.
  expect(offlineCommandLine(["reset", "--accept-damage"])).toMatchObject({ rest: ["--accept-damage"] });
});

test("a word that is no command, and a switch with a value, are refused by name", () => {
  expect(() => offlineCommandLine(["recove"])).toThrow(
    "recove: got a word that is no command, allowed is a flag, or one of",
  );
  expect(() => offlineCommandLine(["reset", "--yes=no"])).toThrow("--yes: got a value, allowed is the flag alone");
});
