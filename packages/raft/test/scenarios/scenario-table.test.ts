import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../../..");
const PAGE = readFileSync(join(ROOT, "docs/internals/scenarios.md"), "utf8");

/** How many scenarios there are of each letter. */
const COUNTS = { E: 16, R: 14, Q: 6, T: 3, M: 10, S: 8, C: 5, P: 5 };

const rows = [...PAGE.matchAll(/^\| ([A-Z]\d+) \| ([^|]+) \| (.+) \|$/gm)].map(([, id, what, where]) => ({
  id: id!,
  what: what!,
  where: where!,
}));

const transcripts = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".txt"));

/** Backticked paths of a text, each with the name of a test in it where one is given. */
function named(text: string): { path: string; test: string | undefined }[] {
  return [...text.matchAll(/`([\w/.-]+\.(?:txt|ts))`(?:: "([^"]+)")?/g)].map(([, path, test]) => ({
    path: path!,
    test,
  }));
}

function fileOf(path: string): string {
  return path.endsWith(".txt") ? join(import.meta.dirname, path) : join(ROOT, path);
}

describe("the table of scenarios", () => {
  it("has every ID once, in order", () => {
    const all = Object.entries(COUNTS).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
    );
    expect(rows.map(({ id }) => id)).toEqual(all);
  });

  it.each(rows)("$id names a test, or says why it does not apply", ({ where }) => {
    if (/^Does not apply: \w/.test(where)) expect(named(where)).toEqual([]);
    else expect(named(where).length).toBeGreaterThan(0);
  });

  it("names only what there is: files, and tests in them", () => {
    for (const { path, test } of named(PAGE)) {
      expect([path, existsSync(fileOf(path))]).toEqual([path, true]);
      if (test === undefined) continue;
      expect([path, test, readFileSync(fileOf(path), "utf8").includes(test)]).toEqual([path, test, true]);
    }
  });

  it("explains every command that a transcript uses", () => {
    const texts = transcripts.map((name) => readFileSync(fileOf(name), "utf8"));
    const commands = texts.flatMap((text) => [...text.matchAll(/^> (?:[a-z]: )?([\w-]+)/gm)].map(([, word]) => word!));
    const explained = new Set([...PAGE.matchAll(/`(?:[a-z]: )?([a-z][\w-]*)[^`]*`/g)].map(([, word]) => word!));
    expect([...new Set(commands)].filter((word) => !explained.has(word))).toEqual([]);
  });

  it("names every transcript in the row of its ID", () => {
    for (const name of transcripts) {
      const row = rows.find(({ id }) => id === name.split("-")[0]);
      expect([name, row?.where.includes(`\`${name}\``)]).toEqual([name, true]);
    }
    expect(rows.flatMap(({ where }) => named(where)).filter(({ path }) => path.endsWith(".txt"))).toHaveLength(
      transcripts.length,
    );
  });
});
