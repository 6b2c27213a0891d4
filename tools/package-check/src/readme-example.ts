import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The first block of JavaScript of a package's README: what a newcomer types in. */
export function readmeExample(folder: string): string {
  const text = readFileSync(join(folder, "README.md"), "utf8");
  const block = /```js\n([\s\S]*?)```/.exec(text)?.[1];
  if (block === undefined) throw new Error(`${folder}/README.md has no block of JavaScript`);
  return block;
}
