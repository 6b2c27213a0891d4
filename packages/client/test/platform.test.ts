import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the source imports nothing of Node, so that it runs in a browser", () => {
  const folder = new URL("../src/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  expect(files).toContain("index.ts");
  for (const name of files) {
    const source = readFileSync(new URL(name, folder), "utf8");
    expect(source, name).not.toMatch(/from "(node:|@dister\/types\/)/);
    expect(source, name).not.toMatch(/\b(Buffer|process)\./);
  }
});
