import { type Child, element, type Tree } from "./tree.ts";

/** A column: its title, and a class for its cells. */
export interface Column {
  readonly title: string;
  readonly class?: "number" | "id" | "actions" | "wide";
}

/** One cell of a row; the first of a row is its header. */
export type Cell = Child;

/**
 * A table whose rows become cards on a narrow screen. The roles are said outright because a browser drops them from a
 * table that is laid out as anything else.
 */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Tree {
  const head = columns.map(({ title, class: kind = "" }) =>
    element("th", { scope: "col", role: "columnheader", class: kind }, title),
  );
  return element(
    "table",
    { role: "table" },
    element("caption", {}, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    element("tbody", { role: "rowgroup" }, ...rows.map((row) => rowOf(columns, row))),
  );
}

function rowOf(columns: readonly Column[], row: readonly Cell[]): Tree {
  const cells = row.map((cell, position) => {
    const { title, class: kind = "" } = columns[position]!;
    const attributes = { class: kind, "data-label": title };
    if (position === 0) return element("th", { ...attributes, scope: "row", role: "rowheader" }, cell);
    return element("td", { ...attributes, role: "cell" }, cell);
  });
  return element("tr", { role: "row" }, ...cells);
}

/** A word with a colour; the word alone says it too. */
export function badge(kind: "good" | "warn" | "bad" | "plain", word: string): Tree {
  return element("span", { class: `badge ${kind}` }, word);
}

/** What stands in place of a table that has no rows, or could not be read. */
export function nothing(message: string): Tree {
  return element("p", { class: "nothing" }, message);
}
