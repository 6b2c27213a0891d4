import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";
import { pageBuild } from "../tsup.config.ts";

/** Builds the page from its sources into a folder of its own, the way the package is built. */
export async function buildPage(): Promise<{ folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "dister-page-"));
  const before = process.cwd();
  const root = fileURLToPath(new URL("..", import.meta.url));
  try {
    process.chdir(root);
    // The bundler keeps the folder that the process was started in, which is the repository's when all tests run.
    const entry = { main: join(root, "src/main.ts") };
    await build({ ...pageBuild(folder), entry, config: false, silent: true });
  } finally {
    process.chdir(before);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
