import { expect, test } from "vitest";
import { KeyPages } from "./key-pages.ts";

test("pages go forward from the key that the page before ended with, and back the same way", () => {
  const pages = new KeyPages(25);
  expect(pages.query).toEqual({ prefix: "", after: "", limit: 25 });
  pages.next("k");
  pages.next("t");
  expect([pages.query.after, pages.number]).toEqual(["t", 3]);
  pages.previous();
  expect([pages.query.after, pages.number]).toEqual(["k", 2]);
  pages.previous();
  pages.previous();
  expect([pages.query.after, pages.number]).toEqual(["", 1]);
});

test("another prefix begins at its first page", () => {
  const pages = new KeyPages(25);
  pages.next("k");
  pages.search("config/");
  expect([pages.query, pages.number]).toEqual([{ prefix: "config/", after: "", limit: 25 }, 1]);
});
