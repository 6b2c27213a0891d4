import { readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { consoleFolder } from "../src/index.ts";
import { buildPage } from "./built-page.ts";

const KB = 1_000;
let page: Awaited<ReturnType<typeof buildPage>>;

beforeAll(async () => {
  page = await buildPage();
});
afterAll(() => page.remove());

const read = (name: string): string => readFileSync(join(page.folder, name), "utf8");

test("the package says where the built page is", () => {
  expect(isAbsolute(consoleFolder())).toBe(true);
  expect(consoleFolder()).toBe(fileURLToPath(new URL("../dist/page", import.meta.url)));
});

describe("the built page", () => {
  test("is four files, the script below 60 kB", () => {
    expect(readdirSync(page.folder).toSorted()).toEqual(["icon.svg", "index.html", "main.js", "page.css"]);
    expect(statSync(join(page.folder, "main.js")).size).toBeLessThan(60 * KB);
  });

  test("loads nothing from elsewhere and holds nothing that its content policy forbids", () => {
    const html = read("index.html");
    const loaded = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
    expect(new Set(loaded)).toEqual(new Set(["#main", "icon.svg", "main.js", "page.css"]));
    expect(html).not.toMatch(/<style|style=|\son\w+=|javascript:|<script(?! type="module" src="main\.js"><\/script>)/i);
    expect(read("page.css")).not.toMatch(/@import|url\(/);
    expect(read("icon.svg")).not.toMatch(/<script|href|style=/);
  });

  test("has a script that imports nothing and carries no schema library", () => {
    const script = read("main.js");
    expect(script).not.toMatch(/\bimport\b\s*[("'{*]|\bfrom\s*["']/);
    expect(script).not.toMatch(/zod/i);
  });

  test("has a script that never turns text into markup or code", () => {
    expect(read("main.js")).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|DOMParser|createContextualFragment|\beval\b|new Function/,
    );
  });

  test("has every part that the script looks for, each once", () => {
    const ids = [...read("index.html").matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const sources = ["main.ts", "key-form.ts"].map((name) =>
      readFileSync(new URL(`../src/${name}`, import.meta.url), "utf8"),
    );
    const wanted = [...sources.join("\n").matchAll(/(?:part|setText)\("([^"]+)"/g)].map(([, id]) => id);
    expect(wanted.length).toBeGreaterThan(15);
    for (const id of wanted) expect(ids).toContain(id);
  });

  test("labels every field", () => {
    const html = read("index.html");
    const fields = [...html.matchAll(/<(?:input|textarea)[^>]*\sid="([^"]*)"/g)].map(([, id]) => id);
    const labelled = [...html.matchAll(/<label[^>]*\sfor="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(labelled)).toEqual(new Set(fields));
  });
});
