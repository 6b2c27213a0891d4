import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const sources = globSync("{packages/*,apps/daemon}/src/**/*.ts", { cwd: ROOT })
  .filter((path) => !path.endsWith(".test.ts") && !/packages\/(types|client)\//.test(path))
  .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, "utf8") }));

/** Calls of a logger whose message stands there; those with a variable are looked at the other way round. */
const CALL = /logger(?:\.(info|warn|error)|\[[^\]]*\])\(\s*"((?:[^"\\]|\\.)*)"/gi;

function logged(): { level: string | undefined; message: string; path: string }[] {
  return sources.flatMap(({ path, text }) =>
    [...text.matchAll(CALL)].map(([, level, message]) => ({ level, message: message!, path })),
  );
}

function documented(): Map<string, string> {
  const text = readFileSync(`${ROOT}docs/reference/log-events.md`, "utf8");
  const rows = text.matchAll(/^\| `((?:[^`\\]|\\.)+)` \| (info|warn|error) \|/gm);
  return new Map([...rows].map(([, message, level]) => [message!.replaceAll("\\`", "`"), level!]));
}

describe("docs/reference/log-events.md", () => {
  it("has every event of the code, with its level", () => {
    const known = documented();
    const calls = logged();
    expect(calls.length).toBeGreaterThan(50);
    const wrong = calls.filter(({ level, message }) => {
      const told = known.get(message);
      return told === undefined || (level !== undefined && told !== level);
    });
    expect(wrong).toEqual([]);
  });

  it("has no event that the code does not have", () => {
    const all = sources.map(({ text }) => text).join("\n");
    expect([...documented().keys()].filter((message) => !all.includes(`"${message}"`))).toEqual([]);
  });
});

it("no message has anything in it that varies: that belongs into the fields", () => {
  const varying = sources.filter(({ text }) => /logger(?:\.\w+|\[[^\]]*\])\(\s*`/i.test(text)).map(({ path }) => path);
  expect(varying).toEqual([]);
});
