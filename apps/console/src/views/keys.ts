import type { KvPair } from "@dister/client";
import type { Part, ShownKeys } from "../model.ts";
import { type Cell, type Column, nothing, table } from "./table.ts";
import { foreignText } from "./text.ts";
import { button, element, type Tree } from "./tree.ts";

const COLUMNS: readonly Column[] = [
  { title: "Key", class: "id" },
  { title: "Value", class: "wide" },
  { title: "Actions", class: "actions" },
];

/** What a reader may do with a key. */
export interface KeyActions {
  edit(pair: KvPair): void;
  remove(key: string): void;
}

/** One page of keys. */
export function keysView(part: Part<ShownKeys>, actions: KeyActions): Tree {
  if (!part.ok) return nothing(`The keys could not be read: ${part.message}`);
  const { items, query } = part.data;
  if (items.length === 0) return nothing(emptyText(query));
  const caption = query.prefix === "" ? "Keys" : "Keys with the prefix";
  return table(
    caption,
    COLUMNS,
    items.map((pair) => rowOf(pair, actions)),
  );
}

function emptyText({ prefix, after }: ShownKeys["query"]): string {
  if (after !== "") return "There are no further keys.";
  return prefix === "" ? "There are no keys yet." : "No key has this prefix.";
}

function rowOf(pair: KvPair, actions: KeyActions): Cell[] {
  const { key, value } = pair;
  const edit = { "data-focus": `edit ${key}`, "aria-label": `Edit key ${key}` };
  const remove = { "data-focus": `delete ${key}`, "aria-label": `Delete key ${key}`, class: "danger" };
  return [
    foreignText(key),
    foreignText(value),
    element(
      "div",
      { class: "buttons" },
      button(edit, "Edit", () => actions.edit(pair)),
      button(remove, "Delete", () => actions.remove(key)),
    ),
  ];
}
