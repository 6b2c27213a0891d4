import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const table = readFileSync(new URL("../../../docs/internals/log-recovery.md", import.meta.url), "utf8");

test("every test that the table of recovery names is there", () => {
  const named = [...table.matchAll(/`([a-z-]+\.test\.ts)`: "([^"]+)"/g)];
  expect(named.length).toBeGreaterThan(40);
  for (const [, file, name] of named) {
    const source = readFileSync(new URL(file!, import.meta.url), "utf8");
    expect(source.includes(`test("${name}"`), `${file}: ${name}`).toBe(true);
  }
});
