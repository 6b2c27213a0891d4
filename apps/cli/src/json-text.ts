/**
 * Reads JSON.
 * @returns the value, or where the text is wrong. Never what stands there, as the platform's own messages do: it may be a
 *   password.
 */
export function readJson(text: string): { readonly value: unknown } | { readonly wrong: string } {
  const read = parsed(text);
  if ("value" in read) return read;
  const [, line, column] = /\(line (\d+) column (\d+)\)$/.exec(read.message) ?? [];
  if (line !== undefined) return { wrong: `line ${line}, column ${column}` };
  return { wrong: isUnexpected(text) ? placeOf(text, firstUnexpected(text)) : "it ends too early" };
}

/** The platform says of most that is wrong where it stands, but not of a character with which nothing can begin. */
function isUnexpected(text: string): boolean {
  const read = parsed(text);
  return "message" in read && read.message.startsWith("Unexpected token");
}

/** Position of such a character: every text that has it is refused for it, and none that ends before it. */
function firstUnexpected(text: string): number {
  let [without, having] = [0, text.length];
  while (having - without > 1) {
    const middle = Math.floor((without + having) / 2);
    if (isUnexpected(text.slice(0, middle))) having = middle;
    else without = middle;
  }
  return without;
}

function placeOf(text: string, position: number): string {
  const lines = text.slice(0, position).split("\n");
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}

function parsed(text: string): { readonly value: unknown } | { readonly message: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { message: (error as Error).message };
  }
}
