import type { PageDocument, PageElement, Tag, Tree } from "../src/views/tree.ts";

/** As much of an element as the page uses, without a browser. */
export class FakeElement implements PageElement<FakeElement> {
  readonly tag: Tag;
  readonly attributes = new Map<string, string>();
  readonly children: (FakeElement | string)[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(tag: Tag) {
    this.tag = tag;
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }

  addEventListener(_type: "click", listener: () => void): void {
    this.#listeners.push(listener);
  }

  append(...children: (FakeElement | string)[]): void {
    this.children.push(...children);
  }

  click(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const fakePage: PageDocument<FakeElement> = { createElement: (tag) => new FakeElement(tag) };

/** The text of a tree as a reader sees it. */
export function textOf(tree: Tree | string): string {
  return typeof tree === "string" ? tree : tree.children.map(textOf).join("");
}

/** All elements of a tree with a tag, from the top down. */
export function allOf(tree: Tree | string, tag: Tag): Tree[] {
  if (typeof tree === "string") return [];
  return [...(tree.tag === tag ? [tree] : []), ...tree.children.flatMap((child) => allOf(child, tag))];
}

/** The rows of a table as texts, without its head. */
export function rowsOf(tree: Tree): string[][] {
  return allOf(tree, "tbody")
    .flatMap((body) => allOf(body, "tr"))
    .map((row) => row.children.map(textOf));
}
