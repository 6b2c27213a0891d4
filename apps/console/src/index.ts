import { fileURLToPath } from "node:url";

/**
 * Absolute path of the folder with the built page: `index.html`, `page.css`, `main.js` and `icon.svg`. It is there once
 * the package is built, as the published one is.
 */
export function consoleFolder(): string {
  return fileURLToPath(new URL("../dist/page", import.meta.url));
}
