/** A column of a table for people. */
export interface Column {
  readonly title: string;
  /** Least width, in characters. */
  readonly width?: number;
  readonly align?: "left" | "right";
}

/** Lines of a table: every column as wide as its widest cell, with `gap` between two. */
export function tableOf(columns: readonly Column[], rows: readonly (readonly string[])[], gap = "  "): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map(({ width = 0 }, position) =>
    lines.reduce((widest, cells) => Math.max(widest, lengthOf(cells[position] ?? "")), width),
  );
  const last = columns.length - 1;
  return lines
    .map((cells) =>
      columns
        .map(({ align = "left" }, position) => {
          const text = cells[position] ?? "";
          if (align === "left" && position === last) return text;
          const space = " ".repeat(widths[position]! - lengthOf(text));
          return align === "left" ? text + space : space + text;
        })
        .join(gap),
    )
    .join("\n");
}

/** Text that stays on its line and cannot steer the terminal: control characters are shown as JSON would write them. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => {
    const written = JSON.stringify(control).slice(1, -1);
    // JSON leaves a few as they are.
    return written === control ? `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}` : written;
  });
}

/** The first `count` characters, none of them cut in half. */
export function firstCharacters(text: string, count: number): string {
  const units = text.slice(0, 2 * count);
  return Array.from(units).slice(0, count).join("");
}

/** Characters of a text, as people count them. */
export function lengthOf(text: string): number {
  return Array.from(text).length;
}
