import { nothing } from "./views/table.ts";
import { type Tree, toDom } from "./views/tree.ts";

/**
 * A part of the page that is made anew when what it shows has changed, and only then: whoever reads or marks text in it
 * is not disturbed, and the keyboard stays where it was.
 */
export class Section {
  readonly #root: HTMLElement;
  #shown: string | null = null;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** @param view - may fail, on a reply of another version: the rest of the page goes on, and the failure is seen. */
  show(view: () => Tree): void {
    const tree = treeOf(view);
    // Listeners are not compared: those of equal trees do the same to the same keys.
    const text = JSON.stringify(tree);
    if (text === this.#shown) return;
    this.#shown = text;
    const active = document.activeElement;
    const focused = this.#root.contains(active) ? (active as HTMLElement).dataset["focus"] : undefined;
    this.#root.replaceChildren(toDom(document, tree));
    if (focused !== undefined) this.#focus(focused);
  }

  /** Compares instead of selecting: a key may hold anything, also what would be another selector. */
  #focus(name: string): void {
    const candidates = this.#root.querySelectorAll<HTMLElement>("[data-focus]");
    const same = [...candidates].find((candidate) => candidate.dataset["focus"] === name);
    // What had the focus is gone, as after a deletion: the section itself takes it, so that Tab goes on from here.
    (same ?? this.#root).focus();
  }
}

function treeOf(view: () => Tree): Tree {
  try {
    return view();
  } catch (error) {
    return nothing(`This cannot be shown: ${(error as Error).message}`);
  }
}
